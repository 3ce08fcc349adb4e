//! Whether two sets of runs are comparable at all: same machine, build and subject, in the stated order.

use std::collections::BTreeSet;

use super::comparison::ComparisonSpec;
use crate::plural::counted;
use crate::record::{CsvOrigin, RunFigures, RunState};

/// What must be the same, its name, and whether it belongs to the subject rather than to the machine.
type ComparableFact = (&'static str, fn(&CsvOrigin) -> &str, bool);

/// How many parts, runs or faults of a kind are named; the others are counted.
const NAMED: usize = 4;

const PARTS: [ComparableFact; 7] = [
    ("machine", |origin| &origin.fingerprint, false),
    ("version of workly-perf", |origin| &origin.version, true),
    ("target", |origin| &origin.target, true),
    ("build profile", |origin| &origin.profile, true),
    ("features", |origin| &origin.features, true),
    ("subject", |origin| &origin.subject, true),
    ("stand-in", |origin| &origin.simulated, true),
];

/// Reasons against the comparison that `--allow-different` overrides.
pub(super) fn differences(question: &ComparisonSpec<'_>) -> Vec<String> {
    let sides = [("BASE", question.base), ("NEW", question.new)];
    let mut differences = Vec::new();
    for (name, runs) in sides {
        if runs.iter().any(|run| run.origin.is_none()) {
            differences.push(format!("{name} does not record where it was measured (schema 1.0)"));
        }
    }
    for (what, part, is_meant) in PARTS {
        if question.variants && is_meant {
            continue;
        }
        let of = |runs: &[RunFigures]| -> BTreeSet<String> {
            runs.iter().filter_map(|run| run.origin.as_ref()).map(|origin| named(part(origin))).collect()
        };
        let (base, new) = (of(question.base), of(question.new));
        let is_known = !base.is_empty() && !new.is_empty();
        if is_known && (base != new || base.len() > 1) {
            differences.push(format!("{what}: BASE has {}, NEW has {}", listed(&base), listed(&new)));
        }
    }
    differences.extend(out_of_order(question));
    differences
}

/// The first few of them, and the number of further ones.
fn listed(parts: &BTreeSet<String>) -> String {
    let mut names: Vec<String> = parts.iter().take(NAMED).cloned().collect();
    if parts.len() > NAMED {
        names.push(counted(parts.len() - NAMED, "other"));
    }
    names.join(" and ")
}

fn named(part: &str) -> String {
    if part.is_empty() { "none".into() } else { part.into() }
}

/// If all new runs are older than the old ones, the order is probably wrong.
fn out_of_order(question: &ComparisonSpec<'_>) -> Option<String> {
    let started =
        |runs: &[RunFigures]| -> Option<Vec<_>> { runs.iter().map(|run| Some(run.origin.as_ref()?.started)).collect() };
    let (base, new) = (started(question.base)?, started(question.new)?);
    let (first_base, last_new) = (base.iter().min()?, new.iter().max()?);
    (!question.variants && last_new < first_base)
        .then(|| format!("NEW was measured before BASE ({last_new} before {first_base}): are the two swapped?"))
}

/// Faults that no option overrides: duplicate runs, and runs that did not end as planned.
pub(super) fn faults(question: &ComparisonSpec<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, runs) in [("BASE", question.base), ("NEW", question.new)] {
        if runs.is_empty() {
            faults.push(format!("{name} has no figures"));
        }
        let state = |run: &RunFigures| run.origin.as_ref().map_or(RunState::Complete, |origin| origin.run_state);
        let unfinished = runs.iter().filter(|run| state(run) != RunState::Complete);
        faults
            .extend(few(unfinished
                .map(|run| format!("run {} of {name} did not end as planned ({})", run.run_id, word(state(run))))));
    }
    let mut seen = BTreeSet::new();
    let again = question.base.iter().chain(question.new).filter(|run| !seen.insert(&run.run_id));
    faults
        .extend(few(again.map(|run| format!("run {} occurs twice: a run cannot be compared with itself", run.run_id))));
    faults
}

/// The first few sentences of a kind, and the number of further ones.
fn few(sentences: impl Iterator<Item = String>) -> Vec<String> {
    let mut sentences: Vec<String> = sentences.collect();
    if sentences.len() > NAMED {
        let more = sentences.len() - NAMED;
        sentences.truncate(NAMED);
        sentences.push(format!("and {more} more such runs"));
    }
    sentences
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "still in progress, or killed",
        RunState::Complete => "complete",
        RunState::Interrupted => "interrupted",
        RunState::Failed => "failed",
    }
}

/// What the reader must know, although the comparison is valid.
pub(super) fn cautions(question: &ComparisonSpec<'_>) -> Vec<String> {
    let origins = |runs: &[RunFigures]| runs.iter().filter_map(|run| run.origin.clone()).collect::<Vec<_>>();
    let (base, new) = (origins(question.base), origins(question.new));
    let mut cautions = Vec::new();
    let power: BTreeSet<&str> = base.iter().chain(&new).map(|origin| origin.power.as_str()).collect();
    if power.len() > 1 {
        let names: Vec<String> = power.into_iter().map(named).collect();
        cautions.push(format!("the runs had different power settings: {}", names.join(" and ")));
    }
    if !question.paired && is_one_sitting(&base) && is_one_sitting(&new) && base.len() > 1 {
        cautions.push(
            "each side was measured in one sitting, so a difference between sittings (temperature, other programs, \
             another host of the same type) would look like a change. Interleaved runs (--ab) avoid this; a baseline \
             from several jobs reduces it"
                .into(),
        );
    }
    cautions
}

/// Whether all runs started within an hour.
fn is_one_sitting(origins: &[CsvOrigin]) -> bool {
    let seconds = origins.iter().map(|origin| origin.started.as_second());
    seconds.clone().max().zip(seconds.min()).is_some_and(|(last, first)| last - first <= 3_600)
}
