//! The interval of the share of late frames, from counted frames.

/// The normal quantile of one-sided 99 %.
const Z: f64 = 2.326_347_9;

/// Wilson's interval of a share, 99 % on either side; the complete range if nothing was counted.
///
/// Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22 (1927).
pub(super) fn wilson((total, hits): (u64, u64)) -> (f64, f64) {
    if total == 0 {
        return (0.0, 1.0);
    }
    let (n, share, square) = (total as f64, hits as f64 / total as f64, Z * Z);
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_s_interval_by_hand() {
        // 3 of 100 at z 2.3263: centre 0.0541, half 0.0456.
        let (low, high) = wilson((100, 3));
        assert!((low - 0.0086).abs() < 1e-4 && (high - 0.0997).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson((0, 0)), (0.0, 1.0));
    }
}
