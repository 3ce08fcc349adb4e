//! Readable sizes.

/// Bytes in decimal units: `5.13 GB`.
#[must_use]
pub fn decimal_bytes(bytes: u64) -> String {
    let size = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.2} GB", size / 1e9),
    }
}

/// Bytes in binary units, as for memory: `5.61 GiB`, `742 MiB`.
#[must_use]
pub fn binary_bytes(bytes: u64) -> String {
    let gib = bytes as f64 / 1024.0_f64.powi(3);
    if gib >= 1.0 { format!("{gib:.2} GiB") } else { format!("{:.0} MiB", gib * 1024.0) }
}

/// Bytes in GiB, the unit in which GPU memory is sold, so that sizes in a sentence are comparable: `0.50 GiB`.
#[must_use]
pub fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_decimals() {
        assert_eq!((gib(0), gib(3 << 29), gib(6 << 30)), ("0.00 GiB".into(), "1.50 GiB".into(), "6.00 GiB".into()));
    }

    #[test]
    fn memory_sizes_use_readable_units() {
        for (bytes, text) in [(0, "0 MiB"), (742 << 20, "742 MiB"), (1 << 30, "1.00 GiB"), (6_023_690_487, "5.61 GiB")]
        {
            assert_eq!(binary_bytes(bytes), text);
        }
    }
}
