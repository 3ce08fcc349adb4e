//! The origin of a row's figures: what decides whether two runs are comparable if only the CSV was kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::fact::Fact;
use super::super::run::{Run, RunState};
use crate::text;

/// The columns that schema 1.1 added, in order.
pub(super) const ORIGIN: [&str; 12] = [
    "started",
    "run_state",
    "fingerprint",
    "power",
    "version",
    "commit",
    "target",
    "profile",
    "features",
    "subject",
    "simulated",
    "rows",
];

/// The keys that identify a subject, in order. Other keys may differ between two runs of the same subject.
const IDENTIFIES: [&str; 3] = ["bridge", "dialect", "header_hash"];

/// The run that a row belongs to. An empty text is a missing fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOrigin {
    /// When the run started.
    pub started: Timestamp,
    /// How it ended; `running` if it had not, or was killed.
    pub run_state: RunState,
    /// The machine's fingerprint.
    pub fingerprint: String,
    /// Frequency governor or power plan.
    pub power: String,
    /// Version of workly-perf.
    pub version: String,
    /// Source revision.
    pub commit: String,
    /// Target triple of the build.
    pub target: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Cargo features of the build, joined by `+`.
    pub features: String,
    /// What was measured: `bridge=remote dialect=stock`, `header_hash=…` of a model.
    pub subject: String,
    /// What was simulated, with its parameters.
    pub simulated: String,
    /// Number of rows of the run: with fewer, the file is truncated.
    pub rows: u64,
}

impl CsvOrigin {
    /// The origin of a run's rows.
    pub(super) fn of(run: &Run) -> Self {
        let stand_ins: Vec<String> =
            run.simulated.iter().map(|what| format!("{} ({})", what.what, what.parameters)).collect();
        let cell = |text: &str| text::cell(text).into_owned();
        let fact = |fact: &Fact<String>| fact.value().map(|text| cell(text)).unwrap_or_default();
        Self {
            started: run.started,
            run_state: run.state,
            fingerprint: cell(&run.machine.fingerprint),
            power: fact(&run.machine.power),
            version: cell(&run.build.version),
            commit: fact(&run.build.commit),
            target: cell(&run.build.target),
            profile: cell(&run.build.profile),
            features: cell(&run.build.features.join("+")),
            subject: cell(&subject(&run.subject)),
            simulated: cell(&stand_ins.join("; ")),
            rows: run.cases.iter().map(|case| case.metrics.len() as u64).sum(),
        }
    }
}

/// The parts of a run's subject that identify it, at any level.
fn subject(subject: &Value) -> String {
    let mut parts = Vec::new();
    for key in IDENTIFIES {
        collect(subject, key, &mut parts);
    }
    parts.join(" ")
}

fn collect(value: &Value, key: &str, parts: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value.as_str() {
            Some(text) if name == key => parts.push(format!("{key}={text}")),
            _ => collect(value, key, parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subject_is_named_by_its_identifying_keys() {
        let bridge = json!({"greeting": "{}", "dialect": "stock", "address": "127.0.0.1:40123", "bridge": "embedded"});
        assert_eq!(subject(&bridge), "bridge=embedded dialect=stock");
        assert_eq!(
            subject(&json!({"model_filename": "a.gguf", "header_hash": "9f86", "load_ms": 3.5})),
            "header_hash=9f86"
        );
        let both = json!({"model": {"header_hash": "9f86"}, "bridge": {"bridge": "remote", "dialect": "batch"}});
        assert_eq!(subject(&both), "bridge=remote dialect=batch header_hash=9f86");
        assert_eq!(subject(&json!(null)), "");
    }
}
