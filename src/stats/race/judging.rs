//! The race: which setting leads, and which are dropped.

use super::super::by_round::{ByRound, fastest_of};
use super::admission::Admission;
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
    pub(super) runners: Vec<Runner>,
    /// The kind of each setting: those of a kind [share their frames](super::FrameCounts::shared).
    pub(super) kinds: Vec<usize>,
    /// The largest admissible share of late frames; `None` if frames do not matter.
    pub(super) late_limit: Option<f64>,
}

impl Race {
    /// A race between this number of settings.
    #[must_use]
    pub fn new(settings: usize) -> Self {
        Self { runners: vec![Runner::default(); settings], kinds: (0..settings).collect(), late_limit: None }
    }

    /// Settings of the same kind make the same frames late: they [share their frames](super::FrameCounts::shared).
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
        self.leader_by(&Admission::of(self))
    }

    fn leader_by(&self, admission: &Admission) -> Option<usize> {
        let pools: [&dyn Fn(usize) -> bool; 2] = [&|at| admission.keeps(at), &|at| admission.may_keep(at)];
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

    /// Drops whatever can no longer be the best, after a round with all remaining settings, and takes back what was dropped for a
    /// reason that later rounds have refuted. Returns whether further rounds can change the result.
    pub fn judge(&mut self) -> RaceState {
        let admission = Admission::of(self);
        self.drop_late(&admission);
        let Some(leader) = self.leader_by(&admission) else { return RaceState::Open };
        if !admission.is_proven(leader) {
            // What makes fewer frames late may have to replace it.
            let late_share = |at| admission.frames(at).late_share();
            self.drop_slower(leader, |at| late_share(at) >= late_share(leader));
            return RaceState::Open;
        }
        self.runners[leader].dropped = None;
        let is_open = self.drop_slower(leader, |_| true);
        // The leader itself may be narrowly inadmissible, or admissible by chance, while others could replace it.
        let is_limit_open = self.running().len() > 1 && admission.is_limit_open(leader);
        if is_open || is_limit_open { RaceState::Open } else { RaceState::Decided }
    }

    /// Compares everything with the leader. What cannot be the better choice is dropped, whether it is slower or may be equal. A
    /// setting that one round has put far behind is dropped by the scatter that is assumed at
    /// that time; once the scatter is measured, that decision is made again. Only these are dropped. Returns
    /// whether a setting may yet be the faster one.
    fn drop_slower(&mut self, leader: usize, these: impl Fn(usize) -> bool) -> bool {
        let logs: Vec<Vec<f64>> = self.runners.iter().map(|runner| runner.logs(&self.runners[leader])).collect();
        let others = || logs.iter().enumerate().filter(|(at, _)| *at != leader);
        let scatter = Scatter::pooled(others().map(|(_, logs)| logs.as_slice()));
        let mut is_open = false;
        for (at, logs) in others() {
            let runner = &mut self.runners[at];
            if runner.is_late() {
                continue;
            }
            if !these(at) {
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
}

#[cfg(test)]
mod tests {
    use super::super::late_frames::FrameCounts;
    use super::super::planted::raced;
    use super::*;

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
