//! The head of a page: what was asked, the answer, and how sure it is.

use maud::{Markup, html};

use super::safe::safe;
use crate::plural::counted;
use crate::record::{CaseState, Run, RunState};
use crate::report::outline::ReportOutline;
use crate::report::settings;

/// How many findings follow the first in the head; the others come after the pictures.
const ALSO_AT_THE_TOP: usize = 2;

/// The findings that are not in the head.
pub(super) fn more_findings(outline: &ReportOutline) -> &[String] {
    outline.findings.get(1 + ALSO_AT_THE_TOP..).unwrap_or_default()
}

/// The head of a report.
pub(super) fn headline(run: &Run, outline: &ReportOutline) -> Markup {
    html! {
        @for mark in &outline.marks { p.mark role="note" { (safe(mark)) } }
        header {
            p.run { (safe(&outline.title)) span { (safe(&outline.subtitle)) } }
            h1 { (question(&run.command)) }
            @if let Some(chosen) = settings::chosen(run) { p.finding { (safe(&chosen)) } }
            @if let Some((answer, others)) = outline.findings.split_first() {
                p.finding { (safe(answer)) }
                @if !others.is_empty() {
                    ul.findings { @for finding in others.iter().take(ALSO_AT_THE_TOP) { li { (safe(finding)) } } }
                }
            }
            p.sure {
                span { "How sure: " }
                (sure(run))
                @if let Some(noise) = &outline.noise { " " (safe(noise)) }
            }
        }
    }
}

/// What a command asks.
fn question(command: &str) -> &str {
    match command {
        "ipc" => "How long does the avatar take to get a command?",
        "threads" => "How many threads are fastest while the scene stays smooth?",
        "gpu-profiles" => "How many layers fit on the GPU, and what do they bring?",
        "pipeline" => "How long does a turn take, and what would change it?",
        "memory" => "What takes the memory, and does it keep growing?",
        "warmup" => "What makes the first reply slow?",
        "recommend" => "Which settings suit this machine?",
        "tap" => "What passed between the application and Unity?",
        "launch" => "What did the application do while it ran?",
        "watch" => "What did the machine do meanwhile?",
        "doctor" => "Is this machine ready for Workly?",
        other => other,
    }
}

/// What the figures rest on, apart from what the marks say.
fn sure(run: &Run) -> String {
    let cases = counted(run.cases.len(), "case");
    let clean = run.cases.iter().filter(|case| case.state == CaseState::Ok).count();
    let ended = match (run.state, clean == run.cases.len()) {
        (RunState::Complete, true) => format!("the run is complete; {cases} ended as planned."),
        (_, true) => format!("the run is incomplete; {cases} ended as planned."),
        (_, false) => format!("{clean} of {cases} ended as planned."),
    };
    let has_intervals = run.cases.iter().flat_map(|case| &case.metrics).any(|metric| metric.ci_low.is_some());
    if has_intervals { ended + " In brackets: 95 % confidence intervals." } else { ended }
}
