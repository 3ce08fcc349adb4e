//! Comparison of two sets of runs that were not interleaved: by ranks, without assuming a distribution.

use statrs::distribution::{ContinuousCDF, Normal};

use super::mean::median_of_sorted;
use super::ranks::{critical_count, doubled_midranks};

/// Up to this total number of runs the distributions are exact; beyond, the normal approximation is as good.
const EXACT_UP_TO: usize = 50;

/// The ratio of two sets of runs, with its interval if there are enough runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnpairedRatio {
    /// Hodges–Lehmann estimate: the median of all differences of logs between the two sets, as a ratio.
    pub ratio: f64,
    /// Interval of the exact Mann–Whitney test; `None` if there are too few runs for its confidence level.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exact Mann–Whitney test against a ratio of 1.
    pub p: f64,
}

/// The ratio of `of` to `to`, with an interval that excludes the true value with a probability of at most `alpha`.
/// `None` if a side is empty, or a value is not positive and finite.
#[must_use]
pub fn unpaired_ratio(of: &[f64], to: &[f64], alpha: f64) -> Option<UnpairedRatio> {
    RankSumTest::new(of.len(), to.len(), alpha).ratio(of, to)
}

/// The exact Mann–Whitney test for two sets of given sizes. Whatever only depends on the sizes is computed once, for
/// many figures of the same runs.
///
/// Source: Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, sections 4.1 to 4.3. Ties get the mean of
/// their ranks.
#[derive(Debug, Clone)]
pub struct RankSumTest {
    /// Number of values on the first side.
    of: usize,
    /// Number of values on the second side.
    to: usize,
    /// Rank of the shifts at the ends of the interval.
    critical: Option<usize>,
    /// The share of all choices with each doubled rank sum if there are no ties; empty if it is approximated.
    untied: Vec<f64>,
}

impl RankSumTest {
    /// The test for `of` values against `to`, with intervals that exclude the true value with a probability of at most
    /// `alpha`.
    #[must_use]
    pub fn new(of: usize, to: usize, alpha: f64) -> Self {
        let ranks: Vec<usize> = (1..=of + to).map(|rank| 2 * rank).collect();
        let untied = if of + to <= EXACT_UP_TO { rank_sum_shares(&ranks, of) } else { Vec::new() };
        Self { of, to, critical: critical_rank(of, to, &untied, alpha), untied }
    }

    /// The ratio of `of` to `to`. `None` if a side is empty or not of the test's size, or a value is not positive and
    /// finite.
    #[must_use]
    pub fn ratio(&self, of: &[f64], to: &[f64]) -> Option<UnpairedRatio> {
        let usable = |value: &f64| value.is_finite() && *value > 0.0;
        let has_size = of.len() == self.of && to.len() == self.to && self.of.min(self.to) > 0;
        if !has_size || !of.iter().chain(to).all(usable) {
            return None;
        }
        let mut shifts: Vec<f64> = of.iter().flat_map(|of| to.iter().map(move |to| (of / to).ln())).collect();
        shifts.sort_by(f64::total_cmp);
        let interval = self.critical.map(|rank| {
            let (low, high) = (shifts[rank - 1], shifts[shifts.len() - rank]);
            (low.exp(), high.exp())
        });
        Some(UnpairedRatio { ratio: median_of_sorted(&shifts).exp(), interval, p: self.p(of, to) })
    }

    /// Two-sided p of the rank-sum test.
    fn p(&self, of: &[f64], to: &[f64]) -> f64 {
        let all: Vec<f64> = of.iter().chain(to).copied().collect();
        let ranks = doubled_midranks(&all);
        if all.len() > EXACT_UP_TO {
            return approximate_p(&ranks, of.len());
        }
        let mut sorted = ranks.clone();
        sorted.sort_unstable();
        let is_untied = sorted.iter().zip(1..).all(|(rank, place)| *rank == 2 * place);
        if is_untied { p_of(&ranks, of.len(), &self.untied) } else { exact_p(&ranks, of.len()) }
    }
}

/// Over all choices of ranks for the first side.
fn exact_p(ranks: &[usize], taken: usize) -> f64 {
    p_of(ranks, taken, &rank_sum_shares(ranks, taken))
}

/// Both tails of the sum of the chosen ranks, given the share of each sum.
fn p_of(ranks: &[usize], taken: usize, shares: &[f64]) -> f64 {
    let sum: usize = ranks[..taken].iter().sum();
    let (below, above): (f64, f64) = (shares[..=sum].iter().sum(), shares[sum..].iter().sum());
    (2.0 * below.min(above)).min(1.0)
}

/// By the normal distribution, corrected for ties and continuity.
fn approximate_p(ranks: &[usize], taken: usize) -> f64 {
    let sum: usize = ranks[..taken].iter().sum();
    let (m, total) = (taken as f64, ranks.len() as f64);
    // Ranks are doubled, and so are the mean of their sum and its distance from it.
    let squares: f64 = ranks.iter().map(|rank| (*rank as f64 - (total + 1.0)).powi(2)).sum();
    let sd = (m * (total - m) / (total * (total - 1.0)) * squares).sqrt();
    if sd == 0.0 {
        return 1.0;
    }
    // Possible doubled sums are two apart, so the continuity correction is one.
    let distance = ((sum as f64 - m * (total + 1.0)).abs() - 1.0).max(0.0) / sd;
    2.0 * (1.0 - Normal::standard().cdf(distance))
}

/// The share of all choices of `taken` ranks with each sum.
fn rank_sum_shares(ranks: &[usize], taken: usize) -> Vec<f64> {
    let most: usize = ranks.iter().sum();
    // ways[k][s]: the number of ways in which k of the ranks seen so far have the sum s.
    let mut ways = vec![vec![0.0; most + 1]; taken + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for k in (0..taken).rev() {
            let (lower, upper) = ways.split_at_mut(k + 1);
            for (sum, count) in lower[k][..=most - rank].iter().enumerate().filter(|(_, count)| **count > 0.0) {
                upper[0][sum + rank] += count;
            }
        }
    }
    let total: f64 = ways[taken].iter().sum();
    ways[taken].iter().map(|count| count / total).collect()
}

/// The largest rank k, from 1, for which fewer than k shifts lie on the wrong side with a probability of at most
/// `alpha` / 2. `untied` is the share of each doubled rank sum, up to the sizes that have one.
fn critical_rank(m: usize, n: usize, untied: &[f64], alpha: f64) -> Option<usize> {
    if m + n > EXACT_UP_TO {
        let (m, n) = (m as f64, n as f64);
        let sd = (m * n * (m + n + 1.0) / 12.0).sqrt();
        let rank = m * n / 2.0 - Normal::standard().inverse_cdf(1.0 - alpha / 2.0) * sd;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Below m · n.
        return (rank >= 1.0).then_some(rank as usize);
    }
    let least = m * (m + 1);
    critical_count(untied[least..].iter().copied().step_by(2), alpha)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn critical_rank(m: usize, n: usize, alpha: f64) -> Option<usize> {
        RankSumTest::new(m, n, alpha).critical
    }

    fn rank_sum_p(of: &[f64], to: &[f64]) -> f64 {
        RankSumTest::new(of.len(), to.len(), 0.05).p(of, to)
    }

    #[test]
    fn precomputed_test_matches_direct_computation() {
        let mut rng = StdRng::seed_from_u64(9);
        let test = RankSumTest::new(7, 9, 0.05);
        for _ in 0..200 {
            let values: Vec<f64> = (0..16).map(|_| 1.0 + rng.random::<f64>()).collect();
            let p = exact_p(&doubled_midranks(&values), 7);
            assert_eq!(test.ratio(&values[..7], &values[7..]).map(|ratio| ratio.p), Some(p));
        }
        assert_eq!(test.ratio(&[1.0; 6], &[1.0; 9]), None, "another size");
    }

    #[test]
    fn rank_sum_critical_values_match_published_tables() {
        // Two-sided 5 % critical values of Mann and Whitney's U; the rank of the interval is one above.
        for (m, n, critical) in [(4, 4, 0), (5, 5, 2), (6, 6, 5), (8, 8, 13), (10, 10, 23), (5, 10, 8), (20, 20, 127)] {
            assert_eq!(critical_rank(m, n, 0.05), Some(critical + 1), "{m} and {n}");
        }
        assert_eq!(critical_rank(3, 3, 0.05), None);
        assert_eq!(critical_rank(1, 38, 0.05), None);
        assert_eq!(critical_rank(1, 39, 0.05), Some(1));
    }

    #[test]
    fn rank_sum_p_matches_hand_calculation() {
        // 4 against 4 without overlap: 1 of 70 choices, twice. With one exchange at the border: 2 of 70, twice.
        let p = |of: [f64; 4], to: [f64; 4]| rank_sum_p(&of, &to);
        assert!((p([5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0]) - 2.0 / 70.0).abs() < 1e-12);
        assert!((p([4.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 5.0]) - 4.0 / 70.0).abs() < 1e-12);
        assert!((p([1.0; 4], [1.0; 4]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn shift_estimate_matches_hand_calculation() {
        // Shifts of logs: ln 2 and ln 4 against 0 and ln 2 give 0, ln 2, ln 2, ln 4.
        let ratio = unpaired_ratio(&[2.0, 4.0], &[1.0, 2.0], 0.05).unwrap();
        assert!((ratio.ratio - 2.0).abs() < 1e-12);
        assert_eq!(ratio.interval, None);
        assert_eq!(unpaired_ratio(&[1.0], &[], 0.05), None);
        assert_eq!(unpaired_ratio(&[0.0], &[1.0], 0.05), None);
    }

    #[test]
    fn exact_and_approximate_p_agree_at_the_switch() {
        let mut rng = StdRng::seed_from_u64(3);
        for shift in [0.0, 0.02, 0.05, 0.1] {
            let values: Vec<f64> =
                (0..50).map(|i| rng.random::<f64>() * 0.2 + if i < 25 { shift } else { 0.0 }).collect();
            let ranks = doubled_midranks(&values);
            let (exact, approximate) = (exact_p(&ranks, 25), approximate_p(&ranks, 25));
            assert!((exact - approximate).abs() < 0.003, "exact {exact}, approximate {approximate}");
        }
        // The interval's rank changes by about 20 from one size to the next, including across the switch.
        let ranks = [24, 25, 26].map(|n| critical_rank(n, n, 0.05).unwrap());
        assert!((17..=23).contains(&(ranks[1] - ranks[0])) && (17..=23).contains(&(ranks[2] - ranks[1])), "{ranks:?}");
    }

    #[test]
    fn unpaired_interval_has_95_percent_coverage() {
        let mut rng = StdRng::seed_from_u64(6);
        let rounds = 1_000;
        let covered = (0..rounds)
            .filter(|_| {
                let mut draw = |n: usize, scale: f64| -> Vec<f64> {
                    (0..n).map(|_| scale * (1.0 + 0.1 * (rng.random::<f64>() - 0.5))).collect()
                };
                let (of, to) = (draw(8, 1.2), draw(10, 1.0));
                let (low, high) = unpaired_ratio(&of, &to, 0.05).unwrap().interval.unwrap();
                (low..=high).contains(&1.2)
            })
            .count();
        let share = covered as f64 / f64::from(rounds);
        assert!((0.93..0.98).contains(&share), "{share}");
    }
}
