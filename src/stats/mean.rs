//! Location of a few values: a mean with its spread and interval, a median.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean of measured values with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Arithmetic mean.
    pub value: f64,
    /// Sample standard deviation (n - 1), for two or more values.
    pub stddev: Option<f64>,
    /// Student's t 95 % confidence interval, for two or more values. Omitted if it would include 0 or less although no
    /// value does: then the values are too few and too scattered.
    pub interval: Option<(f64, f64)>,
}

/// The mean of `values`; `None` for no values, or if one is not finite.
#[must_use]
pub fn mean_of(values: &[f64]) -> Option<Mean> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let n = values.len();
    let value = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|other| (other - value).powi(2)).sum();
    let stddev = (n >= 2).then(|| (squares / (n - 1) as f64).sqrt());
    let positive = values.iter().all(|value| *value > 0.0);
    let interval = stddev.and_then(|stddev| mean_interval(n, value, stddev)).filter(|(low, _)| !positive || *low > 0.0);
    Some(Mean { value, stddev, interval })
}

/// The median of values in ascending order: for an even number, the mean of the two middle ones.
///
/// # Panics
/// If there is no value.
#[must_use]
pub fn median_of_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// The median of values in any order; `None` for no values.
#[must_use]
pub fn median_of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| median_of_sorted(&sorted))
}

/// mean ± t(0.975, n - 1) · stddev / √n.
pub(super) fn mean_interval(n: usize, mean: f64, stddev: f64) -> Option<(f64, f64)> {
    let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).ok()?.inverse_cdf(0.975);
    let half = t * stddev / (n as f64).sqrt();
    Some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_matches_hand_calculation() {
        // Sum 40, mean 5; squared distances 32, over 7, root 2.13809; t(0.975, 7) = 2.364624: half width 1.787489.
        let mean = mean_of(&[9.0, 4.0, 2.0, 4.0, 5.0, 4.0, 7.0, 5.0]).unwrap();
        assert!((mean.value - 5.0).abs() < 1e-12);
        assert!((mean.stddev.unwrap() - 2.138_090).abs() < 1e-6);
        assert!((mean.interval.unwrap().1 - 6.787_489).abs() < 1e-5);
    }

    #[test]
    fn median_matches_hand_calculation() {
        for (sorted, median) in [(&[7.0][..], 7.0), (&[1.0, 2.0, 9.0], 2.0), (&[1.0, 2.0, 4.0, 9.0], 3.0)] {
            assert!((median_of_sorted(sorted) - median).abs() < 1e-12, "{sorted:?}");
        }
        assert_eq!((median_of(&[9.0, 1.0, 4.0, 2.0]), median_of(&[])), (Some(3.0), None));
    }

    #[test]
    fn figures_without_enough_values_are_omitted() {
        assert_eq!(mean_of(&[]), None);
        assert_eq!(mean_of(&[1.0, f64::NAN]), None);
        assert_eq!(mean_of(&[3.0]), Some(Mean { value: 3.0, stddev: None, interval: None }));
        // Mean 34, sd 57.2: the interval would begin at -108.
        let apart = mean_of(&[1.0, 1.0, 100.0]).unwrap();
        assert_eq!((apart.stddev.is_some(), apart.interval), (true, None));
    }
}
