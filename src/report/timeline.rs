//! A quantity over the course of a case, as a line of bars in text.

use super::figure;
use crate::record::{Case, Timeline, TimelineSeries};

/// The bars of a line in text, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Number of bars in a line.
const COLUMNS: usize = 40;
/// Series that are shown; the record has all of them.
const SHOWN: [&str; 7] =
    ["anonymous", "file_backed", "vram_process", "vram_whole_gpu", "threads", "handles", "messages"];

/// The timelines of a case as lines of text, each with its name: the largest value of each section, scaled between the
/// overall minimum and maximum.
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

/// The series that are shown, in this order.
pub(super) fn shown(timeline: &Timeline) -> impl Iterator<Item = &TimelineSeries> {
    SHOWN.into_iter().filter_map(|name| timeline.series.iter().find(|series| series.name == name))
}

fn bounds(series: &TimelineSeries) -> Option<(f64, f64)> {
    let given = || series.values.iter().flatten().copied();
    Some((given().reduce(f64::min)?, given().reduce(f64::max)?))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of seven.
fn bars(series: &TimelineSeries, low: f64, high: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    fn case(values: Vec<Option<f64>>) -> Case {
        let mut case = run().cases.remove(0);
        let at = (0..values.len()).map(|at| at as f64).collect();
        let series = vec![TimelineSeries { name: "anonymous".into(), unit: "bytes".into(), values }];
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
        assert_eq!(lines(&run().cases[0]), []);
    }
}
