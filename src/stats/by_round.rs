//! Values that belong to rounds: two settings are compared over the rounds that both took part in, whatever either of them
//! missed.

use super::mean::median_of;
use super::paired::{PairedRatio, paired_ratio};

/// Values by the number of the round in which they were measured, in ascending order of the rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ByRound {
    values: Vec<(usize, f64)>,
}

impl ByRound {
    /// Values of consecutive rounds, the first of which is round 0.
    #[must_use]
    pub fn in_sequence(values: &[f64]) -> Self {
        values.iter().copied().enumerate().collect()
    }

    /// Adds the value of a round. A round has one value: a second one replaces it.
    pub fn push(&mut self, round: usize, value: f64) {
        match self.values.binary_search_by_key(&round, |(own, _)| *own) {
            Ok(at) => self.values[at].1 = value,
            Err(at) => self.values.insert(at, (round, value)),
        }
    }

    /// Number of rounds that have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no round has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, in order of the rounds.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.values.iter().map(|(_, value)| *value).collect()
    }

    /// The median of the values; `None` without any.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        median_of(&self.values())
    }

    /// Of each round that both have, this value and the other one.
    pub fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (f64, f64)> + 'a {
        self.values.iter().filter_map(|(round, own)| {
            let at = other.values.binary_search_by_key(round, |(its, _)| *its).ok()?;
            Some((*own, other.values[at].1))
        })
    }

    /// The ratio to another one's values over the rounds that both have. `None` as for [`paired_ratio`].
    #[must_use]
    pub fn ratio_to(&self, other: &Self) -> Option<PairedRatio> {
        let (own, its): (Vec<f64>, Vec<f64>) = self.pairs(other).unzip();
        paired_ratio(&own, &its)
    }
}

impl FromIterator<(usize, f64)> for ByRound {
    fn from_iter<I: IntoIterator<Item = (usize, f64)>>(values: I) -> Self {
        let mut all = Self::default();
        values.into_iter().for_each(|(round, value)| all.push(round, value));
        all
    }
}

/// The place of the fastest of several settings. All are compared, round by round, with the one of the highest median among those
/// that took part in the most rounds, so that neither drift nor rounds that one of them missed decide. The first of equals; `None`
/// if none has a value.
#[must_use]
pub fn fastest_of(settings: &[&ByRound]) -> Option<usize> {
    let most = settings.iter().map(|values| values.len()).filter(|rounds| *rounds > 0).max()?;
    let complete = settings.iter().enumerate().filter(|(_, values)| values.len() == most);
    let medians = complete.filter_map(|(at, values)| Some((at, values.median()?)));
    let (reference, _) = highest(medians)?;
    let ratios = settings.iter().enumerate().filter_map(|(at, values)| {
        let ratio = if at == reference { 1.0 } else { values.ratio_to(settings[reference])?.ratio };
        Some((at, ratio))
    });
    highest(ratios).map(|(at, _)| at)
}

/// The first of the highest values.
fn highest(values: impl Iterator<Item = (usize, f64)>) -> Option<(usize, f64)> {
    values.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_slow_rounds_does_not_make_a_setting_fastest() {
        let whole = ByRound::in_sequence(&[100.0, 50.0, 50.0]);
        let gappy: ByRound = [(0, 90.0)].into_iter().collect();
        assert_eq!(fastest_of(&[&gappy, &whole]), Some(1));
        let better: ByRound = [(1, 55.0)].into_iter().collect();
        assert_eq!(fastest_of(&[&whole, &better]), Some(1));
        assert_eq!(fastest_of(&[&ByRound::default()]), None);
        assert_eq!(fastest_of(&[&whole, &whole]), Some(0), "the first of equals");
    }

    #[test]
    fn round_missing_on_one_side_shifts_no_pair() {
        // Every round halves the speed of both: paired by place, the second would be compared with the third.
        let whole = ByRound::in_sequence(&[80.0, 40.0, 20.0, 10.0]);
        let gappy: ByRound = [(0, 40.0), (2, 10.0), (3, 5.0)].into_iter().collect();
        assert_eq!(gappy.pairs(&whole).collect::<Vec<_>>(), [(40.0, 80.0), (10.0, 20.0), (5.0, 10.0)]);
        let ratio = gappy.ratio_to(&whole).unwrap();
        assert!((ratio.ratio - 0.5).abs() < 1e-12 && ratio.n == 3, "{ratio:?}");
        assert_eq!(whole.ratio_to(&ByRound::default()), None);
    }

    #[test]
    fn rounds_are_kept_in_order_and_have_one_value_each() {
        let mut values: ByRound = [(3, 1.0), (1, 2.0)].into_iter().collect();
        values.push(3, 5.0);
        assert_eq!((values.values(), values.len(), values.median()), (vec![2.0, 5.0], 2, Some(3.5)));
        assert!(ByRound::default().is_empty() && ByRound::default().median().is_none());
    }
}
