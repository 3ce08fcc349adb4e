//! One figure: its value with n, spread, interval and direction, or the reason why it is missing.

use serde::{Deserialize, Serialize};

use super::case::CaseState;

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smaller is better: latencies, bytes, losses.
    Lower,
    /// Larger is better: rates.
    Higher,
    /// Neither: a condition rather than a result.
    None,
}

/// Whether the figure is usable, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricStatus {
    /// Measured as planned.
    Ok,
    /// Measured, from fewer samples than planned (interrupted, or messages were lost).
    Partial,
    /// Omitted: too few samples for this metric.
    TooFew,
    /// Missing: the measurement failed or cannot be trusted.
    Invalid,
    /// Missing: not requested in this run.
    NotMeasured,
    /// Missing: this machine or bridge does not report it.
    Unsupported,
}

impl MetricStatus {
    /// Its word in files and tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::TooFew => "too_few",
            Self::Invalid => "invalid",
            Self::NotMeasured => "not_measured",
            Self::Unsupported => "unsupported",
        }
    }

    /// The status with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Partial, Self::TooFew, Self::Invalid, Self::NotMeasured, Self::Unsupported]
            .into_iter()
            .find(|status| status.word() == word)
    }

    /// Whether a figure of this status has a value.
    #[must_use]
    pub fn is_given(self) -> bool {
        matches!(self, Self::Ok | Self::Partial)
    }
}

/// One figure of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The field's standard term: `p50`, `mean`, `rate`, `lost`.
    pub name: String,
    /// Unit of `value`, `spread` and the interval: `ms`, `1/s`, `count`.
    pub unit: String,
    /// The figure; `None` whenever `status` is not `ok` or `partial`.
    pub value: Option<f64>,
    /// Number of samples.
    pub n: u64,
    /// Standard deviation for a `mean`, interquartile range for a percentile; `None` if neither makes sense.
    pub spread: Option<f64>,
    /// Lower end of the 95 % confidence interval, if there is one.
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % confidence interval, if there is one.
    pub ci_high: Option<f64>,
    /// Which direction is better.
    pub direction: Direction,
    /// Whether it is usable.
    pub status: MetricStatus,
}

impl Metric {
    /// A figure without spread or interval, such as a count.
    #[must_use]
    pub fn plain(name: &str, unit: &str, value: f64, n: u64, direction: Direction) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            value: Some(value),
            n,
            spread: None,
            ci_low: None,
            ci_high: None,
            direction,
            status: MetricStatus::Ok,
        }
    }

    /// A missing figure, and why.
    #[must_use]
    pub fn absent(name: &str, unit: &str, n: u64, direction: Direction, status: MetricStatus) -> Self {
        Self { value: None, status, ..Self::plain(name, unit, 0.0, n, direction) }
    }

    /// The same figure with its 95 % confidence interval, if it has one.
    #[must_use]
    pub fn with_interval(self, interval: Option<(f64, f64)>) -> Self {
        Self { ci_low: interval.map(|(low, _)| low), ci_high: interval.map(|(_, high)| high), ..self }
    }

    /// Marks it as having fewer samples than planned; a missing figure is unchanged.
    pub fn mark_partial(&mut self) {
        if self.status == MetricStatus::Ok {
            self.status = MetricStatus::Partial;
        }
    }

    /// Marks it as invalid, because its samples cannot be trusted.
    #[must_use]
    pub fn invalidated(self) -> Self {
        Self { value: None, spread: None, ci_low: None, ci_high: None, status: MetricStatus::Invalid, ..self }
    }

    /// The same figure in a case with this state: invalid or partial if the case is.
    #[must_use]
    pub fn of_case(self, state: CaseState) -> Self {
        match state {
            CaseState::Invalid | CaseState::Failed => self.invalidated(),
            CaseState::Lossy | CaseState::Interrupted if self.status == MetricStatus::Ok => {
                Self { status: MetricStatus::Partial, ..self }
            }
            CaseState::NotMeasured => Self { status: MetricStatus::NotMeasured, ..self.invalidated() },
            CaseState::Ok | CaseState::Lossy | CaseState::Interrupted => self,
        }
    }

    /// Inconsistencies of this figure: a status without its value, a value that is not a number, an inverted interval.
    pub(super) fn check(&self) -> Result<(), String> {
        let fault = |what: &str| Err(format!("metric {}: {what}", self.name));
        let numbers = [self.value, self.spread, self.ci_low, self.ci_high];
        if numbers.into_iter().flatten().any(|number| !number.is_finite()) {
            return fault("a figure is not a finite number");
        }
        match (self.status.is_given(), self.value) {
            (true, None) => return fault(&format!("status {} without a value", self.status.word())),
            (false, Some(value)) => return fault(&format!("status {} with the value {value}", self.status.word())),
            _ => {}
        }
        match (self.ci_low, self.ci_high) {
            (Some(low), Some(high)) if low > high => fault("the interval ends before it starts"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_parses_from_its_word() {
        for word in ["ok", "partial", "too_few", "invalid", "not_measured", "unsupported"] {
            let status = MetricStatus::from_word(word).unwrap();
            assert_eq!(status.word(), word);
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{word}\""));
        }
        assert_eq!(MetricStatus::from_word("o"), None);
    }

    #[test]
    fn figures_of_unsound_cases_are_invalid_or_partial() {
        let of = |state| {
            let metric = Metric::plain("p50", "ms", 1.0, 5, Direction::Lower).of_case(state);
            (metric.value, metric.status)
        };
        assert_eq!(of(CaseState::Ok), (Some(1.0), MetricStatus::Ok));
        for state in [CaseState::Lossy, CaseState::Interrupted] {
            assert_eq!(of(state), (Some(1.0), MetricStatus::Partial));
        }
        for state in [CaseState::Invalid, CaseState::Failed] {
            assert_eq!(of(state), (None, MetricStatus::Invalid));
        }
        assert_eq!(of(CaseState::NotMeasured), (None, MetricStatus::NotMeasured));
        let few = Metric::absent("p99", "ms", 5, Direction::Lower, MetricStatus::TooFew);
        assert_eq!(few.clone().of_case(CaseState::Lossy).status, MetricStatus::TooFew, "still marked as too few");
        assert_eq!(few.of_case(CaseState::Invalid).status, MetricStatus::Invalid, "not marked as too few");
    }

    #[test]
    fn value_and_status_must_agree() {
        let given = Metric::plain("rate", "1/s", 59.9, 100, Direction::Higher);
        assert_eq!(given.check(), Ok(()));
        let absent = Metric::absent("p99", "ms", 100, Direction::Lower, MetricStatus::TooFew);
        assert_eq!(absent.check(), Ok(()));

        for (broken, says) in [
            (Metric { value: None, ..given.clone() }, "metric rate: status ok without a value"),
            (Metric { value: Some(0.0), ..absent }, "metric p99: status too_few with the value 0"),
            (Metric { spread: Some(f64::NAN), ..given.clone() }, "metric rate: a figure is not a finite number"),
            (
                Metric { ci_low: Some(2.0), ci_high: Some(1.0), ..given },
                "metric rate: the interval ends before it starts",
            ),
        ] {
            assert_eq!(broken.check(), Err(says.into()));
        }
    }
}
