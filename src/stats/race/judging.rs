//! The race: which setting leads, and which are dropped.

use super::super::by_round::{ByRound, fastest_of};
use super::late_frames::FrameCounts;
use super::runner::{DropReason, RoundResult, Runner};
use super::scatter::Scatter;

/// A setting that is slower by less than this counts as equal.
pub const EQUAL_WITHIN: f64 = 0.03;

/// The one-sided error with which a setting counts as slower than the leader by more than [`EQUAL_WITHIN`].
const SLOWER_ALPHA: f64 = 0.01;

/// The one-sided error with which it counts as not faster by more than that.
const FASTER_ALPHA: f64 = 0.05;

/// A setting that reached less than this share of the leader's speed in every round is not taken back: such a slow run was cut off,
/// and no noise on a usable machine has that effect.
const HOPELESS: f64 = 0.4;

/// The upper bound of a leader's late frames, as a multiple of the limit, below which others are compared with its
/// speed.
const PROVEN_WITHIN: f64 = 3.0;

/// If no setting is admissible, shares of late frames within this of the smallest one count as equal.
pub const NEAR_THE_FEWEST: f64 = 0.01;

/// The state of the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaceState {
    /// Further rounds may change the result.
    Open,
    /// No remaining setting can be faster than the leader by more than [`EQUAL_WITHIN`].
    Decided,
}

/// A race between settings for the same task.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    runners: Vec<Runner>,
    /// The kind of each setting: those of a kind [share their frames](FrameCounts::shared).
    kinds: Vec<usize>,
    /// The largest admissible share of late frames; `None` if frames do not matter.
    late_limit: Option<f64>,
}

impl Race {
    /// A race between this number of settings.
    #[must_use]
    pub fn new(settings: usize) -> Self {
        Self { runners: vec![Runner::default(); settings], kinds: (0..settings).collect(), late_limit: None }
    }

    /// Settings of the same kind make the same frames late: they [share their frames](FrameCounts::shared).
    #[must_use]
    pub fn with_kinds(self, kinds: Vec<usize>) -> Self {
        Self { kinds, ..self }
    }

    /// Sets the largest admissible share of late frames. It may change as more is known about the scene alone.
    pub fn limit_late_frames(&mut self, share: f64) {
        self.late_limit = Some(share);
    }

    /// The settings, in the order of their numbers.
    #[must_use]
    pub fn runners(&self) -> &[Runner] {
        &self.runners
    }

    /// The settings that the next round measures, by number.
    #[must_use]
    pub fn running(&self) -> Vec<usize> {
        self.places(|at| self.is_running(at))
    }

    /// Records the result of a setting in a round.
    pub fn record(&mut self, at: usize, result: RoundResult) {
        self.runners[at].add(result);
    }

    /// The fastest among those that keep within the limit; if none does, among those that may still keep it. If surely none does, the
    /// limit is that of the fewest late frames. What is still in the race comes before what was dropped.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let pools: [&dyn Fn(usize) -> bool; 2] = [&|at| self.is_admissible(at), &|at| self.may_keep(at)];
        pools.into_iter().find_map(|pool| {
            let running = self.fastest(&|at| self.is_running(at) && pool(at));
            running.or_else(|| self.fastest(pool))
        })
    }

    fn fastest(&self, wanted: &dyn Fn(usize) -> bool) -> Option<usize> {
        let places = self.places(wanted);
        let speeds: Vec<&ByRound> = places.iter().map(|&at| &self.runners[at].speeds).collect();
        fastest_of(&speeds).map(|place| places[place])
    }

    fn places(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.runners.len()).filter(|&at| wanted(at)).collect()
    }

    fn is_running(&self, at: usize) -> bool {
        self.runners[at].dropped.is_none()
    }

    /// Whether a setting may be within the limit, judging by its frames so far. What has the fewest late frames by a few lucky ones
    /// counts by its upper bound.
    fn may_keep(&self, at: usize) -> bool {
        self.limit_by(|frames| frames.interval().1).is_none_or(|limit| self.frames()[at].interval().0 <= limit)
    }

    /// The frames by which each setting is judged.
    fn frames(&self) -> Vec<FrameCounts> {
        let own: Vec<(usize, FrameCounts)> =
            self.kinds.iter().copied().zip(self.runners.iter().map(|runner| runner.frames)).collect();
        FrameCounts::shared(&own)
    }

    /// The limit of late frames, or, if surely no setting keeps it, [`NEAR_THE_FEWEST`] more than the smallest of those shares.
    fn limit_by(&self, share: impl Fn(FrameCounts) -> f64) -> Option<f64> {
        let limit = self.late_limit?;
        let frames = self.frames();
        let is_measured = |at: &usize| !self.runners[*at].speeds.is_empty();
        let measured = || (0..frames.len()).filter(is_measured).map(|at| frames[at]);
        if measured().any(|frames| frames.interval().0 <= limit) {
            return Some(limit);
        }
        let fewest = measured().map(share).min_by(f64::total_cmp);
        Some(fewest.map_or(limit, |fewest| fewest + NEAR_THE_FEWEST))
    }

    /// Whether enough frames show that a setting is admissible for others to be dropped as slower: a leader that turns out
    /// to be inadmissible must not have eliminated them.
    fn is_proven(&self, at: usize) -> bool {
        self.limit_by(FrameCounts::late_share)
            .is_none_or(|limit| self.frames()[at].interval().1 <= PROVEN_WITHIN * limit)
    }

    /// Whether a setting's late frames are [within the scene's limit](FrameCounts::keeps).
    #[must_use]
    pub fn keeps_limit(&self, at: usize) -> bool {
        self.late_limit.is_none_or(|limit| self.frames()[at].keeps(limit))
    }

    /// The same for the limit that is in force.
    fn is_admissible(&self, at: usize) -> bool {
        self.limit_by(FrameCounts::late_share).is_none_or(|limit| self.frames()[at].keeps(limit))
    }

    /// Drops whatever can no longer be the best, after a round with all remaining settings, and takes back what was dropped for a
    /// reason that later rounds have refuted. Returns whether further rounds can change the result.
    pub fn judge(&mut self) -> RaceState {
        self.drop_late();
        let Some(leader) = self.leader() else { return RaceState::Open };
        if !self.is_proven(leader) {
            // What makes fewer frames late may have to replace it.
            let leader_late = self.frames()[leader].late_share();
            self.drop_slower(leader, |frames| frames.late_share() >= leader_late);
            return RaceState::Open;
        }
        self.runners[leader].dropped = None;
        let is_open = self.drop_slower(leader, |_| true);
        // The leader itself may be narrowly inadmissible, or admissible by chance.
        if is_open || self.is_limit_open(leader) { RaceState::Open } else { RaceState::Decided }
    }

    /// Drops those whose late frames significantly exceed the limit, and takes back those that no longer do because it has risen.
    fn drop_late(&mut self) {
        for at in 0..self.runners.len() {
            let (may_keep, at_least) = (self.may_keep(at), self.frames()[at].interval().0);
            match &mut self.runners[at] {
                runner if may_keep && runner.is_late() => runner.dropped = None,
                runner if !may_keep && runner.dropped.is_none() => runner.drop_for(DropReason::LateFrames { at_least }),
                _ => {}
            }
        }
    }

    /// Compares everything with the leader. What cannot be the better choice is dropped, whether it is slower or may be equal. A
    /// setting that one round has put far behind is dropped by the scatter that is assumed at
    /// that time; once the scatter is measured, that decision is made again. Only settings with these frames are dropped. Returns
    /// whether a setting may yet be the faster one.
    fn drop_slower(&mut self, leader: usize, with: impl Fn(FrameCounts) -> bool) -> bool {
        let frames = self.frames();
        let logs: Vec<Vec<f64>> = self.runners.iter().map(|runner| runner.logs(&self.runners[leader])).collect();
        let others = || logs.iter().enumerate().filter(|(at, _)| *at != leader);
        let scatter = Scatter::pooled(others().map(|(_, logs)| logs.as_slice()));
        let mut is_open = false;
        for (at, logs) in others() {
            let runner = &mut self.runners[at];
            if runner.is_late() {
                continue;
            }
            if !with(frames[at]) {
                runner.dropped = None;
                is_open = true;
                continue;
            }
            let bounds = scatter.upper_ratio(logs, SLOWER_ALPHA).zip(scatter.upper_ratio(logs, FASTER_ALPHA));
            let Some((slower, faster)) = bounds else {
                is_open |= runner.dropped.is_none();
                continue;
            };
            let highest_seen = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).exp();
            let at_most = match () {
                () if highest_seen < HOPELESS => Some(highest_seen),
                () if slower < 1.0 - EQUAL_WITHIN => Some(slower),
                () => (faster <= 1.0 + EQUAL_WITHIN).then_some(faster),
            };
            is_open |= at_most.is_none();
            match at_most {
                Some(at_most) => runner.drop_for(DropReason::NotFaster { at_most }),
                None => runner.dropped = None,
            }
        }
        is_open
    }

    /// Whether more frames may still move the leader across the limit while others could replace it.
    fn is_limit_open(&self, leader: usize) -> bool {
        let Some(limit) = self.limit_by(FrameCounts::late_share) else { return false };
        // What keeps the limit by count may keep it. Twice the limit as its upper bound is close enough for a choice.
        let high = self.frames()[leader].interval().1;
        self.running().len() > 1 && self.is_admissible(leader) && high > 2.0 * limit
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::runner::Dropped;
    use super::*;

    /// Runs a race over settings of known speeds and shares of late frames. Returns it, and the number of
    /// measurements.
    fn raced(settings: &[(f64, f64)], noise: f64, rounds: usize, rng_seed: u64) -> (Race, usize) {
        let mut rng = StdRng::seed_from_u64(rng_seed);
        let mut race = Race::new(settings.len());
        let mut measured = 0;
        race.limit_late_frames(0.01);
        for round in 0..rounds {
            // A round is slow or fast as a whole, as machines are.
            let drift = 1.0 + 0.1 * (rng.random::<f64>() - 0.5);
            for at in race.running() {
                let (speed, late) = settings[at];
                let speed = speed * drift * (1.0 + noise * (rng.random::<f64>() - 0.5));
                let late = (0..60).filter(|_| rng.random::<f64>() < late).count() as u64;
                race.record(at, RoundResult { round, speed, frames: FrameCounts::apart(60, late) });
                measured += 1;
            }
            if race.judge() == RaceState::Decided {
                break;
            }
        }
        (race, measured)
    }

    #[test]
    fn winner_is_within_three_percent_in_95_percent_of_races_at_low_cost() {
        let settings: Vec<(f64, f64)> = (0..16).map(|at| (100.0 - 4.0 * f64::from(at), 0.0)).collect();
        let (mut good, mut measured) = (0, 0);
        for seed in 0..200 {
            let (race, taken) = raced(&settings, 0.10, 10, seed);
            good += usize::from(settings[race.leader().unwrap()].0 >= 97.0);
            measured += taken;
        }
        assert!(good >= 190, "{good} of 200");
        let exhaustive = 200 * 16 * 10;
        assert!(measured * 2 < exhaustive, "{measured} of {exhaustive} measurements");
    }

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

    #[test]
    fn setting_at_a_third_of_the_speed_is_measured_once() {
        let mut race = Race::new(3);
        for round in 0..3 {
            for at in race.running() {
                race.record(at, RoundResult { round, speed: [100.0, 35.0, 99.0][at], frames: FrameCounts::default() });
            }
            race.judge();
        }
        let slow = &race.runners()[1];
        assert_eq!(slow.speeds.len(), 1);
        assert!(matches!(slow.dropped.unwrap().reason, DropReason::NotFaster { at_most } if at_most <= 0.4));
    }

    #[test]
    fn settings_that_are_equal_end_the_race_and_are_not_called_slower() {
        let (race, _) = raced(&[(100.0, 0.0), (100.0, 0.0), (99.5, 0.0)], 0.02, 50, 3);
        let others = race.runners().iter().filter_map(|runner| runner.dropped);
        assert!(others.clone().count() == 2 && others.clone().all(|out| out.may_be_equal()), "{race:?}");
        assert!(race.runners().iter().all(|runner| runner.speeds.len() < 10), "{race:?}");
    }

    /// Rounds of known speeds; what is out is not measured. Returns the race after each round.
    fn after_each(speeds: &[&[f64]]) -> Vec<Race> {
        let mut race = Race::new(speeds[0].len());
        let round = |(round, speeds): (usize, &&[f64])| {
            for at in race.running() {
                race.record(at, RoundResult { round, speed: speeds[at], frames: FrameCounts::default() });
            }
            race.judge();
            race.clone()
        };
        speeds.iter().enumerate().map(round).collect()
    }

    #[test]
    fn one_round_puts_out_what_is_far_behind_and_not_what_may_be_faster() {
        let races = after_each(&[&[100.0, 60.0, 80.0, 90.0]]);
        assert_eq!(races[0].running(), [0, 3]);
        let out = |at: usize| races[0].runners()[at].dropped.unwrap();
        assert!(
            matches!(out(1).reason, DropReason::NotFaster { at_most } if (0.8..0.97).contains(&at_most)),
            "{races:?}"
        );
        assert_eq!((out(1).may_be_equal(), out(2).may_be_equal()), (false, true));
    }

    #[test]
    fn settings_dropped_by_noise_return_once_scatter_is_measured() {
        // A hiccup in the first round; the others then turn out to scatter by a third.
        let races = after_each(&[
            &[100.0, 66.0, 95.0, 99.0],
            &[80.0, 100.0, 110.0, 70.0],
            &[120.0, 100.0, 70.0, 115.0],
            &[75.0, 100.0, 99.0, 70.0],
        ]);
        assert!(races[0].runners()[1].dropped.is_some(), "{:?}", races[0]);
        let is_back = |race: &Race| race.runners()[1].dropped.is_none();
        let back = races.iter().find(|race| is_back(race)).expect("a race that takes it back");
        assert_eq!(back.runners()[1].speeds.len(), 1, "the rounds that it missed are missing: {back:?}");
    }

    #[test]
    fn leader_is_not_replaced_by_settings_dropped_in_faster_rounds() {
        let races = after_each(&[&[100.0, 60.0, 99.0], &[50.0, 0.0, 49.5], &[50.0, 0.0, 49.5], &[50.0, 0.0, 49.5]]);
        assert_eq!(races[3].leader(), Some(0), "its median of 50 is below the 60 of one fast round");
        assert!(races[3].runners()[1].dropped.is_some());
    }
}
