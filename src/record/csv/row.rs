//! One row of `summary.csv`: a figure, its case and run, and the run's origin.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::super::metric::{Direction, Metric, MetricStatus};
use super::super::schema::SchemaVersion;
use super::origin::CsvOrigin;

/// The columns that every schema has, in order.
pub(super) const HEADER: [&str; 13] = [
    "schema",
    "run_id",
    "command",
    "case",
    "metric",
    "unit",
    "value",
    "n",
    "spread",
    "ci_low",
    "ci_high",
    "direction",
    "status",
];

/// Suffix of the status column for figures of a run with simulated parts.
const SIMULATED: &str = "+simulated";

/// The status column: whether the figure is usable, and whether it is simulated.
///
/// Written as the status word with `+simulated` appended: often only the CSV of a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvStatus {
    /// Whether the figure is usable.
    pub status: MetricStatus,
    /// Whether the run simulated anything.
    pub simulated: bool,
}

impl std::fmt::Display for CsvStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.status.word(), if self.simulated { SIMULATED } else { "" })
    }
}

impl Serialize for CsvStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CsvStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = text.strip_suffix(SIMULATED);
        let status = MetricStatus::from_word(word.unwrap_or(&text))
            .ok_or_else(|| de::Error::custom(format!("unknown status '{text}'")))?;
        Ok(Self { status, simulated: word.is_some() })
    }
}

/// One row. The columns are those of [`Metric`], with the run and the case that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CsvRow {
    /// Schema version of the record.
    pub schema: SchemaVersion,
    /// The run.
    pub run_id: String,
    /// The command.
    pub command: String,
    /// The case's path.
    pub case: String,
    /// The metric's name.
    pub metric: String,
    /// Unit of `value`, `spread` and the interval.
    pub unit: String,
    /// The figure; an empty cell if it is missing.
    #[serde(with = "cell")]
    pub value: Option<f64>,
    /// Number of samples.
    pub n: u64,
    /// Standard deviation of a mean, interquartile range of a percentile.
    #[serde(with = "cell")]
    pub spread: Option<f64>,
    /// Lower end of the 95 % confidence interval.
    #[serde(with = "cell")]
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % confidence interval.
    #[serde(with = "cell")]
    pub ci_high: Option<f64>,
    /// Which direction is better.
    pub direction: Direction,
    /// Whether it is usable.
    pub status: CsvStatus,
    /// The run's origin; `None` in files of schema 1.0.
    #[serde(skip_deserializing)]
    pub origin: Option<CsvOrigin>,
}

/// A number in a cell: the shortest text that reads back as the same number, or empty.
mod cell {
    use super::{Deserialize, Deserializer, Serializer, de, ser};

    #[allow(clippy::ref_option)] // serde requires this signature.
    pub(super) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) if number.is_finite() => serializer.collect_str(number),
            Some(number) => Err(ser::Error::custom(format!("{number} is not a finite number"))),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        // Rust parses "NaN" and "inf" as numbers; a figure is neither.
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(de::Error::custom(format!("'{text}' is not a finite number"))),
        }
    }
}

impl CsvRow {
    /// The figure itself.
    #[must_use]
    pub fn figure(&self) -> Metric {
        Metric {
            name: self.metric.clone(),
            unit: self.unit.clone(),
            value: self.value,
            n: self.n,
            spread: self.spread,
            ci_low: self.ci_low,
            ci_high: self.ci_high,
            direction: self.direction,
            status: self.status.status,
        }
    }
}
