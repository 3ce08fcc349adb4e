//! When a repetition is cut off: once it is so slow that nothing can make its setting the fastest, or once the budget ends.

use std::time::Duration;

use crate::measure::{LONGEST_REPETITION, SHORTEST_CUT};
use crate::stats::Race;

/// What is slower than this share of the fastest setting's speed is cut off: it is out of the race then.
const CUT_BELOW: f64 = 0.4;

/// The same where the fastest makes too many of the scene's frames late: what keeps them may be much slower.
const CUT_BELOW_LATE: f64 = 0.1;

/// The bounds of a repetition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RepetitionLimits {
    /// The longest that it may take.
    pub(super) within: Duration,
    /// What is slower is cut off, in tokens a second; 0 for nothing.
    pub(super) least_tokens_per_s: f64,
}

impl RepetitionLimits {
    /// Nothing but the longest repetition that anything is given.
    pub(super) const NONE: Self = Self { within: LONGEST_REPETITION, least_tokens_per_s: 0.0 };

    /// By the fastest setting of a race so far.
    pub(super) fn beside(race: &Race) -> Self {
        let Some(leader) = race.leader() else { return Self::NONE };
        let share = if race.keeps_limit(leader) { CUT_BELOW } else { CUT_BELOW_LATE };
        let fastest = race.runners()[leader].median().unwrap_or(0.0);
        Self { least_tokens_per_s: share * fastest, ..Self::NONE }
    }

    /// The bounds of a repetition of so many tokens, with so many seconds left of the budget.
    pub(super) fn of_tokens(self, tokens: usize, left_s: Option<f64>) -> Self {
        let expected_s =
            if self.least_tokens_per_s > 0.0 { tokens as f64 / self.least_tokens_per_s } else { f64::INFINITY };
        let longest_s = self.within.as_secs_f64().min(left_s.unwrap_or(f64::INFINITY));
        let within_s = expected_s.min(longest_s).max(SHORTEST_CUT.as_secs_f64());
        Self { within: Duration::from_secs_f64(within_s), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{FrameCounts, RoundResult};

    fn race(speeds: &[f64], late: u64) -> Race {
        let mut race = Race::new(speeds.len());
        race.limit_late_frames(0.01);
        for (at, &speed) in speeds.iter().enumerate() {
            race.record(at, RoundResult { round: 0, speed, frames: FrameCounts::apart(100, late) });
        }
        race
    }

    #[test]
    fn the_fastest_setting_decides_when_the_others_are_cut_off() {
        let bounds = RepetitionLimits::beside(&race(&[50.0, 20.0], 0)).of_tokens(100, None);
        // Two fifths of 50 tokens a second; 100 tokens at that speed.
        assert_eq!((bounds.least_tokens_per_s, bounds.within), (20.0, Duration::from_secs(5)));
        let brief = RepetitionLimits::beside(&race(&[50.0, 20.0], 0)).of_tokens(1, None);
        assert_eq!(brief.within, SHORTEST_CUT, "no hiccup ends a short one");
    }

    #[test]
    fn starving_settings_are_bounded_even_if_the_fastest_delays_frames() {
        let bounds = RepetitionLimits::beside(&race(&[50.0, 20.0], 40)).of_tokens(100, None);
        assert_eq!((bounds.least_tokens_per_s, bounds.within), (5.0, Duration::from_secs(20)));
        assert_eq!(
            RepetitionLimits::beside(&Race::new(2)).of_tokens(100, None),
            RepetitionLimits::NONE,
            "nothing is known yet"
        );
    }

    #[test]
    fn budget_bounds_the_first_repetition() {
        assert_eq!(RepetitionLimits::NONE.of_tokens(100, Some(3.0)).within, Duration::from_secs(3));
        assert_eq!(RepetitionLimits::NONE.of_tokens(100, Some(-1.0)).within, SHORTEST_CUT);
    }
}
