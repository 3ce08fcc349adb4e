//! The course of quantities over a case, which a single figure cannot show.

use serde::{Deserialize, Serialize};

use super::case::Case;

/// The key of the timeline in a case's conditions.
const KEY: &str = "timeline";

/// Maximum number of points. A longer timeline is thinned; the figures of the case use all points.
const MOST_POINTS: usize = 2_000;

/// Quantities that were read at the same times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Unit of the times: `message`, `s`.
    pub along: String,
    /// The times, ascending.
    pub at: Vec<f64>,
    /// The quantities.
    pub series: Vec<TimelineSeries>,
}

/// One quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineSeries {
    /// Its name, the metric's if there is one: `anonymous`.
    pub name: String,
    /// Its unit: `bytes`, `count`.
    pub unit: String,
    /// Its value at each time; `None` if it could not be read.
    pub values: Vec<Option<f64>>,
}

impl Timeline {
    /// The timeline of a case, if it has one.
    #[must_use]
    pub fn of(case: &Case) -> Option<Self> {
        let timeline: Self = serde_json::from_value(case.conditions.get(KEY)?.clone()).ok()?;
        let n = timeline.at.len();
        (n > 0 && timeline.series.iter().all(|series| series.values.len() == n)).then_some(timeline)
    }

    /// Stores it in the conditions of a case, thinned if it is long.
    pub fn keep(&self, case: &mut Case) {
        if let (Some(conditions), Ok(timeline)) =
            (case.conditions.as_object_mut(), serde_json::to_value(self.thinned()))
        {
            conditions.insert(KEY.into(), timeline);
        }
    }

    /// Every nth point, and always the last.
    fn thinned(&self) -> Self {
        let step = self.at.len().div_ceil(MOST_POINTS).max(1);
        let last = self.at.len().saturating_sub(1);
        let keep = |at: usize| at.is_multiple_of(step) || at == last;
        let kept = |values: &[Option<f64>]| {
            values.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, value)| *value).collect()
        };
        Self {
            along: self.along.clone(),
            at: self.at.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, moment)| *moment).collect(),
            series: self
                .series
                .iter()
                .map(|series| TimelineSeries { values: kept(&series.values), ..series.clone() })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    fn timeline(n: u32) -> Timeline {
        let values = (0..n).map(|at| (at != 1).then_some(f64::from(at))).collect();
        Timeline {
            along: "message".into(),
            at: (0..n).map(f64::from).collect(),
            series: vec![TimelineSeries { name: "anonymous".into(), unit: "bytes".into(), values }],
        }
    }

    #[test]
    fn timeline_keeps_its_gaps() {
        let mut case = run().cases.remove(0);
        assert_eq!(Timeline::of(&case), None);
        timeline(3).keep(&mut case);
        assert_eq!(Timeline::of(&case), Some(timeline(3)));
    }

    #[test]
    fn long_timeline_is_thinned_and_keeps_its_last_point() {
        let thin = timeline(5_001).thinned();
        assert_eq!(thin.at.len(), 1_668);
        assert_eq!((thin.at[1], thin.at[1_667]), (3.0, 5_000.0));
        assert_eq!(thin.series[0].values.len(), 1_668);
        assert_eq!(timeline(2_000).thinned(), timeline(2_000));
    }

    #[test]
    fn inconsistent_timeline_is_none() {
        let mut case = run().cases.remove(0);
        let mut broken = timeline(3);
        broken.series[0].values.pop();
        broken.keep(&mut case);
        assert_eq!(Timeline::of(&case), None);
    }
}
