//! Breakdown of a difference: settings that lead step by step from one end to the other, measured in the same rounds.

use super::mean::{Mean, mean_of};

/// A difference and its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// From the first setting to the last.
    pub whole: AttributionStep,
    /// From each setting to the next.
    pub steps: Vec<AttributionStep>,
    /// Number of rounds.
    pub n: usize,
}

/// How much faster one setting is than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttributionStep {
    /// Total of all rounds, in nanoseconds; the steps add up to the total.
    pub sum_ns: i128,
    /// Per round, in nanoseconds: the mean of the paired differences, with Student's interval.
    pub mean_ns: Mean,
}

impl Attribution {
    /// Breaks the difference down. Each round has a duration for each setting, in the order of the steps. `None`
    /// without a round, for fewer than two settings, or if the rounds differ in length.
    ///
    /// Means are used because they add up; medians do not.
    #[must_use]
    pub fn of(rounds: &[Vec<u64>]) -> Option<Self> {
        let settings = rounds.first()?.len();
        if settings < 2 || rounds.iter().any(|round| round.len() != settings) {
            return None;
        }
        let steps = (1..settings).map(|at| AttributionStep::of(rounds, at - 1, at)).collect::<Option<_>>()?;
        Some(Self { whole: AttributionStep::of(rounds, 0, settings - 1)?, steps, n: rounds.len() })
    }

    /// The step's share of the total; `None` if the total is zero.
    #[must_use]
    pub fn share(&self, step: &AttributionStep) -> Option<f64> {
        (self.whole.sum_ns != 0).then(|| step.sum_ns as f64 / self.whole.sum_ns as f64)
    }
}

impl AttributionStep {
    fn of(rounds: &[Vec<u64>], from: usize, to: usize) -> Option<Self> {
        let saved: Vec<i128> = rounds.iter().map(|round| i128::from(round[from]) - i128::from(round[to])).collect();
        let sum_ns: i128 = saved.iter().sum();
        let mean = mean_of(&saved.iter().map(|ns| *ns as f64).collect::<Vec<_>>())?;
        Some(Self { sum_ns, mean_ns: Mean { value: sum_ns as f64 / rounds.len() as f64, ..mean } })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn attribution_of_two_rounds_matches_hand_calculation() {
        let found = Attribution::of(&[vec![100, 60, 50], vec![90, 70, 30]]).unwrap();
        assert_eq!((found.whole.sum_ns, found.n), (110, 2));
        assert_eq!(found.steps.iter().map(|step| step.sum_ns).collect::<Vec<_>>(), [60, 50]);
        assert!((found.steps[0].mean_ns.value - 30.0).abs() < 1e-12);
        assert!((found.share(&found.steps[1]).unwrap() - 50.0 / 110.0).abs() < 1e-12);
    }

    #[test]
    fn incomplete_rounds_have_no_attribution() {
        for rounds in [vec![], vec![vec![1]], vec![vec![1, 2], vec![1]]] {
            assert_eq!(Attribution::of(&rounds), None, "{rounds:?}");
        }
        let same = Attribution::of(&[vec![5, 7, 5]]).unwrap();
        assert_eq!((same.whole.sum_ns, same.share(&same.steps[0])), (0, None));
        assert_eq!(same.steps[0].sum_ns, -2, "a step may be slower");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(6), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn steps_add_up_to_the_total(
            rounds in (2_usize..7).prop_flat_map(|settings| {
                prop::collection::vec(prop::collection::vec(0..=u64::MAX, settings), 1..12)
            })
        ) {
            let found = Attribution::of(&rounds).unwrap();
            prop_assert_eq!(found.steps.iter().map(|step| step.sum_ns).sum::<i128>(), found.whole.sum_ns);
            let means: f64 = found.steps.iter().map(|step| step.mean_ns.value).sum();
            let largest = found.steps.iter().map(|step| step.mean_ns.value.abs()).fold(1.0, f64::max);
            prop_assert!((means - found.whole.mean_ns.value).abs() <= 1e-12 * largest * rounds[0].len() as f64);
        }
    }
}
