//! A race between settings: interleaved rounds, from which a setting is dropped as soon as it cannot be the best.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::mean::median_of;

/// A setting that is slower by less than this counts as equal.
pub const EQUAL_WITHIN: f64 = 0.03;

/// The one-sided error with which a setting is dropped.
const ALPHA: f64 = 0.01;

/// Until there are enough rounds for an interval, a setting is only dropped below this share of the leader's speed:
/// such a slow run was cut off, and no noise on a usable machine has that effect.
const HOPELESS: f64 = 0.4;

/// The upper bound of a leader's late frames, as a multiple of the limit, below which others are compared with its
/// speed.
const PROVEN_WITHIN: f64 = 3.0;

/// Fewest degrees of freedom behind the scatter of ratios.
const FEWEST_DEGREES: usize = 4;

/// The normal quantile of one-sided 99 %, for shares of frames.
const Z: f64 = 2.326_347_9;

/// The result of one setting in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundResult {
    /// Its speed; larger is better.
    pub speed: f64,
    /// Number of frames of the scene meanwhile, and of late ones.
    pub frames: (u64, u64),
}

/// Why a setting was dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DropReason {
    /// More frames are late than the limit allows, whatever future rounds bring. The smallest share that is consistent
    /// with the frames.
    LateFrames {
        /// A share from 0 to 1.
        at_least: f64,
    },
    /// Significantly slower than the leader, by more than [`EQUAL_WITHIN`].
    Slower {
        /// The largest share of the leader's speed that is consistent with the rounds, from 0 to 1.
        at_most: f64,
    },
}

/// A setting was dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Rounds that it took part in.
    pub after_rounds: usize,
}

/// The state of one setting. It takes part in all rounds until it is dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runner {
    /// Round by round.
    pub speeds: Vec<f64>,
    /// Number of frames so far, and of late ones.
    pub frames: (u64, u64),
    /// Whether and why it was dropped.
    pub dropped: Option<Dropped>,
}

impl Runner {
    /// The median speed; `None` before the first round.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        median_of(&self.speeds)
    }

    fn drop_for(&mut self, reason: DropReason) {
        self.dropped = Some(Dropped { reason, after_rounds: self.speeds.len() });
    }

    /// The share of late frames; 0 if none were counted.
    #[must_use]
    pub fn late_share(&self) -> f64 {
        self.frames.1 as f64 / self.frames.0.max(1) as f64
    }
}

/// The state of the race.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Further rounds may change the result.
    Open,
    /// No remaining setting can be faster than the leader by more than [`EQUAL_WITHIN`].
    Decided,
}

/// A race between settings for the same task.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    runners: Vec<Runner>,
    /// The largest admissible share of late frames; `None` if frames do not matter.
    late_limit: Option<f64>,
}

impl Race {
    /// A race between this number of settings.
    #[must_use]
    pub fn new(settings: usize) -> Self {
        Self { runners: vec![Runner::default(); settings], late_limit: None }
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

    /// The numbers of those that the next round measures.
    #[must_use]
    pub fn running(&self) -> Vec<usize> {
        (0..self.runners.len()).filter(|&at| self.runners[at].dropped.is_none()).collect()
    }

    /// Records the result of a setting in a round.
    pub fn record(&mut self, at: usize, result: RoundResult) {
        let runner = &mut self.runners[at];
        runner.speeds.push(result.speed);
        runner.frames = (runner.frames.0 + result.frames.0, runner.frames.1 + result.frames.1);
    }

    /// The fastest by the median among those that keep within the limit; if none does, among those that may still keep
    /// it; if none can, among all.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        let fastest = |wanted: &dyn Fn(usize) -> bool| {
            let timed = (0..self.runners.len()).filter(|&at| wanted(at));
            let timed = timed.filter_map(|at| Some((at, self.runners[at].median()?)));
            timed.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
        };
        fastest(&|at| self.keeps_limit(at)).or_else(|| fastest(&|at| self.may_keep(at))).or_else(|| fastest(&|_| true))
    }

    /// Whether a setting may be within the limit, as far as its frames tell.
    fn may_keep(&self, at: usize) -> bool {
        self.late_limit.is_none_or(|limit| wilson(self.runners[at].frames).0 <= limit)
    }

    /// Whether enough frames speak for a setting that others may be dropped for being slower: a leader that turns out
    /// to be inadmissible must not have cleared the field.
    fn is_proven(&self, at: usize) -> bool {
        self.late_limit.is_none_or(|limit| wilson(self.runners[at].frames).1 <= PROVEN_WITHIN * limit)
    }

    /// Whether a setting's counted late frames are within the limit.
    #[must_use]
    pub fn keeps_limit(&self, at: usize) -> bool {
        self.late_limit.is_none_or(|limit| self.runners[at].late_share() <= limit)
    }

    /// Drops whatever can no longer be the best, after a round with all remaining settings. Returns whether further
    /// rounds can change the result.
    pub fn judge(&mut self) -> Standing {
        self.drop_late();
        let Some(leader) = self.leader() else { return Standing::Open };
        let running = self.running();
        // If none can keep the limit, none will ever be proven: speed decides then.
        if !self.is_proven(leader) && !running.is_empty() && (0..self.runners.len()).any(|at| self.may_keep(at)) {
            return Standing::Open;
        }
        let scatter = self.scatter(leader);
        let mut is_open = false;
        for at in running.into_iter().filter(|&at| at != leader) {
            let Some(Share { interval, highest_seen }) = self.share(at, leader, scatter) else {
                is_open = true;
                continue;
            };
            let at_most = match interval {
                _ if highest_seen < HOPELESS => Some(highest_seen),
                Some((_, high)) => (high < 1.0 - EQUAL_WITHIN).then_some(high),
                None => None,
            };
            match at_most {
                Some(at_most) => self.runners[at].drop_for(DropReason::Slower { at_most }),
                None => is_open |= interval.is_none_or(|(_, high)| high > 1.0 + EQUAL_WITHIN),
            }
        }
        // The leader itself may be narrowly inadmissible, or admissible by chance.
        is_open |= self.is_limit_open(leader);
        if is_open { Standing::Open } else { Standing::Decided }
    }

    /// Drops those whose late frames significantly exceed the limit, as long as one remains that may be within it.
    fn drop_late(&mut self) {
        let can_be_kept = (0..self.runners.len()).any(|at| self.may_keep(at) && !self.runners[at].speeds.is_empty());
        for at in self.running().into_iter().filter(|_| can_be_kept) {
            if !self.may_keep(at) {
                let at_least = wilson(self.runners[at].frames).0;
                self.runners[at].drop_for(DropReason::LateFrames { at_least });
            }
        }
    }

    /// Whether more frames may still move the leader across the limit while others could replace it.
    fn is_limit_open(&self, leader: usize) -> bool {
        let Some(limit) = self.late_limit else { return false };
        // What keeps the limit by count may keep it. Twice the limit as its upper bound is close enough for a choice.
        let high = wilson(self.runners[leader].frames).1;
        self.running().len() > 1 && self.keeps_limit(leader) && high > 2.0 * limit
    }

    /// The scatter of a round's log ratio to the leader, pooled over all settings, with its degrees of freedom.
    fn scatter(&self, leader: usize) -> Option<(f64, usize)> {
        let (mut squares, mut degrees) = (0.0, 0);
        for at in (0..self.runners.len()).filter(|&at| at != leader) {
            let logs = self.logs(at, leader);
            if logs.len() >= 2 {
                let mean = logs.iter().sum::<f64>() / logs.len() as f64;
                squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
                degrees += logs.len() - 1;
            }
        }
        (degrees >= FEWEST_DEGREES).then(|| ((squares / degrees as f64).sqrt(), degrees))
    }

    /// The log ratios to the leader, of the rounds with both.
    fn logs(&self, at: usize, leader: usize) -> Vec<f64> {
        let pairs = self.runners[at].speeds.iter().zip(&self.runners[leader].speeds);
        pairs.filter(|(own, its)| **own > 0.0 && **its > 0.0).map(|(own, its)| (own / its).ln()).collect()
    }

    fn share(&self, at: usize, leader: usize, scatter: Option<(f64, usize)>) -> Option<Share> {
        let logs = self.logs(at, leader);
        if logs.is_empty() {
            return None;
        }
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let interval = scatter.and_then(|(sd, degrees)| {
            let t = StudentsT::new(0.0, 1.0, degrees as f64).ok()?.inverse_cdf(1.0 - ALPHA);
            let half = t * sd / (logs.len() as f64).sqrt();
            Some(((mean - half).exp(), (mean + half).exp()))
        });
        let highest_seen = logs.into_iter().fold(f64::NEG_INFINITY, f64::max).exp();
        Some(Share { interval, highest_seen })
    }
}

/// A setting's speed as a share of the leader's.
struct Share {
    interval: Option<(f64, f64)>,
    highest_seen: f64,
}

/// Wilson's interval of a share, 99 % on either side; the complete range if nothing was counted.
///
/// Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22 (1927).
fn wilson((total, hits): (u64, u64)) -> (f64, f64) {
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
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Runs a race over settings of known speeds and shares of late frames. Returns it, and the measurements that it
    /// took.
    fn raced(settings: &[(f64, f64)], noise: f64, rounds: usize, rng_seed: u64) -> (Race, usize) {
        let mut rng = StdRng::seed_from_u64(rng_seed);
        let mut race = Race::new(settings.len());
        let mut measured = 0;
        race.limit_late_frames(0.01);
        for _ in 0..rounds {
            // A round is slow or fast as a whole, as machines are.
            let drift = 1.0 + 0.1 * (rng.random::<f64>() - 0.5);
            for at in race.running() {
                let (speed, late) = settings[at];
                let speed = speed * drift * (1.0 + noise * (rng.random::<f64>() - 0.5));
                let late = (0..60).filter(|_| rng.random::<f64>() < late).count() as u64;
                race.record(at, RoundResult { speed, frames: (60, late) });
                measured += 1;
            }
            if race.judge() == Standing::Decided {
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
                race.record(at, RoundResult { speed, frames: (17 + 40 * u64::from(at > 0), late) });
            }
            if race.judge() == Standing::Decided {
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
    fn no_drop_for_late_frames_if_all_settings_have_them() {
        let (race, _) = raced(&[(100.0, 0.2), (60.0, 0.2)], 0.04, 5, 1);
        assert_eq!(race.leader(), Some(0));
        let late =
            |runner: &&Runner| matches!(runner.dropped, Some(Dropped { reason: DropReason::LateFrames { .. }, .. }));
        assert_eq!(race.runners().iter().filter(late).count(), 0);
    }

    #[test]
    fn setting_at_a_third_of_the_speed_is_measured_once() {
        let mut race = Race::new(3);
        for _ in 0..3 {
            for at in race.running() {
                race.record(at, RoundResult { speed: [100.0, 35.0, 99.0][at], frames: (0, 0) });
            }
            race.judge();
        }
        let slow = &race.runners()[1];
        assert_eq!(slow.speeds.len(), 1);
        assert!(matches!(slow.dropped.unwrap().reason, DropReason::Slower { at_most } if at_most <= 0.4));
    }

    #[test]
    fn equal_settings_end_the_race_without_a_drop() {
        let (race, _) = raced(&[(100.0, 0.0), (100.0, 0.0), (99.5, 0.0)], 0.02, 50, 3);
        assert!(race.runners().iter().all(|runner| runner.dropped.is_none()), "{race:?}");
        assert!(race.runners()[0].speeds.len() < 50, "{}", race.runners()[0].speeds.len());
    }

    #[test]
    fn wilson_interval_matches_hand_calculation() {
        // 3 of 100 at z 2.3263: centre 0.0541, half 0.0456.
        let (low, high) = wilson((100, 3));
        assert!((low - 0.0086).abs() < 1e-4 && (high - 0.0997).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson((0, 0)), (0.0, 1.0));
    }
}
