//! Whether memory grows from turn to turn, for each side separately.
//!
//! Both sides share a process. Growth of anonymous memory *during* a turn is attributed to that turn's side; the
//! running sums are the points.

use crate::record::{Direction, Metric, MetricStatus};
use crate::report::amount_by;
use crate::stats::{Slope, theil_sen};

/// Minimum share of the turns omitted first, when buffers are touched for the first time.
const WARM_UP: f64 = 0.2;

/// Confidence level of the interval.
const CONFIDENCE: f64 = 0.95;

/// Slope of the running sum in bytes per turn, once the history is full after `full` turns; `None` if the system does
/// not report memory or fewer than two turns remain.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of a count.
pub(super) fn slope(grown_bytes: &[f64], full: usize) -> Option<Slope> {
    let cut = (grown_bytes.len() as f64 * WARM_UP).ceil() as usize;
    let cut = cut.max(full);
    let mut sum = 0.0;
    let points: Vec<(f64, f64)> = (1..)
        .zip(grown_bytes)
        .map(|(turn, grown)| {
            sum += grown;
            (f64::from(turn), sum)
        })
        .skip(cut)
        .collect();
    theil_sen(&points, CONFIDENCE)
}

/// The slope as a metric.
pub(super) fn metric(grown_bytes: &[f64], full: usize) -> Metric {
    let n = grown_bytes.len() as u64;
    match slope(grown_bytes, full) {
        Some(Slope { value, interval: Some((low, high)), n }) => Metric {
            ci_low: Some(low),
            ci_high: Some(high),
            ..Metric::plain("memory_growth", "bytes/turn", value, n as u64, Direction::Lower)
        },
        _ => Metric::absent("memory_growth", "bytes/turn", n, Direction::Lower, MetricStatus::TooFew),
    }
}

/// The slope as text.
pub(super) fn words(grown_bytes: &[f64], full: usize) -> String {
    match slope(grown_bytes, full) {
        Some(Slope { value, interval: Some((low, high)), n }) => format!("{} (n {n})", amount_by(value, low, high)),
        _ => "too short".into(),
    }
}

/// The verdict on both sides.
pub(super) fn verdict(before: &[f64], after: &[f64], full: usize) -> &'static str {
    let interval = |grown: &[f64]| slope(grown, full).and_then(|slope| slope.interval);
    match (interval(before), interval(after)) {
        (Some(before), Some(after)) => {
            if after.1 < before.0 {
                "improved"
            } else if after.0 > before.1 {
                "worse"
            } else if before.0 <= 0.0 && after.0 <= 0.0 {
                "no growth shown"
            } else {
                "no difference shown"
            }
        }
        _ => "too short",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_matches_hand_calculation() {
        // The first fifth is omitted, however much memory grew.
        let steady: Vec<f64> = [1e6, 5e5].into_iter().chain([4096.0; 8]).collect();
        let slope = slope(&steady, 0).unwrap();
        assert!((slope.value - 4096.0).abs() < 1e-6 && slope.n == 8, "{slope:?}");
        assert_eq!(verdict(&[0.0; 10], &steady, 0), "worse");
        assert_eq!(verdict(&steady, &[0.0; 10], 0), "improved");
        assert_eq!(verdict(&[0.0; 10], &[0.0; 10], 0), "no growth shown");
        assert_eq!(verdict(&[0.0; 4], &steady, 0), "too short");
        assert_eq!((words(&[0.0; 4], 0).as_str(), metric(&[0.0; 4], 0).status), ("too short", MetricStatus::TooFew));
        assert_eq!(words(&[], 0), "too short");
        assert_eq!(words(&steady, 6), "too short", "the history fills for six turns, and four remain");
    }
}
