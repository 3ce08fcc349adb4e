//! Cases from choices.

use serde_json::Value;

use crate::advise::Choice;
use crate::record::{Case, CaseState, Direction, Metric};

/// A choice as a case: its evidence as metrics, and the whole choice as conditions.
pub(super) fn case(choice: &Choice) -> Case {
    let mut metrics: Vec<Metric> = Vec::new();
    for evidence in &choice.evidence {
        // The alternative has the same metric, so its name includes its case.
        let is_taken = metrics.iter().any(|metric| metric.name == evidence.metric);
        let other = format!("{} of {}", evidence.metric, evidence.case);
        let name = if is_taken { &other } else { &evidence.metric };
        let metric = Metric::plain(name, &evidence.unit, evidence.value, evidence.n, Direction::None);
        metrics.push(metric.with_interval(evidence.interval));
    }
    Case {
        path: choice.setting.key().into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: serde_json::to_value(choice).unwrap_or(Value::Null),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}
