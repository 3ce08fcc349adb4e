//! What a cold start is made of: from the coldest to the warmest, each step of warming beside what it saves.

use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::steps::{DrawnStep, drawn};
use crate::record::{Case, Metric, Run};
use crate::report::attribution;
use crate::report::figure;

/// The attributions that are drawn: the whole wait, and the wait for the first token.
const DRAWN: [(&str, &str); 2] = [
    ("attribution/wait", "What a cold start is made of, until the first reply ends"),
    ("attribution/wait_first", "What a cold start is made of, until the first token"),
];

/// The pictures of a run of `warmup`.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    let found = DRAWN.iter().filter_map(|(path, title)| {
        let case = run.cases.iter().find(|case| case.path == *path)?;
        picture(case, title)
    });
    found.collect()
}

fn picture(case: &Case, title: &str) -> Option<Picture> {
    Some(Picture {
        title: title.into(),
        reading: "From the coldest start down to the warmest: each step takes over where the one before ends.".into(),
        legend: vec![
            LegendEntry::new(Swatch::Area, "s1", "saved by this step"),
            LegendEntry::new(Swatch::Area, "s2", "lost by it"),
            LegendEntry::new(Swatch::Area, "whole", "the whole wait"),
        ],
        drawing: drawn(&steps(case)?, title),
        table: attribution::grid(case)?,
    })
}

fn steps(case: &Case) -> Option<Vec<DrawnStep<'_>>> {
    let coldest = case.metric("from").filter(|metric| metric.value.is_some())?;
    let warmest = case.metric("to").filter(|metric| metric.value.is_some())?;
    let whole = |metric: &Metric| metric.value.unwrap_or_default();
    let step = |metric, name: &str, ends, class| {
        let saved = if class == "whole" { "" } else { "−" };
        let value = format!("{saved}{}", figure::alone(metric)).replace("−-", "+");
        DrawnStep { case, metric, name: name.replace('_', " "), value, ends, class }
    };
    let mut until = whole(coldest);
    let mut steps = vec![step(coldest, "coldest", (0.0, until), "whole")];
    let ends = ["from", "to", "saved", "change"];
    for metric in case.metrics.iter().filter(|metric| !ends.contains(&metric.name.as_str())) {
        let Some(saved) = metric.value else { continue };
        let class = if saved < 0.0 { "s2" } else { "s1" };
        steps.push(step(metric, &metric.name, (until - saved.max(0.0), until - saved.min(0.0)), class));
        until -= saved;
    }
    steps.push(step(warmest, "warmest", (0.0, whole(warmest)), "whole"));
    Some(steps)
}
