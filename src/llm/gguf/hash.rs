//! A short, stable identifier for a header.

/// 64-bit FNV-1a with Fowler, Noll and Vo's offset basis and prime. The same on every platform; not cryptographic, so
/// collisions can be constructed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fnv1a(u64);

impl Fnv1a {
    /// The hash of no data.
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    /// The hash of all bytes so far.
    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_matches_published_test_vectors() {
        let of = |parts: &[&str]| {
            let mut hash = Fnv1a::new();
            for part in parts {
                hash.update(part.as_bytes());
            }
            hash.value()
        };
        assert_eq!(of(&[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(of(&["a"]), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(of(&["foo", "bar"]), 0x8594_4171_f739_67e8);
    }
}
