//! Steps of a whole as bars, one below the other, each with its figure.

use maud::{Markup, html};

use super::axis::{Axis, percent};
use super::plot::{bar_label, x_ticks};
use crate::record::{Case, Metric};
use crate::report::figure;
use crate::report::html::safe;

/// Heights in pixels: of a step, of its bar, and of the label above that.
const ROW: f64 = 34.0;
const BAR: f64 = 12.0;
const LABEL: f64 = 18.0;

/// One bar.
pub(super) struct DrawnStep<'a> {
    /// The case of its figure.
    pub(super) case: &'a Case,
    /// The figure.
    pub(super) metric: &'a Metric,
    /// Its name.
    pub(super) name: String,
    /// What stands beside the name.
    pub(super) value: String,
    /// Its start and its end, in the unit of the figure.
    pub(super) ends: (f64, f64),
    /// Its class.
    pub(super) class: &'static str,
}

/// The steps on one axis of time, which is in milliseconds.
pub(super) fn drawn(steps: &[DrawnStep<'_>], label: &str) -> Markup {
    let axis = Axis::linear(steps.iter().flat_map(|step| [step.ends.0, step.ends.1]).chain([0.0]), "ms");
    let bottom = ROW * steps.len() as f64 + 4.0;
    html! {
        div.plot.flush {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label=(label) {
                (x_ticks(&axis, bottom))
                @for (at, step) in steps.iter().enumerate() { (bar(&axis, step, ROW * at as f64 + LABEL)) }
            }
            p.axis-title.x { (axis.title("time")) }
        }
    }
}

fn bar(axis: &Axis, step: &DrawnStep<'_>, top: f64) -> Markup {
    let (from, to) = (axis.share(step.ends.0), axis.share(step.ends.1));
    let DrawnStep { case, metric, name, value, class, .. } = step;
    html! {
        g.mark {
            title { (safe(name)) ": " (figure::with_interval_or_spread(metric)) ", n " (figure::count(metric.n)) }
            rect class=(format!("bar {class}")) x=(percent(from)) y=(top) width=(percent(to - from)) height=(BAR)
                data-case=(safe(&case.path)) data-metric=(safe(&metric.name)) data-value=[metric.value]
                data-low=[metric.ci_low] data-high=[metric.ci_high] {}
            (bar_label(&safe(&format!("{name} {value}")), (from, to), top))
        }
    }
}
