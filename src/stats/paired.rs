//! Comparison of two settings that were measured in the same rounds: paired, without assuming a distribution.

use super::mean::median_of_sorted;
use super::ranks::{critical_count, doubled_midranks};

/// Fewest pairs for a 95 % interval: with five, even the widest one only covers 93.75 %.
pub const FEWEST_PAIRS: usize = 6;

/// The ratio of two settings over paired rounds, with its interval if there are enough pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedRatio {
    /// Hodges–Lehmann estimate: the median of all pairwise averages of the log ratios, as a ratio.
    pub ratio: f64,
    /// Interval of the exact Wilcoxon signed-rank test; `None` if there are too few pairs for its confidence level.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exact signed-rank test against a ratio of 1.
    pub p: f64,
    /// Number of pairs.
    pub n: usize,
}

/// The difference of two settings over paired rounds, with its interval if there are enough pairs: for figures that may
/// be 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDifference {
    /// Hodges–Lehmann estimate: the median of all pairwise averages of the differences.
    pub difference: f64,
    /// Interval of the exact Wilcoxon signed-rank test; `None` if there are too few pairs for its confidence level.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exact signed-rank test against no difference.
    pub p: f64,
    /// Number of pairs.
    pub n: usize,
}

/// The ratio of `of` to `to`, round by round, with its 95 % interval. `None` if there is no pair, or a value is not
/// positive and finite.
#[must_use]
pub fn paired_ratio(of: &[f64], to: &[f64]) -> Option<PairedRatio> {
    paired_ratio_at(of, to, 0.05)
}

/// The same with an interval that excludes the true value with a probability of at most `alpha`.
///
/// Source: Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, sections 3.1 to 3.3. Ties get the mean of
/// their ranks, with the exact distribution given them; pairs without a difference keep their rank and count for
/// neither side (Pratt).
#[must_use]
pub fn paired_ratio_at(of: &[f64], to: &[f64], alpha: f64) -> Option<PairedRatio> {
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    if !of.iter().chain(to).all(usable) {
        return None;
    }
    let logs: Vec<f64> = of.iter().zip(to).map(|(of, to)| (of / to).ln()).collect();
    let PairedDifference { difference, interval, p, n } = shift(&logs, alpha)?;
    Some(PairedRatio { ratio: difference.exp(), interval: interval.map(|(low, high)| (low.exp(), high.exp())), p, n })
}

/// `of` minus `to`, round by round, by the same method. `None` if there is no pair, or a value is not finite.
#[must_use]
pub fn paired_difference_at(of: &[f64], to: &[f64], alpha: f64) -> Option<PairedDifference> {
    if !of.iter().chain(to).all(|value| value.is_finite()) {
        return None;
    }
    shift(&of.iter().zip(to).map(|(of, to)| of - to).collect::<Vec<_>>(), alpha)
}

/// The location of differences relative to 0.
fn shift(differences: &[f64], alpha: f64) -> Option<PairedDifference> {
    let n = differences.len();
    if n == 0 {
        return None;
    }
    let mut averages: Vec<f64> = (0..n)
        .flat_map(|i| (i..n).map(move |j| (i, j)))
        .map(|(i, j)| f64::midpoint(differences[i], differences[j]))
        .collect();
    averages.sort_by(f64::total_cmp);
    let interval = critical_rank(n, alpha).map(|rank| (averages[rank - 1], averages[averages.len() - rank]));
    Some(PairedDifference { difference: median_of_sorted(&averages), interval, p: signed_rank_p(differences), n })
}

/// The scatter of a single pair's log ratio around 0, if both sides of each pair have the same setting: the standard
/// deviation of a normal distribution with this median distance. `None` as for [`paired_ratio`].
#[must_use]
pub fn scatter_of_pairs(of: &[f64], to: &[f64]) -> Option<f64> {
    /// Median distance from the centre of a standard normal distribution.
    const MEDIAN_DISTANCE: f64 = 0.674_489_75;
    paired_ratio(of, to)?;
    let mut distances: Vec<f64> = of.iter().zip(to).map(|(of, to)| (of / to).ln().abs()).collect();
    distances.sort_by(f64::total_cmp);
    Some(median_of_sorted(&distances) / MEDIAN_DISTANCE)
}

/// Two-sided p of the signed-rank test, over all choices of signs.
fn signed_rank_p(differences: &[f64]) -> f64 {
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let ranks = doubled_midranks(&sizes);
    let taking_sides: Vec<usize> = (0..differences.len()).filter(|&i| differences[i] != 0.0).collect();
    let shares = sign_shares(taking_sides.iter().map(|&i| ranks[i]));
    let sum: usize = taking_sides.iter().filter(|&&i| differences[i] > 0.0).map(|&i| ranks[i]).sum();
    let (below, above): (f64, f64) = (shares[..=sum].iter().sum(), shares[sum..].iter().sum());
    (2.0 * below.min(above)).min(1.0)
}

/// The share of all choices of signs that give each sum of the positive ones' ranks.
fn sign_shares(ranks: impl Iterator<Item = usize>) -> Vec<f64> {
    let mut shares = vec![1.0];
    for rank in ranks {
        let mut next = vec![0.0; shares.len() + rank];
        for (sum, share) in shares.iter().enumerate() {
            next[sum] += share / 2.0;
            next[sum + rank] += share / 2.0;
        }
        shares = next;
    }
    shares
}

/// The largest rank k, from 1, such that a signed-rank sum below k has a probability of at most `alpha` / 2.
fn critical_rank(pairs: usize, alpha: f64) -> Option<usize> {
    critical_count(sign_shares(1..=pairs).into_iter(), alpha)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn signed_rank_critical_values_match_published_tables() {
        // Two-sided 5 % critical values of the signed-rank test: 0 at n 6, 2 at 7, 3 at 8, 8 at 10, 13 at 12, 52 at 20.
        // The rank of the interval is one above.
        for (pairs, critical) in [(6, 0), (7, 2), (8, 3), (10, 8), (12, 13), (20, 52)] {
            assert_eq!(critical_rank(pairs, 0.05), Some(critical + 1), "{pairs} pairs");
        }
        // At 1 %: 0 at n 8, 3 at 10, 7 at 12.
        for (pairs, critical) in [(8, 0), (10, 3), (12, 7)] {
            assert_eq!(critical_rank(pairs, 0.01), Some(critical + 1), "{pairs} pairs");
        }
        assert_eq!(critical_rank(FEWEST_PAIRS - 1, 0.05), None);
    }

    #[test]
    fn ratio_of_six_pairs_matches_hand_calculation() {
        // Ratios 1 to 32 in steps of 2: log ratios 0 to 5 ln 2. With rank 1 the interval runs from least to largest;
        // the median of the pairwise averages is 2.5 ln 2.
        let of = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let ratio = paired_ratio(&of, &[1.0; 6]).unwrap();
        assert!((ratio.ratio - 2.5_f64.exp2()).abs() < 1e-9);
        let (low, high) = ratio.interval.unwrap();
        assert!((low - 1.0).abs() < 1e-9 && (high - 32.0).abs() < 1e-9);
    }

    #[test]
    fn paired_differences_may_include_zeros() {
        // Differences 0, 0, 1, 2, 3 and 4 of six pairs: the median of the 21 averages is the 11th, 1.5. With rank 1 the
        // interval runs from the least to the largest. All four nonzero differences have the same sign.
        let difference =
            paired_difference_at(&[0.0, 5.0, 1.0, 2.0, 3.0, 4.0], &[0.0, 5.0, 0.0, 0.0, 0.0, 0.0], 0.05).unwrap();
        assert_eq!((difference.difference, difference.interval, difference.n), (1.5, Some((0.0, 4.0)), 6));
        assert!((difference.p - 2.0 / 16.0).abs() < 1e-12, "{difference:?}");
        assert_eq!(paired_difference_at(&[0.0; 6], &[0.0; 6], 0.05).unwrap().interval, Some((0.0, 0.0)));
        assert!(
            paired_difference_at(&[], &[], 0.05).is_none() && paired_difference_at(&[f64::NAN], &[0.0], 0.05).is_none()
        );
    }

    #[test]
    fn signed_rank_p_matches_hand_calculation() {
        let p = |logs: &[f64]| signed_rank_p(logs);
        // All six on one side: 1 of 64 choices, twice. The smallest on the other side: 2 of 64, twice.
        assert!((p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) - 2.0 / 64.0).abs() < 1e-12);
        assert!((p(&[-1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) - 4.0 / 64.0).abs() < 1e-12);
        // Two tied: ranks 1.5 and 1.5, sums 0, 1.5, 1.5, 3.
        assert!((p(&[1.0, 1.0]) - 0.5).abs() < 1e-12);
        assert!((p(&[1.0, -1.0]) - 1.0).abs() < 1e-12);
        // Zero differences favour neither side; a zero among others keeps rank 1.
        assert!((p(&[0.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!((p(&[0.0, 1.0, 2.0, 3.0]) - 2.0 / 8.0).abs() < 1e-12);
    }

    #[test]
    fn paired_p_agrees_with_the_interval() {
        let mut rng = StdRng::seed_from_u64(8);
        for _ in 0..500 {
            let of: Vec<f64> = (0..9).map(|_| 1.05 * (0.9 + 0.2 * rng.random::<f64>())).collect();
            for alpha in [0.05, 0.02] {
                let ratio = paired_ratio_at(&of, &[1.0; 9], alpha).unwrap();
                let (low, high) = ratio.interval.unwrap();
                assert_eq!(ratio.p <= alpha, low > 1.0 || high < 1.0, "{of:?}");
            }
        }
    }

    #[test]
    fn too_few_pairs_or_invalid_values_are_omitted() {
        assert_eq!(paired_ratio(&[2.0; 3], &[1.0; 3]).unwrap().interval, None);
        assert_eq!(paired_ratio(&[], &[]), None);
        assert_eq!(paired_ratio(&[1.0, f64::NAN], &[1.0, 1.0]), None);
        assert_eq!(paired_ratio(&[1.0], &[0.0]), None);
    }

    #[test]
    fn paired_interval_has_95_percent_coverage() {
        let mut rng = StdRng::seed_from_u64(5);
        let runs = 2_000;
        let covered = (0..runs)
            .filter(|_| {
                let noise = |rng: &mut StdRng| 1.0 + 0.1 * (rng.random::<f64>() - 0.5);
                let of: Vec<f64> = (0..10).map(|_| 1.2 * noise(&mut rng)).collect();
                let to: Vec<f64> = (0..10).map(|_| noise(&mut rng)).collect();
                let (low, high) = paired_ratio(&of, &to).unwrap().interval.unwrap();
                (low..=high).contains(&1.2)
            })
            .count();
        let share = covered as f64 / f64::from(runs);
        assert!((0.93..0.98).contains(&share), "{share}");
    }

    #[test]
    fn scatter_of_pairs_matches_hand_calculation() {
        // Log ratios of 1, 2 and 3 twentieths: the median distance is 0.1.
        let of = [0.05, -0.10, 0.15].map(f64::exp);
        assert!((scatter_of_pairs(&of, &[1.0; 3]).unwrap() - 0.1 / 0.674_489_75).abs() < 1e-9);
        assert_eq!(scatter_of_pairs(&[], &[]), None);
    }
}
