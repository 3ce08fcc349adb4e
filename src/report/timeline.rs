//! The course of a quantity over a case: a line of bars in text, a plot in HTML.

use std::fmt::Write;

use super::figure;
use super::html::escaped;
use crate::plural::counted;
use crate::record::{Case, Series, Timeline};

/// The bars of a line in text, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Number of bars in a line.
const COLUMNS: usize = 40;
/// Series that are shown; the record has all of them.
const SHOWN: [&str; 7] =
    ["anonymous", "file_backed", "vram_process", "vram_whole_gpu", "threads", "handles", "messages"];

/// Size of a plot, in SVG units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;
/// The area of the line.
const LEFT: f64 = 12.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 120.0;

/// The timelines of a case as lines of text, each with its name: the largest value of each section, scaled between the overall
/// minimum and maximum.
pub(super) fn lines(case: &Case) -> Vec<(String, String)> {
    let Some(timeline) = Timeline::of(case) else { return Vec::new() };
    let along = format!("{} {:.0} to {:.0}", timeline.along, timeline.at[0], timeline.at[timeline.at.len() - 1]);
    let shown = shown(&timeline).filter_map(|series| {
        let (low, high) = bounds(series)?;
        let range = if low < high {
            format!("{}..{}", figure::value(low, &series.unit), figure::value(high, &series.unit))
        } else {
            figure::value(low, &series.unit)
        };
        Some((format!("{} {}", case.path, series.name), format!("{} {range}, {along}", bars(series, low, high))))
    });
    shown.collect()
}

fn shown(timeline: &Timeline) -> impl Iterator<Item = &Series> {
    SHOWN.into_iter().filter_map(|name| timeline.series.iter().find(|series| series.name == name))
}

fn bounds(series: &Series) -> Option<(f64, f64)> {
    let given = || series.values.iter().flatten().copied();
    Some((given().reduce(f64::min)?, given().reduce(f64::max)?))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of seven.
fn bars(series: &Series, low: f64, high: f64) -> String {
    let n = series.values.len();
    let columns = COLUMNS.min(n);
    let bar = |column: usize| {
        let stretch = &series.values[column * n / columns..(column + 1) * n / columns];
        let Some(value) = stretch.iter().flatten().copied().reduce(f64::max) else { return ' ' };
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    (0..columns).map(bar).collect()
}

/// A plot of each series that is shown, with its caption; empty for a case without a timeline.
pub(super) fn drawings(case: &Case) -> Vec<(String, String)> {
    let Some(timeline) = Timeline::of(case) else { return Vec::new() };
    let drawn = shown(&timeline).filter_map(|series| {
        let (low, high) = bounds(series)?;
        Some((format!("{} {}", case.path, series.name), drawing(case, &timeline, series, low, high)))
    });
    drawn.collect()
}

fn drawing(case: &Case, timeline: &Timeline, series: &Series, low: f64, high: f64) -> String {
    let (first, last) = (timeline.at[0], timeline.at[timeline.at.len() - 1]);
    let x = |at: f64| LEFT + (RIGHT - LEFT) * if last > first { (at - first) / (last - first) } else { 0.5 };
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * if high > low { (value - low) / (high - low) } else { 0.5 };
    let label = escaped(&format!("{} of {} over {}", series.name, case.path, counted(timeline.at.len(), "point")));
    let mut path = String::new();
    let mut pen = 'M';
    for (at, value) in timeline.at.iter().zip(&series.values) {
        match value {
            // Writing to a String cannot fail.
            Some(value) => {
                let _ = write!(path, "{pen}{:.1} {:.1}", x(*at), y(*value));
                pen = 'L';
            }
            None => pen = 'M',
        }
    }
    let text = |x: f64, y: f64, anchor: &str, text: &str| {
        format!(r#"<text x="{x}" y="{y}" text-anchor="{anchor}">{}</text>"#, escaped(text))
    };
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"><path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/><path class="line" d="{path}"/>{}{}{}{}</svg>"#,
        text(LEFT, TOP - 10.0, "start", &format!("most {}", figure::value(high, &series.unit))),
        text(RIGHT, TOP - 10.0, "end", &format!("least {}", figure::value(low, &series.unit))),
        text(LEFT, BOTTOM + 18.0, "start", &format!("{} {first:.0}", timeline.along)),
        text(RIGHT, BOTTOM + 18.0, "end", &format!("{last:.0}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    fn case(values: Vec<Option<f64>>) -> Case {
        let mut case = run().cases.remove(0);
        let at = (0..values.len()).map(|at| at as f64).collect();
        let series = vec![Series { name: "anonymous".into(), unit: "bytes".into(), values }];
        Timeline { along: "message".into(), at, series }.keep(&mut case);
        case
    }

    #[test]
    fn line_spans_minimum_to_maximum() {
        let rising = case((0..8).map(|at| Some(1024.0 * f64::from(at))).collect());
        let lines = lines(&rising);
        assert_eq!(lines[0].0, "applied/closed/100B anonymous");
        assert_eq!(lines[0].1, "▁▂▃▄▅▆▇█ 0 B..7.000 KiB, message 0 to 7");
    }

    #[test]
    fn gaps_and_flat_lines_are_drawn() {
        let flat = case(vec![Some(5.0), None, Some(5.0)]);
        assert_eq!(lines(&flat)[0].1, "▁ ▁ 5 B, message 0 to 2");
        let svg = &drawings(&flat)[0].1;
        assert!(svg.contains("M12.0 75.0M708.0 75.0"), "{svg}");
        assert_eq!(lines(&run().cases[0]), []);
    }
}
