//! The gate on simulated runs with known truth: false alarm rate and detection rate.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Normal};
use workly_perf::compare::{Comparison, ComparisonSpec, FigureSelection, Gate, Verdict, compare, looks};
use workly_perf::record::{Direction, Metric, RunFigures};

const ROUNDS: usize = 400;

/// Runs with `figures` figures; each is `scale`, times its own log-normal noise, times noise shared by the runs of a
/// pair.
fn runs(name: &str, shared: &[f64], figures: usize, scale: f64, noise: f64, rng: &mut StdRng) -> Vec<RunFigures> {
    let noise = Normal::new(0.0, noise).unwrap();
    shared
        .iter()
        .enumerate()
        .map(|(at, shared)| RunFigures {
            run_id: format!("{name}-{at:03}"),
            command: "ipc".into(),
            origin: None,
            figures: (0..figures)
                .map(|figure| {
                    let value = scale * (shared + noise.sample(rng)).exp();
                    (format!("case {figure}"), Metric::plain("p50", "ms", value, 100, Direction::Lower))
                })
                .collect(),
        })
        .collect()
}

fn gate() -> Gate {
    let mut gate = Gate::named("default").unwrap();
    gate.metrics = vec![FigureSelection::of("p50")];
    gate
}

/// The machine's effect on both runs of a pair: slow swings of 30 %.
fn swings(n: usize, rng: &mut StdRng) -> Vec<f64> {
    let swing = Normal::new(0.0, 0.3).unwrap();
    (0..n).map(|_| swing.sample(rng)).collect()
}

/// A campaign with up to 12 pairs, 6 of them A/A, evaluated as in `--ab`.
fn interleaved(slowdown: f64, noise: f64, figures: usize, rng: &mut StdRng) -> Comparison {
    let shared = swings(12, rng);
    let a = runs("a", &shared, figures, 10.0, noise, rng);
    let b = runs("b", &shared, figures, 10.0 * slowdown, noise, rng);
    let again = runs("again", &shared[..6], figures, 10.0, noise, rng);
    let mut last = None;
    for look in looks(12, figures, 0.05) {
        let same = look.pairs.div_ceil(2).min(6);
        let comparison = compare(&ComparisonSpec {
            base: &a[..look.pairs],
            new: &b[..look.pairs],
            same: Some((&a[..same], &again[..same])),
            paired: true,
            variants: true,
            allow_different: true,
            gate: &gate(),
            alpha: look.alpha,
        });
        let is_decided = comparison.is_decided();
        last = Some(comparison);
        if is_decided {
            break;
        }
    }
    last.unwrap()
}

fn share_of(verdicts: &[Verdict], slowdown: f64, noise: f64, figures: usize, seed: u64) -> f64 {
    let mut rng = StdRng::seed_from_u64(seed);
    let hits = (0..ROUNDS)
        .filter(|_| {
            let comparison = interleaved(slowdown, noise, figures, &mut rng);
            comparison.gating().any(|judgement| verdicts.contains(&judgement.verdict))
        })
        .count();
    hits as f64 / ROUNDS as f64
}

#[test]
fn false_alarms_are_rare_at_any_noise_and_number_of_figures() {
    let changed = [Verdict::Regressed, Verdict::Improved];
    for (noise, figures, seed) in [(0.02, 1, 1), (0.10, 1, 2), (0.40, 1, 3), (0.10, 10, 4)] {
        let share = share_of(&changed, 1.0, noise, figures, seed);
        assert!(share <= 0.05, "{share} at noise {noise} and {figures} figures");
    }
}

#[test]
fn planted_slowdowns_are_found_within_12_pairs() {
    let found = [Verdict::Regressed];
    // Noise of a single run, on top of swings of 30 % shared by both runs of a pair.
    let (ten, twenty) = (share_of(&found, 1.10, 0.04, 2, 5), share_of(&found, 1.20, 0.06, 2, 6));
    assert!(ten >= 0.80, "10 %: {ten}");
    assert!(twenty >= 0.99, "20 %: {twenty}");
}

#[test]
fn unchanged_runs_pass_on_a_quiet_machine_and_slowdowns_never_do() {
    assert!(share_of(&[Verdict::Pass], 1.0, 0.01, 1, 7) >= 0.95);
    for (noise, seed) in [(0.01, 8), (0.10, 9), (0.40, 10)] {
        let share = share_of(&[Verdict::Pass], 1.10, noise, 1, seed);
        assert!(share <= 0.025, "10 % slower and noise {noise}: {share} passed");
    }
}

#[test]
fn smallest_detectable_change_is_detected_in_about_80_percent() {
    let mut rng = StdRng::seed_from_u64(12);
    let apart = |slowdown: f64, rng: &mut StdRng| {
        let base = runs("base", &[0.0; 10], 1, 10.0, 0.05, rng);
        let new = runs("new", &[0.0; 10], 1, 10.0 * slowdown, 0.05, rng);
        compare(&ComparisonSpec {
            base: &base,
            new: &new,
            same: None,
            paired: false,
            variants: false,
            allow_different: true,
            gate: &gate(),
            alpha: 0.05,
        })
        .judgements
        .remove(0)
    };
    let mut said: Vec<f64> = (0..ROUNDS).filter_map(|_| apart(1.0, &mut rng).detectable).collect();
    said.sort_by(f64::total_cmp);
    let slowdown = 1.0 + said[said.len() / 2];
    let found = (0..ROUNDS).filter(|_| apart(slowdown, &mut rng).verdict == Verdict::Regressed).count();
    let share = found as f64 / ROUNDS as f64;
    assert!((0.70..=0.92).contains(&share), "{share} of slowdowns by {slowdown}");
}
