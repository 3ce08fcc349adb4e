//! How a figure changed, and the verdict.

use crate::record::Direction;
use crate::stats::{PairedDifference, PairedRatio};

/// Error probability of all verdicts together.
pub(super) const ALPHA: f64 = 0.05;

/// Smallest change that counts, as a share.
const MIN_EFFECT: f64 = 0.05;

/// The same for a share of frames, in percentage points.
const MIN_POINTS: f64 = 0.5;

/// Verdict of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeVerdict {
    Improved,
    Worse,
    /// Within the smallest change that counts.
    Same,
    /// Significant alone, not after correction for multiple comparisons.
    Alone,
    /// Inconclusive.
    Open,
}

impl ChangeVerdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Worse => "worse",
            Self::Same => "the same",
            Self::Alone => "significant alone",
            Self::Open => "no difference shown",
        }
    }

    /// Whether the figure changed.
    pub(super) fn is_change(self) -> bool {
        matches!(self, Self::Improved | Self::Worse)
    }
}

/// How a figure changed, in pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PairedChange {
    /// After divided by before.
    Ratio(PairedRatio),
    /// After minus before, in percentage points: for shares, which may be 0.
    Difference(PairedDifference),
}

/// A change with its interval, and the range that counts as no change.
#[derive(Debug, Clone, Copy)]
struct ChangeInterval {
    value: f64,
    interval: Option<(f64, f64)>,
    least: f64,
    most: f64,
}

impl PairedChange {
    pub(super) fn pairs(&self) -> usize {
        match self {
            Self::Ratio(ratio) => ratio.n,
            Self::Difference(difference) => difference.n,
        }
    }

    pub(super) fn interval(&self) -> Option<(f64, f64)> {
        match self {
            Self::Ratio(ratio) => ratio.interval,
            Self::Difference(difference) => difference.interval,
        }
    }

    fn judged(&self) -> ChangeInterval {
        let interval = self.interval();
        match self {
            Self::Ratio(ratio) => {
                ChangeInterval { value: ratio.ratio, interval, least: 1.0 / (1.0 + MIN_EFFECT), most: 1.0 + MIN_EFFECT }
            }
            Self::Difference(difference) => {
                ChangeInterval { value: difference.difference, interval, least: -MIN_POINTS, most: MIN_POINTS }
            }
        }
    }

    /// The verdict, with `p` corrected for all figures.
    pub(super) fn verdict(&self, direction: Direction, p: f64) -> ChangeVerdict {
        let ChangeInterval { value, interval, least, most } = self.judged();
        let Some((low, high)) = interval else { return ChangeVerdict::Open };
        let is_sure = p <= ALPHA;
        let (up, down) = match direction {
            Direction::Higher => (ChangeVerdict::Improved, ChangeVerdict::Worse),
            _ => (ChangeVerdict::Worse, ChangeVerdict::Improved),
        };
        if is_sure && value >= most {
            up
        } else if is_sure && value <= least {
            down
        } else if low >= least && high <= most {
            ChangeVerdict::Same
        } else if low > most || high < least {
            ChangeVerdict::Alone
        } else {
            ChangeVerdict::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: f64, interval: Option<(f64, f64)>, p: f64) -> ChangeVerdict {
        PairedChange::Ratio(PairedRatio { ratio: value, interval, p, n: 12 }).verdict(Direction::Higher, p)
    }

    #[test]
    fn change_must_be_significant_and_large_enough() {
        assert_eq!(verdict(1.10, Some((1.07, 1.13)), 0.01), ChangeVerdict::Improved);
        assert_eq!(verdict(0.90, Some((0.87, 0.93)), 0.01), ChangeVerdict::Worse);
        assert_eq!(verdict(1.02, Some((1.01, 1.03)), 0.01), ChangeVerdict::Same, "significant, but too small to count");
        assert_eq!(verdict(1.10, Some((1.07, 1.13)), 0.20), ChangeVerdict::Alone);
        assert_eq!(verdict(1.10, Some((0.98, 1.22)), 0.20), ChangeVerdict::Open);
        assert_eq!(verdict(1.10, None, 0.01), ChangeVerdict::Open, "too few pairs");
    }

    #[test]
    fn difference_counts_from_half_a_point_and_lower_is_better() {
        let verdict = |difference, interval| {
            let change =
                PairedChange::Difference(PairedDifference { difference, interval: Some(interval), p: 0.01, n: 12 });
            change.verdict(Direction::Lower, 0.01)
        };
        assert_eq!(verdict(-2.0, (-3.0, -1.0)), ChangeVerdict::Improved);
        assert_eq!(verdict(0.7, (0.4, 1.0)), ChangeVerdict::Worse);
        assert_eq!(verdict(0.3, (0.1, 0.5)), ChangeVerdict::Same);
    }
}
