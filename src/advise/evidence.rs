//! Figures of saved runs as evidence for a choice.

use serde::{Deserialize, Serialize};

use crate::record::{Case, Run};

/// A figure that supports a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run; empty for a projection.
    pub run: String,
    /// The case of the run, or what was projected.
    pub case: String,
    /// The figure's name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Its value.
    pub value: f64,
    /// Samples.
    pub n: u64,
    /// Its 95 % interval, if there is one.
    pub interval: Option<(f64, f64)>,
}

impl Evidence {
    /// A figure of a saved run; `None` if the run does not have it.
    #[must_use]
    pub fn of(run: &Run, case: &Case, metric: &str) -> Option<Self> {
        let metric = case.metric(metric)?;
        Some(Self {
            run: run.run_id.clone(),
            case: case.path.clone(),
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            value: metric.value?,
            n: metric.n,
            interval: metric.ci_low.zip(metric.ci_high),
        })
    }
}
