//! Changes of level in a series of runs: binary segmentation by ranks, with a permutation test for each split.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::mean::median_of;
use super::ranks::doubled_midranks;

/// Fewest runs between two changes: with fewer, no permutation is rare enough for significance.
pub const FEWEST_BETWEEN: usize = 4;

/// Permutations per split; with them, p is at least 0.001.
const PERMUTATIONS: usize = 999;

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value after it.
    pub at: usize,
    /// Median between the previous change, or the start, and this one.
    pub before: f64,
    /// Median between this change and the next one, or the end.
    pub after: f64,
    /// Share of permutations with an equally clear split.
    pub p: f64,
}

/// The changes in `values`, in order; each split has a p of at most `alpha`. The result is deterministic.
///
/// The statistic is Pettitt's: the largest distance of the running sum of centred ranks from 0. The search in a segment
/// ends if more than `alpha` of the permutations have an equally clear split.
///
/// Source: Pettitt, *A non-parametric approach to the change-point problem*, Applied Statistics 28 (1979); binary
/// segmentation as in Vostrikova (1981).
#[must_use]
pub fn change_points(values: &[f64], alpha: f64) -> Vec<ChangePoint> {
    let mut splits = Vec::new();
    segment(values, 0, alpha, &mut splits);
    splits.sort_by_key(|(at, _)| *at);
    let mut borders: Vec<usize> = splits.iter().map(|(at, _)| *at).collect();
    borders.push(values.len());
    let mut start = 0;
    let mut points = Vec::new();
    for (index, &(at, p)) in splits.iter().enumerate() {
        let (before, after) = (median(&values[start..at]), median(&values[at..borders[index + 1]]));
        points.push(ChangePoint { at, before, after, p });
        start = at;
    }
    points
}

fn segment(values: &[f64], offset: usize, alpha: f64, splits: &mut Vec<(usize, f64)>) {
    if values.len() < 2 * FEWEST_BETWEEN {
        return;
    }
    let mut ranks = doubled_midranks(values);
    let (at, height) = clearest_split(&ranks);
    let mut rng = StdRng::seed_from_u64(values.len() as u64);
    let as_clear = (0..PERMUTATIONS)
        .filter(|_| {
            ranks.shuffle(&mut rng);
            clearest_split(&ranks).1 >= height
        })
        .count();
    let p = (1 + as_clear) as f64 / (1 + PERMUTATIONS) as f64;
    if p > alpha {
        return;
    }
    splits.push((offset + at, p));
    segment(&values[..at], offset, alpha, splits);
    segment(&values[at..], offset + at, alpha, splits);
}

/// Where the running sum of centred ranks is farthest from 0, and its distance. Doubled ranks are centred on their
/// number + 1.
fn clearest_split(ranks: &[usize]) -> (usize, i64) {
    #[allow(clippy::cast_possible_wrap)] // Run counts are small.
    let centre = (ranks.len() + 1) as i64;
    let mut sum = 0;
    let mut clearest = (FEWEST_BETWEEN, -1);
    for (index, rank) in ranks[..ranks.len() - FEWEST_BETWEEN].iter().enumerate() {
        #[allow(clippy::cast_possible_wrap)]
        let rank = *rank as i64;
        sum += rank - centre;
        if index + 1 >= FEWEST_BETWEEN && sum.abs() > clearest.1 {
            clearest = (index + 1, sum.abs());
        }
    }
    clearest
}

/// The median of a segment, which is never empty.
fn median(values: &[f64]) -> f64 {
    median_of(values).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    fn noisy(levels: &[(usize, f64)], seed: u64) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = |level: f64| level * (1.0 + 0.1 * (rng.random::<f64>() - 0.5));
        levels.iter().flat_map(|&(n, level)| vec![level; n]).map(&mut draw).collect()
    }

    #[test]
    fn planted_changes_are_located() {
        let points = change_points(&noisy(&[(20, 10.0), (15, 12.0), (20, 9.0)], 1), 0.01);
        let found: Vec<usize> = points.iter().map(|point| point.at).collect();
        assert_eq!(found, [20, 35]);
        assert!((points[0].before - 10.0).abs() < 0.3 && (points[0].after - 12.0).abs() < 0.3);
        assert!((points[1].before - 12.0).abs() < 0.3 && (points[1].after - 9.0).abs() < 0.3);
        assert!(points.iter().all(|point| point.p <= 0.01));
    }

    #[test]
    fn false_alarm_rate_stays_at_the_level() {
        let false_alarms =
            (0..200).filter(|&seed| !change_points(&noisy(&[(30, 10.0)], seed), 0.01).is_empty()).count();
        assert!(false_alarms <= 6, "{false_alarms} false alarms in 200 series at 1 %");
    }

    #[test]
    fn short_or_constant_series_have_no_change() {
        assert!(change_points(&[1.0, 1.0, 1.0, 9.0, 9.0, 9.0], 0.01).is_empty());
        assert!(change_points(&[1.0; 40], 0.01).is_empty());
        assert!(change_points(&[], 0.01).is_empty());
    }

    #[test]
    fn single_outlier_is_not_a_change() {
        let mut values = noisy(&[(30, 10.0)], 4);
        values[15] = 1_000.0;
        assert!(change_points(&values, 0.01).is_empty());
    }
}
