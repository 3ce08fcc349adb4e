//! Cases from choices.

use serde_json::{Value, json};

use crate::advise::{Choice, Setting};
use crate::record::{Case, CaseState, Direction, Metric, Run};

/// What a picture of the settings that a choice was made from shows of each.
const OF_CANDIDATES: [&str; 2] = ["avg_ts", "frames_late"];
const CONDITIONS_OF_CANDIDATES: [&str; 6] =
    ["load", "test", "n_depth", "n_threads", "n_threads_batch", "late_limit_percent"];

/// A choice as a case: its evidence as metrics, and the whole choice as conditions. The choice of threads has the measured settings
/// that it was made from, which are in `runs`.
pub(super) fn case(choice: &Choice, runs: &[Run]) -> Case {
    let mut metrics: Vec<Metric> = Vec::new();
    for evidence in &choice.evidence {
        // The alternative has the same metric, so its name includes its case.
        let is_taken = metrics.iter().any(|metric| metric.name == evidence.metric);
        let other = format!("{} of {}", evidence.metric, evidence.case);
        let name = if is_taken { &other } else { &evidence.metric };
        let metric = Metric::plain(name, &evidence.unit, evidence.value, evidence.n, Direction::None);
        metrics.push(metric.with_interval(evidence.interval));
    }
    let mut conditions = serde_json::to_value(choice).unwrap_or(Value::Null);
    if choice.setting == Setting::NThreads {
        let candidates = candidates(choice, runs);
        if !candidates.is_empty() {
            conditions["candidates"] = json!(candidates);
        }
    }
    Case {
        path: choice.setting.key().into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions,
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}

/// The cases of the run behind a choice that measured the same test, in brief.
fn candidates(choice: &Choice, runs: &[Run]) -> Vec<Case> {
    let Some(evidence) = choice.evidence.first() else { return Vec::new() };
    let test = |path: &str| path.split('/').take(2).map(String::from).collect::<Vec<_>>();
    let run = runs.iter().find(|run| run.run_id == evidence.run);
    let cases = run.into_iter().flat_map(|run| &run.cases).filter(|case| test(&case.path) == test(&evidence.case));
    let brief = |case: &Case| {
        let kept = CONDITIONS_OF_CANDIDATES.into_iter().map(|key| (key.to_owned(), case.conditions[key].clone()));
        let mut conditions: Value = Value::Object(kept.filter(|(_, value)| !value.is_null()).collect());
        conditions["chosen"] = (case.path == evidence.case).into();
        Case {
            path: case.path.clone(),
            state: case.state,
            reason: None,
            duration_s: case.duration_s,
            conditions,
            notes: Vec::new(),
            metrics: OF_CANDIDATES.into_iter().filter_map(|name| case.metric(name).cloned()).collect(),
            histograms: Vec::new(),
        }
    };
    cases.filter(|case| case.metric(OF_CANDIDATES[0]).is_some()).map(brief).collect()
}
