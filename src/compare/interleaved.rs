//! A comparison that grows pair by pair, with a limited number of looks at the result.

use super::comparison::{Comparison, ComparisonSpec, compare};
use super::gate::Gate;
use super::sequential::{InterimLook, looks};
use crate::record::RunFigures;

/// The significance level over all looks.
const ALPHA: f64 = 0.05;

/// The pairs so far.
#[derive(Debug, Clone, Copy)]
pub struct RunPairs<'a> {
    /// The baseline runs, in the order of the pairs.
    pub a: &'a [RunFigures],
    /// The new runs, in the same order.
    pub b: &'a [RunFigures],
    /// A/A pairs of runs of A, the first and second of each.
    pub same: Option<(&'a [RunFigures], &'a [RunFigures])>,
}

/// A comparison of interleaved pairs.
#[derive(Debug)]
pub struct Interleaved<'g> {
    gate: &'g Gate,
    allow_different: bool,
    planned_pairs: usize,
    /// Known after the first pair: the number of figures determines how many looks there may be.
    schedule: Vec<InterimLook>,
    latest: Option<(Comparison, usize)>,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct InterleavedResult {
    /// The comparison at the last look.
    pub comparison: Comparison,
    /// Number of its pairs.
    pub pairs: usize,
    /// The planned looks.
    pub looks: Vec<InterimLook>,
}

impl<'g> Interleaved<'g> {
    /// A comparison of at most this number of pairs.
    #[must_use]
    pub fn new(gate: &'g Gate, planned_pairs: usize, allow_different: bool) -> Self {
        Self { gate, allow_different, planned_pairs, schedule: Vec::new(), latest: None }
    }

    /// Looks at the pairs, if a look is due. Returns whether the result is clear.
    pub fn is_decided(&mut self, pairs: RunPairs<'_>) -> bool {
        let n = pairs.a.len();
        if self.schedule.is_empty() {
            let metrics = self.judge(pairs, ALPHA).gating().count();
            self.schedule = looks(self.planned_pairs, metrics, ALPHA);
        }
        let Some(look) = self.schedule.iter().find(|look| look.pairs == n) else { return false };
        let comparison = self.judge(pairs, look.alpha);
        let is_decided = comparison.is_decided();
        self.latest = Some((comparison, n));
        is_decided
    }

    /// The latest look; `None` if there was none.
    #[must_use]
    pub fn result(self) -> Option<InterleavedResult> {
        let looks = self.schedule;
        self.latest.map(|(comparison, pairs)| InterleavedResult { comparison, pairs, looks })
    }

    fn judge(&self, pairs: RunPairs<'_>, alpha: f64) -> Comparison {
        compare(&ComparisonSpec {
            base: pairs.a,
            new: pairs.b,
            same: pairs.same,
            paired: true,
            variants: true,
            allow_different: self.allow_different,
            gate: self.gate,
            alpha,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::runs;
    use super::super::{ComparisonOutcome, Verdict};
    use super::*;

    /// Looks after every pair until the answer is clear.
    fn looked_at(b: &[f64], planned: usize) -> InterleavedResult {
        let gate = Gate::named("default").unwrap();
        let scattered = |at: usize| 10.0 + [0.0, 0.05, -0.05, 0.02][at % 4];
        let a = runs("a", &(0..b.len()).map(scattered).collect::<Vec<_>>());
        let b = runs("b", b);
        let mut comparison = Interleaved::new(&gate, planned, false);
        for n in 1..=b.len() {
            if comparison.is_decided(RunPairs { a: &a[..n], b: &b[..n], same: None }) {
                break;
            }
        }
        comparison.result().unwrap()
    }

    #[test]
    fn clear_slowdown_ends_early_and_small_one_takes_all_pairs() {
        let slow: Vec<f64> = (0..24_u32).map(|at| 15.0 + f64::from(at % 3) * 0.1).collect();
        let early = looked_at(&slow, 24);
        assert!(early.pairs < 24 && early.looks.iter().any(|look| look.pairs == early.pairs), "{}", early.pairs);
        assert_eq!(early.comparison.outcome(Some(0.0)), ComparisonOutcome::Regressed);
        let same: Vec<f64> = (0..24_u32).map(|at| 10.0 + f64::from(at % 5) * 0.01 - 0.02).collect();
        let late = looked_at(&same, 24);
        assert_eq!(late.looks.last().unwrap().pairs, 24);
        assert!(late.comparison.judgements.iter().all(|judgement| judgement.verdict != Verdict::Regressed));
    }

    #[test]
    fn no_verdict_before_the_first_look() {
        let gate = Gate::named("default").unwrap();
        let (a, b) = (runs("a", &[10.0]), runs("b", &[20.0]));
        let mut comparison = Interleaved::new(&gate, 24, false);
        assert!(!comparison.is_decided(RunPairs { a: &a, b: &b, same: None }));
        assert!(comparison.result().is_none());
    }
}
