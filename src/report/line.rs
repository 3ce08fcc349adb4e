//! One case on one line, for users who watch the run.

use super::figure;
use super::outline::state_word;
use crate::record::{Case, CaseState};

/// The result of a case: its median (or its mean if there are too few samples) with interval and n, and its state and
/// reason unless it ended as planned.
#[must_use]
pub fn case_line(case: &Case) -> String {
    let given = |name: &str| case.metric(name).filter(|metric| metric.status.is_given());
    let figures = given("p50")
        .or_else(|| given("mean"))
        .map(|metric| format!("{} {} (n {})", metric.name, figure::with_interval(metric), figure::count(metric.n)));
    let state = match (case.state, &case.reason) {
        (CaseState::Ok, _) => None,
        (state, Some(reason)) => Some(format!("{}: {reason}", state_word(state).to_uppercase())),
        (state, None) => Some(state_word(state).to_uppercase()),
    };
    let parts: Vec<String> = figures.into_iter().chain(state).collect();
    if parts.is_empty() { "done".into() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    #[test]
    fn case_line_has_the_median_and_the_fault() {
        let run = run();
        let lines: Vec<String> = run.cases.iter().map(case_line).collect();
        assert!(lines[0].starts_with("p50 ") && lines[0].contains("(n "), "{}", lines[0]);
        assert!(lines.iter().any(|line| line.contains("FAILED: ")), "{lines:?}");
    }
}
