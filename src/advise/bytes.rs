//! Memory sizes in sentences.

/// Bytes in the unit that GPU memory is sold in: `5.31 GiB`.
#[must_use]
pub fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gib_has_two_decimals() {
        assert_eq!((gib(0), gib(3 << 29), gib(6 << 30)), ("0.00 GiB".into(), "1.50 GiB".into(), "6.00 GiB".into()));
    }
}
