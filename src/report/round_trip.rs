//! The mean round trip in its parts, as `ipc --breakdown` records it: one for each kind of reply.

use crate::record::{Case, Metric, Run};

/// The last parts of the paths of its cases.
const FOLDER: &str = "/breakdown/";
const WHOLE: &str = "whole";

/// The round trip with one kind of reply.
pub(super) struct RoundTrip<'a> {
    /// The kind of reply: `received`, `applied`.
    pub(super) reply: &'a str,
    /// The whole.
    pub(super) whole: Part<'a>,
    /// Its parts, in order.
    pub(super) parts: Vec<Part<'a>>,
}

/// The whole or one part, with its mean.
pub(super) struct Part<'a> {
    /// Its name in the record: `network_out`.
    pub(super) name: &'a str,
    /// Its case.
    pub(super) case: &'a Case,
    /// Its mean.
    pub(super) mean: &'a Metric,
    /// The value of that, in milliseconds.
    pub(super) mean_ms: f64,
}

impl<'a> RoundTrip<'a> {
    /// All round trips of a run that have a mean, with those of their parts.
    pub(super) fn all(run: &'a Run) -> Vec<Self> {
        let found = run.cases.iter().filter_map(|case| {
            let (reply, WHOLE) = case.path.split_once(FOLDER)? else { return None };
            let of_reply = |other: &&Case| other.path.split_once(FOLDER).is_some_and(|(kind, _)| kind == reply);
            let parts = run.cases.iter().filter(of_reply).filter_map(Part::of);
            let (mut wholes, parts): (Vec<Part>, Vec<Part>) = parts.partition(|part| part.name == WHOLE);
            Some(Self { reply, whole: wholes.pop()?, parts })
        });
        found.collect()
    }
}

impl<'a> Part<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        let (_, name) = case.path.split_once(FOLDER)?;
        let mean = case.metric("mean").filter(|mean| mean.unit == "ms")?;
        Some(Self { name, case, mean, mean_ms: mean.value? })
    }
}
