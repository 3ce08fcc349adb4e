//! Growth of a quantity, robust against outliers: the Theil–Sen slope with the interval of Kendall's test.

use statrs::distribution::{ContinuousCDF, Normal};

use super::mean::median_of_sorted;

/// Up to this number of points the interval's distribution is exact; beyond, it is approximated by the normal
/// distribution.
const MOST_EXACT: usize = 60;

/// A slope, in units of y per unit of x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The median of the slopes between all pairs of points.
    pub value: f64,
    /// Its interval; `None` if there are too few points for the confidence level: 95 % needs 5, 99 % needs 6.
    pub interval: Option<(f64, f64)>,
    /// Number of points.
    pub n: usize,
}

/// The slope through points `(x, y)` in ascending order of x, each x once, with an interval of that confidence level
/// (0.95). `None` for fewer than two points, or if a number is not finite or an x is not above the previous one.
///
/// The interval is that of Sen: the slopes at two ranks, determined by Kendall's test. It assumes that the points
/// scatter independently about their line, but no distribution. Ties in y make it wider than necessary, never narrower.
/// Source: Sen,
/// *Estimates of the regression coefficient based on Kendall's tau*, 1968; Hollander, Wolfe and Chicken, *Nonparametric
/// Statistical Methods*, section 9.3. All pairs are used: with n points, time and memory grow with n².
#[must_use]
pub fn theil_sen(points: &[(f64, f64)], confidence: f64) -> Option<Slope> {
    let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    if points.len() < 2 || !finite || points.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return None;
    }
    let mut slopes: Vec<f64> = (0..points.len())
        .flat_map(|i| (i + 1..points.len()).map(move |j| (i, j)))
        .map(|(i, j)| (points[j].1 - points[i].1) / (points[j].0 - points[i].0))
        .collect();
    slopes.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let interval = critical_rank(points.len(), tail).map(|rank| (slopes[rank - 1], slopes[slopes.len() - rank]));
    Some(Slope { value: median_of_sorted(&slopes), interval, n: points.len() })
}

/// A line through points: slope and intercept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedLine {
    /// The slope.
    pub slope: Slope,
    /// Its y at x 0: the median of the residuals.
    pub intercept: f64,
    /// The largest distance of a point from it, in units of y.
    pub farthest: f64,
}

/// The line of [`theil_sen`]; `None` as there.
#[must_use]
pub fn robust_line(points: &[(f64, f64)], confidence: f64) -> Option<FittedLine> {
    let slope = theil_sen(points, confidence)?;
    let mut left: Vec<f64> = points.iter().map(|(x, y)| y - slope.value * x).collect();
    left.sort_by(f64::total_cmp);
    let intercept = median_of_sorted(&left);
    let farthest = left.iter().map(|y| (y - intercept).abs()).fold(0.0, f64::max);
    Some(FittedLine { slope, intercept, farthest })
}

/// The largest rank k, from 1, for which fewer than k pairs are out of order with a probability of at most `tail`, if
/// there is no slope; `None` if even none out of order is more probable.
fn critical_rank(points: usize, tail: f64) -> Option<usize> {
    if points > MOST_EXACT {
        return approximate_rank(points, tail);
    }
    let mut below = 0.0;
    let rank = inversions(points).into_iter().take_while(|share| {
        below += share;
        below <= tail
    });
    Some(rank.count()).filter(|&rank| rank > 0)
}

/// The share of all permutations of `points` items that have 0, 1, 2 … pairs out of order (Mahonian numbers over n!).
fn inversions(points: usize) -> Vec<f64> {
    let mut shares = vec![1.0];
    for size in 2..=points {
        // The next item is inserted before 0 to size - 1 of the existing ones, each with equal probability.
        let mut next = vec![0.0; shares.len() + size - 1];
        for (count, share) in shares.iter().enumerate() {
            for more in 0..size {
                next[count + more] += share / size as f64;
            }
        }
        shares = next;
    }
    shares
}

/// The same from the normal distribution, with the variance n(n − 1)(2n + 5)/72 of the pairs out of order, and a
/// continuity correction of half a pair.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not negative, and far below 2^53.
fn approximate_rank(points: usize, tail: f64) -> Option<usize> {
    let n = points as f64;
    let (mean, variance) = (n * (n - 1.0) / 4.0, n * (n - 1.0) * (2.0 * n + 5.0) / 72.0);
    let z = Normal::standard().inverse_cdf(tail);
    let rank = (mean + z * variance.sqrt() + 0.5).floor();
    (rank >= 1.0).then_some(rank as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn points(ys: &[f64]) -> Vec<(f64, f64)> {
        ys.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect()
    }

    #[test]
    fn slope_of_five_points_matches_hand_calculation() {
        // y 0, 2, 3, 7, 8 at x 0 to 4. Slopes of the ten pairs: 2, 3/2, 7/3, 2, 1, 5/2, 2, 4, 5/2, 1; sorted 1, 1, 3/2,
        // 2, 2, 2, 7/3, 5/2, 5/2, 4. The median is 2. None out of order of 5: 1/120 = 0.83 %; at most one: 5/120 =
        // 4.2 %. So 95 % takes the outermost slopes, 99 % none at all.
        let five = points(&[0.0, 2.0, 3.0, 7.0, 8.0]);
        assert_eq!(theil_sen(&five, 0.95), Some(Slope { value: 2.0, interval: Some((1.0, 4.0)), n: 5 }));
        assert_eq!(theil_sen(&five, 0.99).unwrap().interval, None);
        // A confidence of 91 %: 4.5 % on each side, which admits the second-outermost slopes.
        assert_eq!(theil_sen(&five, 0.91).unwrap().interval, Some((1.0, 2.5)));
    }

    #[test]
    fn kendall_critical_values_match_published_tables() {
        // Kendall's K for 2.5 % in the upper tail (Hollander, Wolfe and Chicken, table A.11): 10 at n 5, 13 at n 6, 15
        // at n 7, 18 at n 8, 20 at n 9, 23 at n 10. Pairs out of order are (pairs − K)/2, and the rank is one above.
        for (n, k) in [(5, 10), (6, 13), (7, 15), (8, 18), (9, 20), (10, 23)] {
            let pairs = n * (n - 1) / 2;
            assert_eq!(critical_rank(n, 0.025), Some((pairs - k) / 2 + 1), "{n} points");
        }
        assert_eq!(critical_rank(4, 0.025), None);
        assert_eq!(critical_rank(6, 0.005).map(|rank| rank - 1), Some(0));
    }

    #[test]
    fn normal_approximation_matches_exact_ranks_at_the_switch() {
        for tail in [0.025, 0.005] {
            let exact = critical_rank(MOST_EXACT, tail).unwrap();
            let approximate = approximate_rank(MOST_EXACT, tail).unwrap();
            assert!(exact.abs_diff(approximate) <= exact / 50, "exact {exact}, approximate {approximate}");
        }
    }

    #[test]
    fn single_outlier_barely_changes_the_slope() {
        let mut ys: Vec<f64> = (0..20).map(|x| 3.0 * f64::from(x)).collect();
        ys[7] = 1e9;
        let slope = theil_sen(&points(&ys), 0.95).unwrap();
        assert!((slope.value - 3.0).abs() < 1e-9, "{slope:?}");
    }

    #[test]
    fn robust_line_finds_the_planted_intercept() {
        let mut planted: Vec<(f64, f64)> = [1.0, 9.0, 35.0, 128.0, 512.0].map(|x| (x, 4.0 + 0.25 * x)).to_vec();
        planted[1].1 += 30.0;
        let line = robust_line(&planted, 0.95).unwrap();
        assert!((line.slope.value - 0.25).abs() < 1e-9 && (line.intercept - 4.0).abs() < 1e-9, "{line:?}");
        assert!((line.farthest - 30.0).abs() < 1e-9);
        assert_eq!(robust_line(&planted[..1], 0.95), None);
    }

    #[test]
    fn invalid_points_have_no_slope() {
        assert_eq!(theil_sen(&[], 0.95), None);
        assert_eq!(theil_sen(&[(1.0, 2.0)], 0.95), None);
        assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 3.0)], 0.95), None);
        assert_eq!(theil_sen(&[(1.0, f64::NAN), (2.0, 3.0)], 0.95), None);
    }

    #[test]
    fn slope_interval_has_the_stated_coverage() {
        let mut rng = StdRng::seed_from_u64(11);
        for (n, confidence) in [(8, 0.95), (16, 0.95), (12, 0.99), (80, 0.95)] {
            let runs = 2_000;
            let covered = (0..runs)
                .filter(|_| {
                    // Skewed noise: mostly small, sometimes large.
                    let ys: Vec<f64> = (0..n).map(|x| 0.7 * f64::from(x) - rng.random::<f64>().ln()).collect();
                    let (low, high) = theil_sen(&points(&ys), confidence).unwrap().interval.unwrap();
                    (low..=high).contains(&0.7)
                })
                .count();
            let share = covered as f64 / f64::from(runs);
            assert!((confidence - 0.012..confidence + 0.03).contains(&share), "{n} points: {share}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn slope_is_exact_for_a_line_and_scales(
            noise in prop::collection::vec(-1.0_f64..1.0, 8..40), slope in -1e6_f64..1e6, factor in 0.001_f64..1000.0
        ) {
            let ys: Vec<f64> = noise.iter().enumerate().map(|(x, noise)| slope * x as f64 + noise).collect();
            let found = theil_sen(&points(&ys), 0.95).unwrap();
            let (low, high) = found.interval.unwrap();
            prop_assert!(low <= found.value && found.value <= high);
            prop_assert!((found.value - slope).abs() <= 2.0);
            let scaled: Vec<f64> = ys.iter().map(|y| y * factor).collect();
            let scaled = theil_sen(&points(&scaled), 0.95).unwrap();
            prop_assert!((scaled.value - found.value * factor).abs() <= 1e-6 * (1.0 + found.value.abs() * factor));
            let stretched: Vec<(f64, f64)> = points(&ys).into_iter().map(|(x, y)| (x * factor, y)).collect();
            let stretched = theil_sen(&stretched, 0.95).unwrap();
            prop_assert!((stretched.value * factor - found.value).abs() <= 1e-6 * (1.0 + found.value.abs()));
        }
    }
}
