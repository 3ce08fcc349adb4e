//! What a cold start is made of: from the coldest to the warmest, each step of warming beside what it saves.

use maud::{Markup, html};

use super::axis::{Axis, percent};
use super::legend::{Entry, Swatch};
use super::picture::Picture;
use super::plot::{bar_label, x_ticks};
use crate::record::{Case, Metric, Run};
use crate::report::attribution;
use crate::report::figure;
use crate::report::html::safe;

/// Heights in pixels: of a step, of its bar, and of the label above that.
const ROW: f64 = 34.0;
const BAR: f64 = 12.0;
const LABEL: f64 = 18.0;

/// The attributions that are drawn: the whole wait, and the wait for the first token.
const DRAWN: [(&str, &str); 2] = [
    ("attribution/wait", "What a cold start is made of, until the first reply ends"),
    ("attribution/wait_first", "What a cold start is made of, until the first token"),
];

/// One bar: the figure, its name, where it starts and ends in milliseconds, and its class.
struct Step<'a> {
    metric: &'a Metric,
    name: String,
    from: f64,
    to: f64,
    class: &'static str,
}

/// The pictures of a run of `warmup`.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    let found = DRAWN.iter().filter_map(|(path, title)| {
        let case = run.cases.iter().find(|case| case.path == *path)?;
        picture(case, title)
    });
    found.collect()
}

fn picture(case: &Case, title: &str) -> Option<Picture> {
    let steps = steps(case)?;
    let axis = Axis::linear(steps.iter().flat_map(|step| [step.from, step.to]).chain([0.0]), "ms");
    let bottom = ROW * steps.len() as f64 + 4.0;
    let drawing = html! {
        div.plot.flush {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label=(title) {
                (x_ticks(&axis, bottom))
                @for (at, step) in steps.iter().enumerate() { (bar(case, &axis, step, ROW * at as f64 + LABEL)) }
            }
            p.axis-title.x { (axis.title("time")) }
        }
    };
    Some(Picture {
        title: title.into(),
        reading: "From the coldest start down to the warmest: each step takes over where the one before ends.".into(),
        legend: vec![
            Entry::new(Swatch::Area, "s1", "saved by this step"),
            Entry::new(Swatch::Area, "s2", "lost by it"),
            Entry::new(Swatch::Area, "whole", "the whole wait"),
        ],
        drawing,
        table: attribution::grid(case)?,
    })
}

fn steps(case: &Case) -> Option<Vec<Step<'_>>> {
    let coldest = case.metric("from").filter(|metric| metric.value.is_some())?;
    let warmest = case.metric("to").filter(|metric| metric.value.is_some())?;
    let whole = |metric: &Metric| metric.value.unwrap_or_default();
    let mut until = whole(coldest);
    let mut steps = vec![Step { metric: coldest, name: "coldest".into(), from: 0.0, to: until, class: "whole" }];
    let ends = ["from", "to", "saved", "change"];
    for metric in case.metrics.iter().filter(|metric| !ends.contains(&metric.name.as_str())) {
        let Some(saved) = metric.value else { continue };
        let (from, to) = (until - saved.max(0.0), until - saved.min(0.0));
        until -= saved;
        steps.push(Step {
            metric,
            name: metric.name.replace('_', " "),
            from,
            to,
            class: if saved < 0.0 { "s2" } else { "s1" },
        });
    }
    steps.push(Step { metric: warmest, name: "warmest".into(), from: 0.0, to: whole(warmest), class: "whole" });
    Some(steps)
}

fn bar(case: &Case, axis: &Axis, step: &Step<'_>, top: f64) -> Markup {
    let (from, to) = (axis.share(step.from), axis.share(step.to));
    let saved = if step.class == "whole" { "" } else { "−" };
    let value = figure::alone(step.metric);
    let label = format!("{} {}", step.name, format!("{saved}{value}").replace("−-", "+"));
    html! {
        g.mark {
            title { (safe(&step.name)) ": " (figure::with_interval(step.metric)) ", n " (figure::count(step.metric.n)) }
            rect class=(format!("bar {}", step.class)) x=(percent(from)) y=(top) width=(percent(to - from)) height=(BAR)
                data-case=(safe(&case.path)) data-metric=(safe(&step.metric.name)) data-value=[step.metric.value]
                data-low=[step.metric.ci_low] data-high=[step.metric.ci_high] {}
            (bar_label(&safe(&label), (from, to), top))
        }
    }
}
