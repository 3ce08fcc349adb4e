//! Chooses settings from interleaved measurements: the fastest admissible one, and the simplest of those that tie.

use super::{Certainty, ThreadCandidate, ThreadChoice};
use crate::stats::{ByRound, EQUAL_WITHIN, FrameCounts, NEAR_THE_FEWEST, PairedRatio};

/// One set of settings, and its result in each round that it took part in.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingCandidate {
    /// Tokens per second, by round.
    pub tokens_per_s: ByRound,
    /// Whether it keeps the scene's frame rate.
    pub is_admissible: bool,
    /// The scene's frames meanwhile; none without a scene.
    pub frames: FrameCounts,
    /// In how many settings other than threads it differs from the application.
    pub changes: usize,
    /// Whether it was dropped early because it was significantly too slow or inadmissible.
    pub is_dropped: bool,
}

/// The choice. Numbers are indices in the list of candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingChoice {
    /// The choice.
    pub chosen: usize,
    /// The fastest of the admissible ones.
    pub fastest: usize,
    /// The certainty of the choice.
    pub certainty: Certainty,
    /// The speed of each admissible one as a share of the fastest.
    pub shares: Vec<(usize, PairedRatio)>,
    /// Whether any candidate is admissible; if not, the choice is among those with the fewest late frames.
    pub is_any_admissible: bool,
    /// Which of the candidates `fastest` is the fastest of.
    pub fastest_of: FastestOf,
}

/// The settings of which a choice is the fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastestOf {
    /// Of all.
    All,
    /// A faster one does not keep the scene's frame rate.
    KeepingFrames,
    /// None keeps it, and a faster one makes more frames late.
    FewestLateFrames,
}

impl FastestOf {
    /// What follows *the fastest*; empty for all.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::All => "",
            Self::KeepingFrames => " of those that keep the avatar's frame rate",
            Self::FewestLateFrames => " of those with the fewest late frames",
        }
    }
}

impl SettingChoice {
    /// Chooses among candidates, which are ordered from the simplest on. `None` if none has a round.
    #[must_use]
    pub fn among(candidates: &[SettingCandidate]) -> Option<Self> {
        let places = |keep: &dyn Fn(&SettingCandidate) -> bool| -> Vec<usize> {
            (0..candidates.len()).filter(|&at| keep(&candidates[at])).collect()
        };
        let admissible = places(&|one| one.is_admissible);
        let is_any_admissible = !admissible.is_empty();
        // If none keeps the frame limit, those that may have the smallest share of late frames.
        let fewest = candidates.iter().map(|one| one.frames.late_share()).fold(f64::INFINITY, f64::min);
        let pool =
            if is_any_admissible { admissible } else { places(&|one| one.frames.keeps(fewest + NEAR_THE_FEWEST)) };
        let eligible = pool.clone();
        let still: Vec<usize> = pool.iter().copied().filter(|&at| !candidates[at].is_dropped).collect();
        // If all of them lost against one that turned out to be inadmissible, they are compared with each other.
        let pool = if still.is_empty() { pool } else { still };
        let ranked: Vec<ThreadCandidate> = (1_u32..)
            .zip(&pool)
            .map(|(rank, &at)| ThreadCandidate { threads: rank, tokens_per_s: candidates[at].tokens_per_s.clone() })
            .collect();
        let choice = ThreadChoice::among(&ranked)?;
        let at = |rank: u32| pool[rank as usize - 1];
        let shares: Vec<(usize, PairedRatio)> = choice.shares.iter().map(|(rank, share)| (at(*rank), *share)).collect();
        let mut chosen = at(choice.threads);
        if choice.certainty == Certainty::TooFewRounds {
            // Estimates this close tell nothing: the application's own setting needs no reason, a change does.
            let close = shares.iter().filter(|(_, share)| share.ratio >= 1.0 - EQUAL_WITHIN).map(|(place, _)| *place);
            chosen = close
                .fold(chosen, |best, one| if candidates[one].changes < candidates[best].changes { one } else { best });
        }
        let speed = |at: usize| candidates[at].tokens_per_s.median();
        let is_excelled = places(&|_| true)
            .iter()
            .any(|other| !eligible.contains(other) && speed(*other) > speed(at(choice.fastest)));
        Some(Self {
            chosen,
            fastest: at(choice.fastest),
            certainty: choice.certainty,
            shares,
            is_any_admissible,
            fastest_of: match (is_excelled, is_any_admissible) {
                (false, _) => FastestOf::All,
                (true, true) => FastestOf::KeepingFrames,
                (true, false) => FastestOf::FewestLateFrames,
            },
        })
    }

    /// The speed of the choice as a share of the fastest.
    #[must_use]
    pub fn share(&self) -> Option<PairedRatio> {
        self.share_of(self.chosen)
    }

    /// The same of any of the candidates.
    #[must_use]
    pub fn share_of(&self, at: usize) -> Option<PairedRatio> {
        self.shares.iter().find(|(place, _)| *place == at).map(|(_, share)| *share)
    }

    /// Why a candidate was chosen, as the beginning of a sentence. `fastest` names the fastest one; `less` is what the candidate has less of.
    #[must_use]
    pub fn merit(&self, at: usize, fastest: &str, less: &str) -> String {
        let none = if self.is_any_admissible { "" } else { " (no setting keeps the avatar's frame rate)" };
        let of_those = format!("{}{none}", self.fastest_of.words());
        if at == self.fastest {
            return format!("the fastest{of_those}{}", if of_those.is_empty() { "" } else { "," });
        }
        let which = if of_those.is_empty() { String::new() } else { format!(", the fastest{of_those}") };
        match self.share_of(at) {
            Some(share) if share.interval.is_some_and(|(_, high)| high >= 1.0) => {
                format!("within the noise as fast as {fastest}{which}, but with {less},")
            }
            Some(share) => {
                format!("{:.0} % of the speed of {fastest}{which}, but with {less},", share.ratio * 100.0)
            }
            None => "the only one that could be compared".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(tokens_per_s: f64, is_admissible: bool, is_dropped: bool) -> SettingCandidate {
        let frames = FrameCounts::apart(1_000, if is_admissible { 0 } else { 100 });
        let tokens_per_s = ByRound::in_sequence(&vec![tokens_per_s; if is_dropped { 1 } else { 8 }]);
        SettingCandidate { tokens_per_s, is_admissible, frames, changes: 0, is_dropped }
    }

    #[test]
    fn change_from_the_application_needs_more_than_close_estimates() {
        let rounds = |tokens_per_s: f64, changes: usize, n: usize| SettingCandidate {
            tokens_per_s: ByRound::in_sequence(&vec![tokens_per_s; n]),
            changes,
            ..candidate(0.0, true, false)
        };
        let chosen = |other: f64, n: usize| {
            let one = [rounds(100.0, 0, n), rounds(other, 1, n), rounds(other, 2, n)];
            SettingChoice::among(&one).unwrap().chosen
        };
        assert_eq!((chosen(102.5, 3), chosen(104.0, 3)), (0, 1), "few rounds");
        assert_eq!((chosen(101.5, 8), chosen(102.5, 8)), (0, 1), "enough for an interval");
        let slower = [rounds(100.0, 2, 3), rounds(98.0, 1, 3), rounds(96.0, 0, 3)];
        assert_eq!(SettingChoice::among(&slower).unwrap().chosen, 1, "the slowest is not as fast");
        let late = SettingCandidate { is_admissible: false, ..rounds(100.0, 0, 3) };
        assert_eq!(SettingChoice::among(&[late, rounds(101.0, 1, 3)]).unwrap().chosen, 1, "it makes frames late");
    }

    #[test]
    fn merit_says_of_which_settings_the_fastest_is_the_fastest() {
        let late = candidate(200.0, false, false);
        let nearly = SettingCandidate { changes: 1, ..candidate(102.0, true, false) };
        let choice = SettingChoice::among(&[candidate(100.0, true, false), nearly.clone(), late.clone()]).unwrap();
        assert_eq!((choice.chosen, choice.fastest), (0, 1));
        let says = choice.merit(0, "1, flash_attn on", "fewer changes");
        let of_those = "the fastest of those that keep the avatar's frame rate";
        assert_eq!(says, format!("98 % of the speed of 1, flash_attn on, {of_those}, but with fewer changes,"));
        assert_eq!(choice.merit(1, "", ""), format!("{of_those},"));
        let alone = SettingChoice::among(&[nearly]).unwrap();
        assert_eq!(alone.merit(0, "", ""), "the fastest");
        let none = SettingChoice::among(&[late]).unwrap();
        assert_eq!(none.merit(0, "", ""), "the fastest (no setting keeps the avatar's frame rate),");
    }

    #[test]
    fn fastest_admissible_setting_is_chosen() {
        let candidates = [candidate(40.0, true, false), candidate(60.0, true, false), candidate(90.0, false, false)];
        let choice = SettingChoice::among(&candidates).unwrap();
        assert_eq!((choice.chosen, choice.fastest, choice.is_any_admissible), (1, 1, true));
        assert_eq!(choice.fastest_of, FastestOf::KeepingFrames);
    }

    #[test]
    fn fastest_is_chosen_as_inadmissible_if_none_keeps_the_frames() {
        let candidates = [candidate(40.0, false, false), candidate(60.0, false, false)];
        let choice = SettingChoice::among(&candidates).unwrap();
        assert_eq!((choice.chosen, choice.is_any_admissible, choice.fastest_of), (1, false, FastestOf::All));
    }

    #[test]
    fn fewest_late_frames_precede_speed_if_none_keeps_them() {
        let fast = SettingCandidate { frames: FrameCounts::apart(100, 94), ..candidate(58.0, false, false) };
        let slow = SettingCandidate { frames: FrameCounts::apart(100, 3), ..candidate(22.0, false, true) };
        let choice = SettingChoice::among(&[fast, slow]).unwrap();
        assert_eq!((choice.chosen, choice.fastest_of), (1, FastestOf::FewestLateFrames));
    }

    #[test]
    fn few_frames_do_not_give_up_speed_for_a_late_frame_less() {
        // 4.3 and 3.9 % of some 250 frames: equal, as far as these can tell.
        let fast = SettingCandidate { frames: FrameCounts::apart(253, 11), ..candidate(95.0, false, false) };
        let slow = SettingCandidate { frames: FrameCounts::apart(480, 19), ..candidate(24.0, false, false) };
        assert_eq!(SettingChoice::among(&[fast.clone(), slow.clone()]).unwrap().chosen, 0);
        let fewer = SettingCandidate { frames: FrameCounts::apart(480, 10), ..slow };
        let more = SettingCandidate { frames: FrameCounts::apart(253, 25), ..fast };
        assert_eq!(SettingChoice::among(&[more, fewer]).unwrap().chosen, 1);
    }

    #[test]
    fn simplest_of_equals_is_chosen_without_dropped_ones() {
        let candidates = [candidate(99.0, true, true), candidate(60.0, true, false), candidate(60.5, true, false)];
        let choice = SettingChoice::among(&candidates).unwrap();
        assert_eq!((choice.chosen, choice.fastest), (1, 2));
        assert!((choice.share().unwrap().ratio - 60.0 / 60.5).abs() < 1e-9);
        let all_dropped = [candidate(30.0, true, true), candidate(20.0, true, true), candidate(90.0, false, false)];
        assert_eq!(SettingChoice::among(&all_dropped).unwrap().chosen, 0);
    }
}
