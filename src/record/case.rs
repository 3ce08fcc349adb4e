//! One case of a run: the conditions it was measured under and its figures.

use serde::{Deserialize, Serialize};

use super::metric::Metric;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// As planned.
    Ok,
    /// Stopped early by the user; completed measurements are valid.
    Interrupted,
    /// Some samples are known to be missing; the others are valid.
    Lossy,
    /// Samples were taken but cannot be trusted; figures are omitted.
    Invalid,
    /// Could not be measured.
    Failed,
    /// Was not started.
    NotMeasured,
}

impl CaseState {
    /// Whether it can have figures, possibly from fewer samples than planned.
    #[must_use]
    pub fn has_figures(self) -> bool {
        matches!(self, Self::Ok | Self::Interrupted | Self::Lossy)
    }

    /// Whether its figures are valid, possibly from fewer samples than planned.
    #[must_use]
    pub fn stands(self) -> bool {
        matches!(self, Self::Ok | Self::Interrupted)
    }
}

/// The histogram files of one quantity of a case, relative to the record's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistogramFiles {
    /// What the histogram counts: `latency`.
    pub quantity: String,
    /// Unit of the histogram's values, always `ns` so far.
    pub unit: String,
    /// The interval log.
    pub hlog: String,
    /// The percentile distribution.
    pub hgrm: String,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// A path such as `applied/closed/100B`: what is measured, under which load, with which parameters.
    pub path: String,
    /// How it ended.
    pub state: CaseState,
    /// Why it did not end `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Duration of the measured part, without warm-up, in seconds.
    pub duration_s: f64,
    /// The command's own description of the case.
    pub conditions: serde_json::Value,
    /// Notes that the reader needs to interpret the figures.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The figures.
    pub metrics: Vec<Metric>,
    /// The histograms.
    #[serde(default)]
    pub histograms: Vec<HistogramFiles>,
}

impl Case {
    /// The figure of that name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// Whether a setting of `threads` keeps the limit of the scene's late frames: the verdict of its run, or of its figure in older records.
    /// `None` without a limit.
    #[must_use]
    pub fn keeps_frames(&self) -> Option<bool> {
        let limit = self.conditions["late_limit_percent"].as_f64()?;
        let verdict = self.conditions["keeps_frames"].as_bool();
        verdict.or_else(|| Some(self.metric("frames_late")?.value? <= limit))
    }

    /// The same case after an interruption: its figures have fewer samples than planned.
    #[must_use]
    pub fn cut_off(self, reason: String) -> Self {
        Self { state: CaseState::Interrupted, reason: Some(reason), ..self.partial() }
    }

    /// The same case with figures from less than was planned.
    #[must_use]
    pub fn partial(mut self) -> Self {
        self.metrics.iter_mut().for_each(Metric::mark_partial);
        self
    }

    /// The path as a file name: `applied-closed-100B`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        self.path.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' }).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::record::{Direction, MetricStatus};

    #[test]
    fn cut_off_case_has_partial_figures_and_keeps_missing_ones() {
        let case = Case {
            path: "idle/tg32".into(),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: Value::Null,
            notes: Vec::new(),
            metrics: vec![
                Metric::plain("mean", "ms", 2.0, 3, Direction::Lower),
                Metric::absent("p99", "ms", 3, Direction::Lower, MetricStatus::TooFew),
            ],
            histograms: Vec::new(),
        };
        let cut = case.cut_off("interrupted after 3 repetitions".into());
        assert_eq!(
            (cut.state, cut.reason.as_deref()),
            (CaseState::Interrupted, Some("interrupted after 3 repetitions"))
        );
        let figures: Vec<_> = cut.metrics.iter().map(|metric| (metric.value, metric.status)).collect();
        assert_eq!(figures, [(Some(2.0), MetricStatus::Partial), (None, MetricStatus::TooFew)]);
    }
}
