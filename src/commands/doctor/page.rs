//! The checks as text: one screen, or JSON.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::command::DoctorReport;
use crate::advise::checkup::{Check, CheckState, Symptom};
use crate::host;
use crate::plural::counted;
use crate::report::support;
use crate::text;

/// Only a line below the heading.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The checks, then the relevant ones for each symptom.
pub(super) fn table(check_up: &DoctorReport, width: usize) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["", "what", "found"]);
    for check in &check_up.checks {
        table.add_row([check.state.word(), check.name, &with_mend(check)]);
    }
    let count = |state| check_up.checks.iter().filter(|check| check.state == state).count();
    let mut lines = vec![table.trim_fmt(), String::new()];
    lines.extend(Symptom::ALL.into_iter().map(|symptom| complaint(symptom, &check_up.checks)));
    lines.push(format!(
        "\n{}, {}, {} not known.",
        counted(count(CheckState::Problem), "problem"),
        counted(count(CheckState::Warning), "warning"),
        count(CheckState::NotKnown)
    ));
    lines.join("\n")
}

fn with_mend(check: &Check) -> String {
    match &check.mend {
        Some(mend) => format!("{}\n→ {mend}", check.found),
        None => check.found.clone(),
    }
}

/// The checks that may explain a symptom, or the command to investigate it.
fn complaint(symptom: Symptom, checks: &[Check]) -> String {
    let suspects: Vec<&str> = checks
        .iter()
        .filter(|check| check.state >= CheckState::Warning && check.symptoms.contains(&symptom))
        .map(|check| check.name)
        .collect();
    let further = match symptom {
        Symptom::CrashAtLoad => "workly-perf gpu-profiles --project",
        Symptom::SlowReply => "workly-perf threads",
        Symptom::LateAvatar => "workly-perf ipc",
        Symptom::GrowingRam => "workly-perf memory",
    };
    match suspects.as_slice() {
        [] => format!("{}: no check points to it; investigate with {further}", symptom.words()),
        _ => format!("{}: see {}", symptom.words(), suspects.join(", ")),
    }
}

/// The checks and `trials` as Markdown without names of people.
pub(super) fn report(check_up: &DoctorReport, trials: &[(String, String)]) -> String {
    let private = text::Private::of(|name| std::env::var(name).ok());
    let line = |check: &Check| [check.name, check.state.word(), &check.found].map(String::from);
    let checks: Vec<_> = check_up.checks.iter().map(line).collect();
    support((&host::build(), &host::machine()), trials, &checks, |text| private.hide(text))
}
