//! When to look at interleaved pairs, and at which significance level.
//!
//! Looking three times and stopping at the first good result would increase the share of false alarms. So the
//! significance level is divided among the looks, and each look may only spend its part: however the looks are
//! correlated, together they err no more often than one look at the end (Bonferroni's inequality, as weighted alpha
//! spending).

/// The share of the significance level that each look may spend, first to last: most of it is kept for the end, where
/// there are most samples.
const SPENT: [f64; 3] = [0.15, 0.25, 0.60];

/// A look at the pairs so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InterimLook {
    /// After how many pairs.
    pub pairs: usize,
    /// The two-sided significance level of this look.
    pub alpha: f64,
}

/// The looks at `pairs` pairs: after two thirds, five sixths and all of them. Looks that no result could decide are
/// dropped and their level goes to the last one. `metrics` figures are judged together.
#[must_use]
pub fn looks(pairs: usize, metrics: usize, alpha: f64) -> Vec<InterimLook> {
    let mut looks: Vec<InterimLook> = Vec::new();
    let mut kept = 0.0;
    for ((part, of), share) in [(2, 3), (5, 6), (1, 1)].into_iter().zip(SPENT) {
        let after = (pairs * part).div_ceil(of);
        let share = alpha * share;
        if after == pairs {
            kept += share;
        } else if smallest_p(after) * metrics.max(1) as f64 <= share
            && looks.last().is_none_or(|look| look.pairs < after)
        {
            looks.push(InterimLook { pairs: after, alpha: share });
        } else {
            kept += share;
        }
    }
    looks.push(InterimLook { pairs, alpha: kept });
    looks
}

/// The smallest two-sided p of the signed-rank test for this number of pairs: all on one side.
pub(super) fn smallest_p(pairs: usize) -> f64 {
    2.0 * 0.5_f64.powi(i32::try_from(pairs).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use rand_distr::{Distribution, Normal};

    use super::*;
    use crate::stats::paired_ratio_at;

    #[test]
    fn looks_spend_alpha_once_and_only_if_decisive() {
        let pairs = |looks: &[InterimLook]| looks.iter().map(|look| look.pairs).collect::<Vec<_>>();
        assert_eq!(pairs(&looks(12, 1, 0.05)), [10, 12], "after 8 pairs, p is 0.0078 at best, and 0.0075 may be spent");
        assert_eq!(pairs(&looks(20, 4, 0.05)), [14, 17, 20]);
        assert_eq!(pairs(&looks(6, 1, 0.05)), [6]);
        for (n, metrics) in [(6, 1), (7, 3), (12, 1), (12, 10), (40, 5)] {
            let looks = looks(n, metrics, 0.05);
            let spent: f64 = looks.iter().map(|look| look.alpha).sum();
            assert!((spent - 0.05).abs() < 1e-12, "{n} pairs, {metrics} metrics: {spent}");
            assert_eq!(looks.last().map(|look| look.pairs), Some(n));
        }
    }

    /// Whether any look finds a difference in pairs whose log ratio has mean `shift` and standard deviation 5 %.
    fn found(shift: f64, rng: &mut StdRng) -> bool {
        let noise = Normal::new(shift, 0.05).unwrap();
        let ratios: Vec<f64> = (0..12).map(|_| noise.sample(rng).exp()).collect();
        looks(12, 1, 0.05).iter().any(|look| {
            paired_ratio_at(&ratios[..look.pairs], &[1.0; 12], look.alpha).is_some_and(|r| r.p <= look.alpha)
        })
    }

    #[test]
    fn early_stopping_keeps_the_error_rate_and_most_power() {
        let mut rng = StdRng::seed_from_u64(11);
        let rounds = 4_000;
        let mut share = |shift: f64| (0..rounds).filter(|_| found(shift, &mut rng)).count() as f64 / f64::from(rounds);
        let false_alarms = share(0.0);
        // The discrete test cannot spend all of it. Three standard errors of 5 % of 4,000 are 1 %.
        assert!((0.02..=0.06).contains(&false_alarms), "{false_alarms}");
        assert!(share(0.10) > 0.99);
        assert!(share(0.05) > 0.80);
    }
}
