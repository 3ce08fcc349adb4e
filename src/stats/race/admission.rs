//! Which settings of a race are admissible: those whose late frames are within the limit.

use super::Race;
use super::late_frames::FrameCounts;
use super::runner::DropReason;

/// The upper bound of a leader's late frames, as a multiple of the limit, below which others are compared with its
/// speed.
const PROVEN_WITHIN: f64 = 3.0;

/// If no setting is admissible, shares of late frames within this of the smallest one count as equal.
pub const NEAR_THE_FEWEST: f64 = 0.01;

/// Which settings are admissible, by the frames of a race so far.
pub(super) struct Admission {
    /// The frames by which each setting is judged.
    frames: Vec<FrameCounts>,
    /// `None` if frames do not matter.
    limits: Option<Limits>,
}

/// The limit of late frames; if surely no setting keeps it, [`NEAR_THE_FEWEST`] more than the smallest share.
struct Limits {
    /// By the shares as they were counted.
    counted: f64,
    /// By their upper bounds: what has the fewest late frames by a few lucky ones does not exclude others.
    possible: f64,
}

impl Admission {
    pub(super) fn of(race: &Race) -> Self {
        let own: Vec<(usize, FrameCounts)> =
            race.kinds.iter().copied().zip(race.runners.iter().map(|runner| runner.frames)).collect();
        let frames = FrameCounts::shared(&own);
        let measured = || race.runners.iter().zip(&frames).filter(|(runner, _)| !runner.speeds.is_empty());
        let limits = race.late_limit.map(|limit| {
            if measured().any(|(_, frames)| frames.interval().0 <= limit) {
                return Limits { counted: limit, possible: limit };
            }
            let near_fewest = |share: fn(FrameCounts) -> f64| {
                let fewest = measured().map(|(_, frames)| share(*frames)).min_by(f64::total_cmp);
                fewest.map_or(limit, |fewest| fewest + NEAR_THE_FEWEST)
            };
            Limits {
                counted: near_fewest(FrameCounts::late_share),
                possible: near_fewest(|frames| frames.interval().1),
            }
        });
        Self { frames, limits }
    }

    /// The frames by which a setting is judged.
    pub(super) fn frames(&self, at: usize) -> FrameCounts {
        self.frames[at]
    }

    /// Whether a setting may be within the limit, judging by its frames so far.
    pub(super) fn may_keep(&self, at: usize) -> bool {
        self.limits.as_ref().is_none_or(|limits| self.frames[at].interval().0 <= limits.possible)
    }

    /// Whether a setting's late frames are [within the limit](FrameCounts::keeps).
    pub(super) fn keeps(&self, at: usize) -> bool {
        self.limits.as_ref().is_none_or(|limits| self.frames[at].keeps(limits.counted))
    }

    /// Whether enough frames show that a setting is admissible for others to be dropped as slower: a leader that turns out
    /// to be inadmissible must not have eliminated them.
    pub(super) fn is_proven(&self, at: usize) -> bool {
        self.limits.as_ref().is_none_or(|limits| self.frames[at].interval().1 <= PROVEN_WITHIN * limits.counted)
    }

    /// Whether more frames may still move a leader across the limit.
    pub(super) fn is_limit_open(&self, leader: usize) -> bool {
        let Some(limits) = &self.limits else { return false };
        // What keeps the limit by count may keep it. Twice the limit as its upper bound is close enough for a choice.
        self.keeps(leader) && self.frames[leader].interval().1 > 2.0 * limits.counted
    }
}

impl Race {
    /// Whether a setting's late frames are [within the scene's limit](FrameCounts::keeps).
    #[must_use]
    pub fn keeps_limit(&self, at: usize) -> bool {
        self.late_limit.is_none_or(|limit| Admission::of(self).frames(at).keeps(limit))
    }

    /// Drops those whose late frames significantly exceed the limit, and takes back those that no longer do because it has risen.
    pub(super) fn drop_late(&mut self, admission: &Admission) {
        for (at, runner) in self.runners.iter_mut().enumerate() {
            let (may_keep, at_least) = (admission.may_keep(at), admission.frames(at).interval().0);
            if may_keep && runner.is_late() {
                runner.dropped = None;
            } else if !may_keep && runner.dropped.is_none() {
                runner.drop_for(DropReason::LateFrames { at_least });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted::raced;
    use super::super::runner::Dropped;
    use super::super::{RaceState, RoundResult};
    use super::*;

    #[test]
    fn fastest_setting_with_late_frames_does_not_win() {
        for seed in 0..20 {
            let (race, _) = raced(&[(100.0, 0.15), (60.0, 0.0), (80.0, 0.002)], 0.04, 10, seed);
            assert_eq!(race.leader(), Some(2), "seed {seed}");
            let dropped = race.runners()[0].dropped.expect("decided after a few rounds");
            assert!(matches!(dropped.reason, DropReason::LateFrames { at_least } if at_least > 0.01), "{dropped:?}");
        }
    }

    #[test]
    fn fast_setting_with_late_frames_does_not_eliminate_others() {
        // Few frames per round, as in short repetitions: the fast setting is dropped, and slower ones are still in the
        // race.
        let mut race = Race::new(3);
        race.limit_late_frames(0.01);
        for round in 0..12 {
            for at in race.running() {
                let (speed, late) = [(58.0, 16), (22.0, 0), (30.0, u64::from(round == 0))][at];
                race.record(
                    at,
                    RoundResult { round, speed, frames: FrameCounts::apart(17 + 40 * u64::from(at > 0), late) },
                );
            }
            if race.judge() == RaceState::Decided {
                break;
            }
        }
        assert!(matches!(
            race.runners()[0].dropped,
            Some(Dropped { reason: DropReason::LateFrames { .. }, after_rounds: 1 })
        ));
        assert_eq!(race.leader(), Some(2), "{race:?}");
        assert!(race.runners()[1].speeds.len() > 1, "compared with the setting that keeps the frame limit: {race:?}");
    }

    #[test]
    fn leader_of_unproven_frames_drops_what_is_slower_and_no_smoother() {
        let mut race = Race::new(3);
        race.limit_late_frames(0.05);
        // Too few frames to prove the fastest; the second is hopelessly slow and no smoother, the third as slow and smoother.
        for (at, (speed, late)) in [(60.0, 1), (20.0, 1), (20.0, 0)].into_iter().enumerate() {
            race.record(at, RoundResult { round: 0, speed, frames: FrameCounts::apart(30, late) });
        }
        assert_eq!(race.judge(), RaceState::Open);
        assert_eq!(race.running(), [0, 2], "{race:?}");
        // The fastest makes many frames late after all: what it had dropped is back.
        race.record(0, RoundResult { round: 1, speed: 60.0, frames: FrameCounts::apart(30, 20) });
        race.judge();
        assert!(race.runners()[0].is_late() && race.runners()[1].dropped.is_none(), "{race:?}");
    }

    #[test]
    fn one_stall_of_the_scene_drops_no_setting() {
        let mut race = Race::new(2);
        race.limit_late_frames(0.015);
        for (at, frames) in [(0, FrameCounts { total: 33, late: 3, bursts: 1 }), (1, FrameCounts::apart(33, 0))] {
            race.record(at, RoundResult { round: 0, speed: 60.0, frames });
        }
        race.judge();
        assert!(race.runners().iter().all(|runner| runner.dropped.is_none()), "{race:?}");
    }

    #[test]
    fn no_drop_for_late_frames_if_all_settings_have_them() {
        let (race, _) = raced(&[(100.0, 0.2), (60.0, 0.2)], 0.04, 5, 1);
        assert_eq!(race.leader(), Some(0));
        assert_eq!(race.runners().iter().filter(|runner| runner.is_late()).count(), 0);
    }

    #[test]
    fn fewest_late_frames_lead_if_no_setting_keeps_the_limit() {
        for seed in 0..20 {
            let (race, _) = raced(&[(100.0, 0.6), (60.0, 0.1), (50.0, 0.1)], 0.04, 20, seed);
            assert_eq!(race.leader(), Some(1), "seed {seed}: {race:?}");
            assert!(race.runners()[0].is_late(), "seed {seed}: {race:?}");
        }
    }

    #[test]
    fn settings_of_a_kind_are_judged_by_the_frames_of_both() {
        let mut race = Race::new(2).with_kinds(vec![0, 0]);
        race.limit_late_frames(0.01);
        // By chance, the faster one has the late frames.
        for (at, (speed, late)) in [(100.0, 3), (80.0, 0)].into_iter().enumerate() {
            race.record(at, RoundResult { round: 0, speed, frames: FrameCounts::apart(150, late) });
        }
        race.judge();
        assert_eq!(race.leader(), Some(0), "{race:?}");
    }
}
