//! A latency distribution as SVG: bars on a logarithmic axis, with the percentiles of the record.

use std::fmt::Write;

use hdrhistogram::Histogram;

use super::figure;
use super::html::escaped;
use crate::plural::noun_for;
use crate::record::{Case, Metric};

/// Size of the plot, in SVG units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;

/// The area of the bars: left, right, top and bottom. The percentile names are above it, the axis is below.
const LEFT: f64 = 12.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 54.0;
const BOTTOM: f64 = 160.0;

/// Number of bars along the axis.
const BARS: usize = 116;

/// Height of the smallest bar: a single sample in a million is still visible.
const SMALLEST_BAR: f64 = 1.5;

/// With more labelled steps than this they would overlap.
const MOST_TICKS: usize = 10;

/// The percentiles that are marked.
const MARKED: [&str; 3] = ["p50", "p90", "p99"];

/// A logarithmic axis in nanoseconds that starts and ends at 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    from_ns: f64,
    to_ns: f64,
}

impl Axis {
    /// The shortest axis for all values of the histogram. Zero, which a logarithmic axis does not have, counts as 1 ns.
    fn of(histogram: &Histogram<u64>) -> Self {
        let (min, max) = (histogram.min().max(1) as f64, histogram.max().max(1) as f64);
        let from_ns = steps().take_while(|step| *step <= min).last().unwrap_or(1.0);
        let to_ns = steps().find(|step| *step > max).unwrap_or(max * 2.0);
        Self { from_ns, to_ns }
    }

    /// The position of a value, 0 at the start and 1 at the end.
    fn share(self, ns: f64) -> f64 {
        ((ns.max(1.0) / self.from_ns).ln() / (self.to_ns / self.from_ns).ln()).clamp(0.0, 1.0)
    }

    fn x(self, ns: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.share(ns)
    }

    /// The steps to label: all of them, or only powers of ten if all would overlap.
    fn ticks(self) -> Vec<f64> {
        let within = || steps().skip_while(|step| *step < self.from_ns).take_while(|step| *step <= self.to_ns);
        let all: Vec<f64> = within().collect();
        if all.len() <= MOST_TICKS { all } else { within().filter(|step| step.log10().fract().abs() < 1e-9).collect() }
    }
}

/// 1, 2, 5, 10, 20, 50 … up to the largest value of a histogram.
fn steps() -> impl Iterator<Item = f64> {
    (0..20).flat_map(|power| [1.0, 2.0, 5.0].map(|first| first * 10.0_f64.powi(power)))
}

/// A step of the axis in words: `20 ms`. Steps are whole numbers of their unit.
fn tick_label(ns: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (size, unit) = units.into_iter().find(|(size, _)| ns >= *size).unwrap_or((1.0, "ns"));
    format!("{} {unit}", ns / size)
}

/// Samples in each bar, from left to right.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bars(histogram: &Histogram<u64>, axis: Axis) -> Vec<u64> {
    let mut bars = vec![0; BARS];
    for step in histogram.iter_recorded() {
        let middle = histogram.median_equivalent(step.value_iterated_to()) as f64;
        let at = (axis.share(middle) * BARS as f64) as usize;
        bars[at.min(BARS - 1)] += step.count_at_value();
    }
    bars
}

/// The distribution of a case as one `<svg>` element; empty for a histogram without samples.
pub(super) fn distribution(case: &Case, histogram: &Histogram<u64>) -> String {
    if histogram.is_empty() {
        return String::new();
    }
    let axis = Axis::of(histogram);
    let bars = bars(histogram, axis);
    let tallest = bars.iter().copied().max().unwrap_or(1).max(1) as f64;
    let label = escaped(&format!(
        "Latency distribution of {}, {} {}",
        case.path,
        figure::count(histogram.len()),
        noun_for(&histogram.len(), "sample")
    ));
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#);
    let width = (RIGHT - LEFT) / BARS as f64;
    for (at, count) in bars.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let height = (count as f64 / tallest * (BOTTOM - TOP)).max(SMALLEST_BAR);
        let (x, y) = (LEFT + width * at as f64, BOTTOM - height);
        put(
            &mut svg,
            format_args!(
                r#"<rect class="bar" x="{x:.2}" y="{y:.2}" width="{:.2}" height="{height:.2}"/>"#,
                width - 0.8
            ),
        );
    }
    put(&mut svg, format_args!(r#"<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>"#));
    for tick in axis.ticks() {
        let x = axis.x(tick);
        put(
            &mut svg,
            format_args!(
                r#"<path class="axis" d="M{x:.2} {BOTTOM}v5"/><text x="{x:.2}" y="{:.2}" text-anchor="{}">{}</text>"#,
                BOTTOM + 20.0,
                anchor(x),
                tick_label(tick)
            ),
        );
    }
    for (row, metric) in MARKED.iter().filter_map(|name| case.metric(name)).enumerate() {
        svg.push_str(&mark(metric, axis, row).unwrap_or_default());
    }
    svg + "</svg>"
}

/// A percentile as a line with its name and value next to it, each in its own row; `None` if it is missing.
fn mark(metric: &Metric, axis: Axis, row: usize) -> Option<String> {
    let x = axis.x(metric.value? * figure::ns_per(&metric.unit)?);
    let y = 12.0 + 16.0 * row as f64;
    let (anchor, beside) = if x > WIDTH / 2.0 { ("end", x - 5.0) } else { ("start", x + 5.0) };
    let text = escaped(&format!("{} {}", metric.name, figure::alone(metric)));
    Some(format!(
        r#"<path class="mark" d="M{x:.2} {:.2}V{BOTTOM}"/><text class="name" x="{beside:.2}" y="{y:.2}" text-anchor="{anchor}">{text}</text>"#,
        y - 10.0
    ))
}

/// Labels at the ends of the axis stay inside the plot.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < LEFT + 1.0 => "start",
        x if x > RIGHT - 1.0 => "end",
        _ => "middle",
    }
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = svg.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;
    use crate::stats::histogram_of;

    #[test]
    fn axis_is_the_shortest_for_the_values() {
        let axis = |samples: &[u64]| Axis::of(&histogram_of(samples));
        assert_eq!(axis(&[46_000, 90_000]), Axis { from_ns: 20_000.0, to_ns: 100_000.0 });
        assert_eq!(axis(&[16_666_667]), Axis { from_ns: 1e7, to_ns: 2e7 });
        assert_eq!(axis(&[1_000_500]), Axis { from_ns: 1e6, to_ns: 2e6 });
        assert_eq!(axis(&[0]), Axis { from_ns: 1.0, to_ns: 2.0 });
    }

    #[test]
    fn axis_labels_are_whole_and_few() {
        let labels = |from_ns, to_ns| {
            Axis { from_ns, to_ns }.ticks().into_iter().map(tick_label).collect::<Vec<_>>().join(" | ")
        };
        assert_eq!(labels(2e4, 2e5), "20 µs | 50 µs | 100 µs | 200 µs");
        assert_eq!(labels(2e4, 2e9), "100 µs | 1 ms | 10 ms | 100 ms | 1 s");
    }

    #[test]
    fn no_sample_is_outside_the_axis() {
        let samples: Vec<u64> = (0..5_000).map(|i| i * i).collect();
        let histogram = histogram_of(&samples);
        let counted: u64 = bars(&histogram, Axis::of(&histogram)).iter().sum();
        assert_eq!(counted, 5_000);
    }

    #[test]
    fn only_present_percentiles_are_marked() {
        let case = &run().cases[0];
        let svg = distribution(case, &histogram_of(&[16_666_667; 100]));
        assert!(svg.contains(">p50 16.67 ms</text>") && svg.contains(">p90 16.91 ms</text>"), "{svg}");
        assert!(!svg.contains("p99"), "{svg}");
        assert_eq!(distribution(case, &histogram_of(&[])), "");
    }
}
