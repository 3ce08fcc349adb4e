//! The parts of a report below the figures: notes on the cases, and the files of the record.

use std::collections::HashMap;

use super::outline::state_word;
use crate::plural::counted;
use crate::record::{CSV_FILE, Case, CaseState, RECOMMENDATION_FILE, REPORT_FILE, RUN_FILE, Run};

/// Reasons and notes; identical ones of several cases are stated once.
pub(super) fn notes(cases: &[Case]) -> Vec<(String, String)> {
    let mut notes: Vec<(String, String)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut add = |path: &str, text: String| {
        if let Some(&at) = places.get(&text) {
            notes[at].0.extend([", ", path]);
        } else {
            places.insert(text.clone(), notes.len());
            notes.push((path.to_owned(), text));
        }
    };
    for case in cases {
        if case.state != CaseState::Ok {
            let reason = case.reason.as_deref().unwrap_or("no reason was recorded");
            add(&case.path, format!("{}: {reason}", state_word(case.state)));
        }
        for note in &case.notes {
            add(&case.path, note.clone());
        }
    }
    notes
}

/// The record's files, with their content.
pub(super) fn files(run: &Run) -> Vec<(String, String)> {
    let file = |name: &str, holds: &str| (name.to_owned(), holds.to_owned());
    let mut files = vec![
        file(RUN_FILE, "the complete record"),
        file(CSV_FILE, "all figures, one per row"),
        file(REPORT_FILE, "this report"),
    ];
    if run.command == "recommend" {
        files.push(file(RECOMMENDATION_FILE, "input of workly-perf apply"));
    }
    let histograms = run.cases.iter().map(|case| case.histograms.len()).sum::<usize>();
    if histograms > 0 {
        files.push((
            "*.hlog, *.hgrm".into(),
            format!("{} as interval logs and percentile distributions", counted(histograms, "histogram")),
        ));
    }
    files
}
