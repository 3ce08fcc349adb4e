//! The scatter of one round's log ratio.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewest degrees of freedom for which the measured scatter stands alone.
const FEWEST_DEGREES: usize = 4;

/// The scatter that is assumed until then, as of [`FEWEST_DEGREES`] degrees of freedom: that of a desktop where other programs run,
/// several times that of a quiet machine.
const ASSUMED: f64 = 0.10;

/// The scatter of a round's log ratio to the leader.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scatter {
    sd: f64,
    degrees: usize,
}

impl Scatter {
    /// Pooled over the log ratios of all settings. As long as these are few, an assumed scatter is pooled with them.
    ///
    /// Source: Smyth, *Linear models and empirical Bayes methods for assessing differential expression*, SAGMB 3 (2004): the
    /// moderated variance.
    pub(super) fn pooled<'a>(settings: impl Iterator<Item = &'a [f64]>) -> Self {
        let (mut squares, mut degrees) = (0.0, 0);
        for logs in settings.filter(|logs| logs.len() >= 2) {
            let mean = mean(logs);
            squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
            degrees += logs.len() - 1;
        }
        if degrees < FEWEST_DEGREES {
            squares += FEWEST_DEGREES as f64 * ASSUMED.powi(2);
            degrees += FEWEST_DEGREES;
        }
        Self { sd: (squares / degrees as f64).sqrt(), degrees }
    }

    /// The largest ratio that is consistent with these log ratios, with a one-sided error of `alpha`.
    pub(super) fn upper_ratio(self, logs: &[f64], alpha: f64) -> Option<f64> {
        if logs.is_empty() {
            return None;
        }
        let t = StudentsT::new(0.0, 1.0, self.degrees as f64).ok()?.inverse_cdf(1.0 - alpha);
        Some((mean(logs) + t * self.sd / (logs.len() as f64).sqrt()).exp())
    }
}

fn mean(logs: &[f64]) -> f64 {
    logs.iter().sum::<f64>() / logs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_there_are_rounds_a_desktop_s_scatter_is_assumed() {
        // Student's t of 4 degrees at 99 %: 3.747; e^(0 + 3.747 · 0.1).
        let none = Scatter::pooled([&[0.0][..]].into_iter());
        assert!((none.upper_ratio(&[0.0], 0.01).unwrap() - 1.4545).abs() < 1e-3, "{none:?}");
        assert_eq!(none.upper_ratio(&[], 0.01), None);
    }

    #[test]
    fn four_degrees_of_freedom_stand_alone() {
        // Two settings of three rounds each: squares 2 · 0.0002, so that the deviation is 0.01.
        let logs: &[f64] = &[-0.01, 0.0, 0.01];
        let measured = Scatter::pooled([logs, logs].into_iter());
        assert_eq!(measured.degrees, 4);
        assert!((measured.sd - 0.01).abs() < 1e-12, "{measured:?}");
        // Three degrees: (3 · 0.0001 + 4 · 0.01) / 7.
        let few = Scatter::pooled([logs, &[0.0, 0.01 * 2.0_f64.sqrt()]].into_iter());
        assert!((few.sd - (0.0403_f64 / 7.0).sqrt()).abs() < 1e-12 && few.degrees == 7, "{few:?}");
    }
}
