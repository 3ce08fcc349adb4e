//! Planted races for tests.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{FrameCounts, Race, RaceState, RoundResult};

/// Runs a race over settings of known speeds and shares of late frames. Returns it, and the number of
/// measurements.
pub(super) fn raced(settings: &[(f64, f64)], noise: f64, rounds: usize, rng_seed: u64) -> (Race, usize) {
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
