//! Detects periods in event times, such as a bridge's frames observed from outside. Pure.

use std::f64::consts::TAU;

/// A period in event times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Periodicity {
    /// Length in nanoseconds.
    pub period_ns: f64,
    /// Jitter: circular standard deviation of the events around their phase, in nanoseconds.
    pub jitter_ns: f64,
    /// Length of the mean resultant vector: 1 if all events have the same phase, about 1/√n if the phases are uniform.
    pub strength: f64,
}

/// Frequencies searched, in 1/s: from far below usable frame rates to beyond the fastest display.
const FREQUENCIES_PER_S: std::ops::Range<f64> = 5.0..500.0;

/// Longest time span searched, in nanoseconds: display clocks drift, and the search cost grows with the span.
const SPAN_NS: u64 = 12_000_000_000;

/// Maximum number of events searched.
const MOST: usize = 400;

/// Minimum number of events for a period.
const FEWEST: usize = 50;

/// Weaker periods are not reported.
const STRENGTH: f64 = 0.7;

/// A lower frequency is the fundamental if its strength is at least this share of the strongest.
const FUNDAMENTAL: f64 = 0.85;

/// The longest period in `moments_ns`, if there is one: the lowest frequency whose mean resultant vector is nearly as
/// long as the longest (Mardia and Jupp, *Directional Statistics*, section 2.2). Multiples of the true frequency are
/// equally strong, fractions are not.
#[must_use]
pub fn periodicity(moments_ns: &[u64]) -> Option<Periodicity> {
    let first_ns = *moments_ns.iter().min()?;
    let moments: Vec<f64> = moments_ns
        .iter()
        .map(|at_ns| at_ns - first_ns)
        .filter(|since_ns| *since_ns <= SPAN_NS)
        .take(MOST)
        .map(|since_ns| since_ns as f64 / 1e9)
        .collect();
    let span = moments.iter().copied().fold(0.0, f64::max);
    if moments.len() < FEWEST || span <= 0.0 {
        return None;
    }
    // A peak is about 1/span wide; five steps per width miss at most a few per cent of its height.
    let step = 0.2 / span;
    let mut frequency = FREQUENCIES_PER_S.start;
    let mut looks = Vec::new();
    while frequency < FREQUENCIES_PER_S.end {
        looks.push((frequency, strength(&moments, frequency)));
        frequency += step;
    }
    let strongest = looks.iter().map(|look| look.1).fold(0.0, f64::max);
    if strongest < STRENGTH {
        return None;
    }
    let candidate = looks.iter().position(|look| look.1 >= strongest * FUNDAMENTAL)?;
    // Climb to the top of this peak, then refine.
    let top = (candidate..looks.len() - 1).find(|at| looks[at + 1].1 < looks[*at].1).unwrap_or(candidate);
    let mut best = looks[top];
    let mut width = step;
    for _ in 0..20 {
        width /= 2.0;
        for near in [best.0 - width, best.0 + width] {
            let look = (near, strength(&moments, near));
            if look.1 > best.1 {
                best = look;
            }
        }
    }
    let period_ns = 1e9 / best.0;
    let jitter_ns = period_ns / TAU * (-2.0 * best.1.min(1.0).ln()).max(0.0).sqrt();
    (best.1 >= STRENGTH).then_some(Periodicity { period_ns, jitter_ns, strength: best.1 })
}

/// Length of the mean resultant vector of `moments` (in seconds) at `frequency`.
fn strength(moments: &[f64], frequency: f64) -> f64 {
    let (mut x, mut y) = (0.0, 0.0);
    for at in moments {
        let (sin, cos) = (TAU * frequency * at).sin_cos();
        x += cos;
        y += sin;
    }
    x.hypot(y) / moments.len() as f64
}

/// Rayleigh's test of uniform phases: the probability that phases at least as uneven occur by chance (Mardia and Jupp,
/// section 6.3.1, with the correction for small samples). `None` below ten events.
#[must_use]
pub fn uniformity_p(moments_ns: &[u64], period_ns: f64) -> Option<f64> {
    let first_ns = *moments_ns.iter().min()?;
    let seconds: Vec<f64> = moments_ns.iter().map(|at_ns| (at_ns - first_ns) as f64 / 1e9).collect();
    let n = seconds.len() as f64;
    if seconds.len() < 10 {
        return None;
    }
    let z = n * strength(&seconds, 1e9 / period_ns).powi(2);
    let correction = 1.0 + (2.0 * z - z * z) / (4.0 * n)
        - (24.0 * z - 132.0 * z.powi(2) + 76.0 * z.powi(3) - 9.0 * z.powi(4)) / (288.0 * n * n);
    Some(((-z).exp() * correction).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    use rand_distr::{Distribution, Exp};

    use super::*;

    /// Poisson arrivals at 50 per second, and the time at which a bridge with such frames answers each; frames start up
    /// to `jitter_ns` late.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn applied(period_ns: f64, jitter_ns: f64, n: usize, seed: u64) -> (Vec<u64>, Vec<u64>) {
        let mut random = StdRng::seed_from_u64(seed);
        let gaps = Exp::new(50.0).unwrap();
        let mut at_ns = 0.0;
        let due: Vec<f64> = (0..n)
            .map(|_| {
                at_ns += gaps.sample(&mut random) * 1e9;
                at_ns
            })
            .collect();
        let answered = due
            .iter()
            .map(|due_ns| {
                let frame = (due_ns / period_ns).ceil();
                frame * period_ns + 40_000.0 + random.random_range(0.0..30_000.0 + jitter_ns)
            })
            .map(|at_ns| at_ns as u64)
            .collect();
        (due.into_iter().map(|at_ns| at_ns as u64).collect(), answered)
    }

    #[test]
    fn frame_period_is_accurate_to_a_thousandth() {
        for fps in [24.0, 30.0, 59.94, 60.0, 64.0, 90.0, 144.0, 240.0] {
            for n in [100, 1_000] {
                let (due_ns, answered_ns) = applied(1e9 / fps, 0.0, n, 11);
                let found = periodicity(&answered_ns).unwrap_or_else(|| panic!("{fps} fps, n {n}"));
                assert!((found.period_ns * fps / 1e9 - 1.0).abs() < 1e-3, "{fps} fps, n {n}: {found:?}");
                assert!(found.jitter_ns < 50_000.0, "{fps} fps: {found:?}");
                assert!(uniformity_p(&due_ns, found.period_ns).unwrap() > 0.001, "{fps} fps");
            }
        }
    }

    #[test]
    fn jitter_matches_the_planted_value() {
        // Uniform on 0 to 2 ms: standard deviation 2 ms/√12 = 0.58 ms.
        let (_, answered_ns) = applied(1e9 / 60.0, 2e6, 500, 5);
        let found = periodicity(&answered_ns).unwrap();
        assert!((found.jitter_ns / 1e6 - 0.58).abs() < 0.12, "{found:?}");
    }

    #[test]
    fn no_period_in_random_times() {
        let (due_ns, _) = applied(1.0, 0.0, 400, 3);
        assert_eq!(periodicity(&due_ns), None);
        assert_eq!(periodicity(&due_ns[..5]), None);
    }

    #[test]
    fn sender_in_phase_with_frames_is_not_uniform() {
        let locked: Vec<u64> = (0..60).map(|index| index * 16_666_667 + index % 3 * 1_000).collect();
        assert!(uniformity_p(&locked, 16_666_667.0).unwrap() < 1e-6);
        assert_eq!(uniformity_p(&locked[..9], 16_666_667.0), None);
    }

    #[test]
    fn rayleigh_test_keeps_its_significance_level() {
        let mut random = StdRng::seed_from_u64(8);
        let rejected = (0..2_000)
            .filter(|_| {
                let moments: Vec<u64> = (0..40).map(|_| random.random_range(0..1_000_000_000_000)).collect();
                uniformity_p(&moments, 16_666_667.0).unwrap() < 0.05
            })
            .count();
        assert!((60..=140).contains(&rejected), "{rejected} of 2,000 rejected at 5 %");
    }
}
