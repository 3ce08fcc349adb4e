//! Comparing two settings that were measured in the same rounds: by pairs, without assuming a distribution.

use super::mean::median_of_sorted;

/// Fewest pairs for a 95 % interval: with five, even the widest one covers 93.75 % only.
pub const FEWEST_PAIRS: usize = 6;

/// The ratio of two settings over paired rounds, with its 95 % interval where there are pairs enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedRatio {
    /// Hodges–Lehmann estimate: the median of all pairwise averages of the log ratios, as a ratio.
    pub ratio: f64,
    /// Interval of the exact Wilcoxon signed-rank test; `None` below [`FEWEST_PAIRS`].
    pub interval: Option<(f64, f64)>,
    /// Pairs.
    pub n: usize,
}

/// The ratio of `of` to `to`, round by round. `None` if there is no pair, or a value is not positive and finite.
///
/// Source: Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, sections 3.2 and 3.3.
#[must_use]
pub fn paired_ratio(of: &[f64], to: &[f64]) -> Option<PairedRatio> {
    let pairs = of.len().min(to.len());
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    if pairs == 0 || !of.iter().chain(to).all(usable) {
        return None;
    }
    let logs: Vec<f64> = of.iter().zip(to).map(|(of, to)| (of / to).ln()).collect();
    let mut averages: Vec<f64> = (0..pairs)
        .flat_map(|i| (i..pairs).map(move |j| (i, j)))
        .map(|(i, j)| f64::midpoint(logs[i], logs[j]))
        .collect();
    averages.sort_by(f64::total_cmp);
    let interval = critical_rank(pairs).map(|rank| {
        let (low, high) = (averages[rank - 1], averages[averages.len() - rank]);
        (low.exp(), high.exp())
    });
    Some(PairedRatio { ratio: median_of_sorted(&averages).exp(), interval, n: pairs })
}

/// The largest rank k, from 1, such that a signed-rank sum below k has a probability of at most 2.5 %.
fn critical_rank(pairs: usize) -> Option<usize> {
    if pairs < FEWEST_PAIRS {
        return None;
    }
    // How many of the 2^pairs choices of signs give each sum of ranks, as shares.
    let mut shares = vec![0.0; pairs * (pairs + 1) / 2 + 1];
    shares[0] = 1.0;
    for rank in 1..=pairs {
        for sum in (0..shares.len()).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    let mut below = 0.0;
    let rank = shares.iter().take_while(|share| {
        below += **share;
        below <= 0.025
    });
    Some(rank.count()).filter(|&rank| rank > 0)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn critical_ranks_are_those_of_the_tables() {
        // Two-sided 5 % critical values of the signed-rank test: 0 at n 6, 2 at 7, 3 at 8, 8 at 10, 13 at 12, 52 at 20.
        // The rank of the interval is one above.
        for (pairs, critical) in [(6, 0), (7, 2), (8, 3), (10, 8), (12, 13), (20, 52)] {
            assert_eq!(critical_rank(pairs), Some(critical + 1), "{pairs} pairs");
        }
        assert_eq!(critical_rank(5), None);
    }

    #[test]
    fn six_pairs_by_hand() {
        // Ratios 1 to 32 in steps of 2: log ratios 0 to 5 ln 2. With rank 1 the interval runs from least to largest; the
        // median of the pairwise averages is 2.5 ln 2.
        let of = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let ratio = paired_ratio(&of, &[1.0; 6]).unwrap();
        assert!((ratio.ratio - 2.5_f64.exp2()).abs() < 1e-9);
        let (low, high) = ratio.interval.unwrap();
        assert!((low - 1.0).abs() < 1e-9 && (high - 32.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_pairs_have_no_interval_and_unusable_values_no_ratio() {
        assert_eq!(paired_ratio(&[2.0; 3], &[1.0; 3]).unwrap().interval, None);
        assert_eq!(paired_ratio(&[], &[]), None);
        assert_eq!(paired_ratio(&[1.0, f64::NAN], &[1.0, 1.0]), None);
        assert_eq!(paired_ratio(&[1.0], &[0.0]), None);
    }

    #[test]
    fn the_interval_covers_the_truth_in_about_95_of_100_runs() {
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
}
