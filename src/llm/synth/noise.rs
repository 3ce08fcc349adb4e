//! Seeded random numbers: fast, and the same on every platform and compiler version.

/// The counter's step: 2⁶⁴ divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). Sufficient for random
/// weights; not cryptographic.
#[derive(Debug, Clone)]
pub(super) struct SplitMix64 {
    counter: u64,
}

impl SplitMix64 {
    /// One of a seed's streams: each tensor has its own.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self { counter: mix(seed.wrapping_add(STEP)) ^ mix(stream.wrapping_mul(STEP).wrapping_add(1)) }
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(STEP);
        mix(self.counter)
    }

    /// A number from 0 to below `end`, a power of two.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        debug_assert!(end.is_power_of_two(), "other ends would be drawn unevenly");
        self.next() & (end - 1)
    }

    /// Fills bytes in groups of eight; a remainder stays unchanged.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for eight in bytes.as_chunks_mut().0 {
            *eight = self.next().to_le_bytes();
        }
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_matches_published_test_vectors() {
        // The first three numbers from counter 1234567, as published with the algorithm.
        let mut noise = SplitMix64 { counter: 1_234_567 };
        let first = [noise.next(), noise.next(), noise.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_and_are_reproducible() {
        let bytes = |seed, stream| {
            let mut bytes = [0; 16];
            SplitMix64::new(seed, stream).fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(1, 2), bytes(1, 2));
        assert_ne!(bytes(1, 2), bytes(2, 1));
        assert_ne!(bytes(1, 2), bytes(1, 3));
        assert_eq!(bytes(0, 0).len(), 16);
    }
}
