//! Runs with one figure, for the tests of this module and of the report.

use crate::record::{CsvOrigin, Direction, Metric, RunFigures, RunState};

/// One run per value: `<name>-00`, `<name>-01` …, a minute apart, each with the p50 of `applied/poisson:50/100B` in ms.
pub(crate) fn runs(name: &str, values: &[f64]) -> Vec<RunFigures> {
    values.iter().enumerate().map(|(at, value)| run(&format!("{name}-{at:02}"), at, *value)).collect()
}

fn run(run_id: &str, minute: usize, value: f64) -> RunFigures {
    let metric = Metric::plain("p50", "ms", value, 100, Direction::Lower);
    RunFigures {
        run_id: run_id.into(),
        command: "ipc".into(),
        origin: Some(origin(minute)),
        figures: vec![("applied/poisson:50/100B".into(), metric)],
    }
}

fn origin(minute: usize) -> CsvOrigin {
    CsvOrigin {
        started: jiff::Timestamp::from_second(1_767_323_045 + 60 * i64::try_from(minute).unwrap()).unwrap(),
        run_state: RunState::Complete,
        fingerprint: "9f86d081884c7d65".into(),
        power: "performance".into(),
        version: "0.1.0".into(),
        commit: "0123abc".into(),
        target: "x86_64-unknown-linux-gnu".into(),
        profile: "release".into(),
        features: "llama".into(),
        subject: "bridge=remote dialect=stock".into(),
        simulated: String::new(),
        rows: 1,
    }
}
