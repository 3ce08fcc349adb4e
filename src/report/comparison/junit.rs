//! A comparison as `JUnit` XML, which all CI systems display: one suite per command, one case per figure or budget.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words::{budget_name, change, exceeded, headline, name};
use crate::compare::{Comparison, ComparisonOutcome, Verdict};
use crate::text;

/// Longest name or message, in characters.
const LONGEST: usize = 2_000;

/// The XML. Regressions and exceeded budgets are failures, invalid figures and refusals are errors, inconclusive
/// figures are skipped, or errors if `strict`.
#[must_use]
pub(crate) fn junit(comparison: &Comparison, outcome: ComparisonOutcome, strict: bool) -> String {
    let mut suites = TestSuites::default();
    for judgement in comparison.gating() {
        let reason = judgement.reason.clone().unwrap_or_default();
        let status = status(judgement.verdict, &change(judgement), &reason, strict);
        suites.add(&judgement.command, &name(judgement), status);
    }
    for budget in &comparison.budgets {
        let reason = budget.reason.clone().unwrap_or_default();
        let status = status(budget.verdict, &exceeded(budget), &reason, strict);
        let command = budget.budget.command.as_deref().unwrap_or("budgets");
        suites.add(command, &format!("{} budget", budget_name(budget)), status);
    }
    if suites.0.is_empty() || !comparison.refusals.is_empty() {
        let status = failed(NonSuccessKind::Error, &headline(comparison, outcome));
        suites.add("compare", "comparison", status);
    }
    let mut report = Report::new("workly-perf compare");
    report.add_test_suites(suites.0);
    report.to_string().unwrap_or_default()
}

/// Text that XML allows, on one line.
fn safe(text: &str) -> String {
    text::shortened(&text::line(text), LONGEST).into_owned()
}

#[derive(Default)]
struct TestSuites(Vec<TestSuite>);

impl TestSuites {
    fn add(&mut self, suite: &str, name: &str, status: TestCaseStatus) {
        let suite = safe(suite);
        let at = self.0.iter().position(|known| known.name.as_str() == suite).unwrap_or_else(|| {
            self.0.push(TestSuite::new(suite.as_str()));
            self.0.len() - 1
        });
        let mut case = TestCase::new(safe(name), status);
        case.set_classname(format!("workly-perf.{suite}"));
        self.0[at].add_test_case(case);
    }
}

fn status(verdict: Verdict, moved: &str, reason: &str, strict: bool) -> TestCaseStatus {
    match verdict {
        Verdict::Pass | Verdict::Improved => TestCaseStatus::success(),
        Verdict::Regressed => failed(NonSuccessKind::Failure, moved),
        Verdict::Invalid => failed(NonSuccessKind::Error, reason),
        Verdict::Inconclusive if strict => failed(NonSuccessKind::Error, &format!("{moved}: {reason}")),
        Verdict::Inconclusive => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(safe(&format!("{moved}: {reason}")));
            skipped
        }
    }
}

fn failed(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(safe(message));
    status
}
