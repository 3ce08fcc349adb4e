//! The race over recorded samples: what it would have chosen on a real machine, and what it would have cost.
//!
//! `recorded.csv` has every repetition that `llama-bench -t 1,2,4,6 -fa 0,1 -d 0,1024 -r 5 -p 512 -n 128` printed for the model
//! `SmolLM2-135M-Instruct` (`Q4_1`) on 2 cores.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{EQUAL_WITHIN, FrameCounts, Race, RaceState, RoundResult};
use crate::stats::median_of;

const RECORDED: &str = include_str!("recorded.csv");

/// Rounds of a replay, and the fewest of a race that is decided, as in a sweep.
const ROUNDS: usize = 5;
const FEWEST_ROUNDS: usize = 3;

/// A repetition that is slower than the leader by this factor is cut off, as in a sweep.
const CUT_BELOW: f64 = 0.4;

/// A test at a depth: of each setting its speeds, by round.
type RecordedSpeeds = BTreeMap<String, BTreeMap<String, Vec<f64>>>;

fn recorded() -> RecordedSpeeds {
    let mut groups = RecordedSpeeds::new();
    for line in RECORDED.lines().skip(1) {
        let [test, depth, threads, flash, _, speed] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("'{line}' has not six columns")
        };
        let settings = groups.entry(format!("{test} at {depth}")).or_default();
        settings.entry(format!("{threads} {flash}")).or_default().push(speed.parse().unwrap());
    }
    groups
}

/// The result of a replay.
struct RaceReplay {
    /// The speed of its choice as a share of the best setting's, by all recorded rounds.
    share: f64,
    /// Its time as a share of that of all settings in all rounds.
    time: f64,
}

/// Runs the race over the repetitions of each setting in random order.
fn replayed(settings: &BTreeMap<String, Vec<f64>>, rng_seed: u64) -> RaceReplay {
    let mut rng = StdRng::seed_from_u64(rng_seed);
    let mut speeds: Vec<Vec<f64>> = settings.values().cloned().collect();
    for repetitions in &mut speeds {
        repetitions.shuffle(&mut rng);
    }
    let repetition = |at: usize, round: usize| speeds[at][round];
    let (mut race, mut seconds) = (Race::new(speeds.len()), 0.0);
    for round in 0..ROUNDS {
        for at in race.running() {
            let fastest = race.leader().and_then(|leader| race.runners()[leader].median()).unwrap_or(0.0);
            let tokens_per_s = repetition(at, round).max(CUT_BELOW * fastest);
            seconds += 1.0 / tokens_per_s;
            race.record(at, RoundResult { round, speed: tokens_per_s, frames: FrameCounts::default() });
        }
        if race.judge() == RaceState::Decided && round + 1 >= FEWEST_ROUNDS {
            break;
        }
    }
    let overall: Vec<f64> = speeds.iter().map(|speeds| median_of(speeds).unwrap()).collect();
    let best = overall.iter().copied().fold(0.0, f64::max);
    let exhaustive: f64 = speeds.iter().flatten().map(|tokens_per_s| 1.0 / tokens_per_s).sum();
    RaceReplay { share: overall[race.leader().unwrap()] / best, time: seconds / exhaustive }
}

#[test]
fn the_choice_is_within_three_per_cent_of_the_best_in_nineteen_of_twenty_replays_of_recorded_samples() {
    let (mut seconds, mut replays) = (0.0, 0);
    for (group, settings) in recorded() {
        let runs: Vec<RaceReplay> = (0..20).map(|seed| replayed(&settings, seed)).collect();
        let good = runs.iter().filter(|run| run.share >= 1.0 - EQUAL_WITHIN).count();
        let worst = runs.iter().map(|run| run.share).fold(1.0, f64::min);
        assert!(good >= 19, "{group}: {good} of 20, the worst {worst:.3}");
        seconds += runs.iter().map(|run| run.time).sum::<f64>();
        replays += runs.len();
    }
    let share = seconds / replays as f64;
    assert!(share <= 0.35, "{share:.3} of the time of an exhaustive sweep");
}
