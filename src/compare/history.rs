//! The same figure over many runs: one series per machine, subject, case and metric.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::gate::FigureSelection;
use super::runs::named;
use crate::record::{Direction, FigureName, Metric, MetricStatus, RunFigures};
use crate::stats::{ChangePoint, change_points};

/// A split that permutations match in more than one of a hundred cases is not a change.
const ALPHA: f64 = 0.01;

/// A change of level in a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelChange {
    /// Start of the first run after it.
    pub at: Timestamp,
    /// That run.
    pub run_id: String,
    /// Its revision; empty if it is not known.
    pub commit: String,
    /// Median before.
    pub before: f64,
    /// Median after.
    pub after: f64,
    /// Share of permutations with an equally clear split.
    pub p: f64,
}

/// One run of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// Start of the run.
    pub at: Timestamp,
    /// The run.
    pub run_id: String,
    /// Its revision; empty if it is not known.
    pub commit: String,
    /// Its figure.
    pub value: f64,
}

/// One row of the wide CSV.
#[derive(Debug, Clone, PartialEq)]
pub struct WideRow {
    /// When the figures were measured.
    pub time: Timestamp,
    /// Revision of what was measured; empty if it is not known.
    pub commit: String,
    /// Its branch; empty if it is not known.
    pub branch: String,
    /// Column and value.
    pub values: Vec<(String, f64)>,
}

/// The series as rows, one per run. With several machines or subjects, each has columns of its own.
#[must_use]
pub fn wide_rows(series: &[FigureSeries]) -> Vec<WideRow> {
    let mut places: Vec<(&str, &str)> =
        series.iter().map(|series| (series.machine.as_str(), series.subject.as_str())).collect();
    places.sort_unstable();
    places.dedup();
    let mut rows: BTreeMap<(Timestamp, &str), WideRow> = BTreeMap::new();
    for one in series {
        let place = if places.len() > 1 { format!(" @ {} {}", one.machine, one.subject) } else { String::new() };
        let name = format!("{}{place}", column(&one.command, &one.case, &one.metric, &one.unit));
        for point in &one.points {
            let row = rows.entry((point.at, &point.run_id)).or_insert_with(|| WideRow {
                time: point.at,
                commit: point.commit.clone(),
                branch: String::new(),
                values: Vec::new(),
            });
            row.values.push((name.clone(), point.value));
        }
    }
    rows.into_values().collect()
}

/// The name of a figure's column in the wide CSV.
pub(super) fn column(command: &str, case: &str, metric: &str, unit: &str) -> String {
    format!("{command} {case} {metric} ({unit})")
}

/// One figure over time, on one machine, of one subject.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureSeries {
    /// The command.
    pub command: String,
    /// The case.
    pub case: String,
    /// The metric.
    pub metric: String,
    /// Unit of the values.
    pub unit: String,
    /// Which direction is better.
    pub direction: Direction,
    /// Fingerprint of the machine.
    pub machine: String,
    /// What was measured, and what was simulated.
    pub subject: String,
    /// The runs that have a value, in order.
    pub points: Vec<SeriesPoint>,
    /// Runs without a value: they are ignored.
    pub missing: usize,
    /// Changes of level by at least `min_effect`, in order.
    pub changes: Vec<LevelChange>,
}

/// The identity of a series: figure, unit, machine, subject.
type SeriesKey<'a> = (FigureName<'a>, &'a str, &'a str, String);

/// The series of the selected figures; a figure in two units has two. Runs of schema 1.0, which do not record when and
/// where they were measured, are omitted; so are changes by less than `min_effect`, a share.
#[must_use]
pub fn series(runs: &[RunFigures], selections: &[FigureSelection], min_effect: f64) -> Vec<FigureSeries> {
    let mut groups: BTreeMap<SeriesKey<'_>, Vec<(&RunFigures, &Metric)>> = BTreeMap::new();
    for run in runs {
        let Some(origin) = &run.origin else { continue };
        let subject = [origin.subject.as_str(), origin.simulated.as_str()].join(" ").trim().to_owned();
        for (name, metric) in named(run).filter(|(name, _)| selections.iter().any(|selection| selection.takes(*name))) {
            let place = (name, metric.unit.as_str(), origin.fingerprint.as_str(), subject.clone());
            groups.entry(place).or_default().push((run, metric));
        }
    }
    groups.into_iter().filter_map(|(place, runs)| one(place, &runs, min_effect)).collect()
}

fn one(
    (name, unit, machine, subject): SeriesKey<'_>,
    runs: &[(&RunFigures, &Metric)],
    min_effect: f64,
) -> Option<FigureSeries> {
    let given: Vec<(&RunFigures, f64)> = runs
        .iter()
        .filter(|(_, metric)| metric.status == MetricStatus::Ok)
        .filter_map(|(run, metric)| Some((*run, metric.value.filter(|value| value.is_finite())?)))
        .collect();
    let values: Vec<f64> = given.iter().map(|(_, value)| *value).collect();
    let points = given.iter().filter_map(|(run, value)| point(run, *value)).collect();
    let changes = change_points(&values, ALPHA)
        .into_iter()
        .filter(|point| matters(point, min_effect))
        .filter_map(|point| changed(&point, given[point.at].0))
        .collect();
    Some(FigureSeries {
        command: name.command.into(),
        case: name.case.into(),
        metric: name.metric.into(),
        unit: unit.into(),
        direction: runs.first()?.1.direction,
        machine: machine.into(),
        subject,
        points,
        missing: runs.len() - given.len(),
        changes,
    })
}

fn point(run: &RunFigures, value: f64) -> Option<SeriesPoint> {
    let origin = run.origin.as_ref()?;
    Some(SeriesPoint { at: origin.started, run_id: run.run_id.clone(), commit: origin.commit.clone(), value })
}

fn matters(point: &ChangePoint, min_effect: f64) -> bool {
    let ratio = point.after / point.before;
    // From or to 0 is always a change.
    !ratio.is_finite() || ratio <= 0.0 || ratio.ln().abs() >= (1.0 + min_effect).ln()
}

fn changed(point: &ChangePoint, run: &RunFigures) -> Option<LevelChange> {
    let origin = run.origin.as_ref()?;
    Some(LevelChange {
        at: origin.started,
        run_id: run.run_id.clone(),
        commit: origin.commit.clone(),
        before: point.before,
        after: point.after,
        p: point.p,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::runs;
    use super::*;

    #[test]
    fn series_shows_its_change_and_separates_machines() {
        let mut all = runs(
            "a",
            &[[10.0, 10.1, 9.9, 10.2, 10.0, 9.8, 10.1, 10.0], [12.1, 12.0, 11.9, 12.2, 12.0, 11.8, 12.1, 12.0]]
                .concat(),
        );
        let mut elsewhere = runs("b", &[99.0; 16]);
        for run in &mut elsewhere {
            if let Some(origin) = run.origin.as_mut() {
                origin.fingerprint = "elsewhere".into();
            }
        }
        all.extend(elsewhere);
        let series = series(&all, &[FigureSelection::of("p50")], 0.05);
        assert_eq!(series.iter().map(|series| series.points.len()).collect::<Vec<_>>(), [16, 16]);
        let changed: Vec<usize> = series.iter().map(|series| series.changes.len()).collect();
        assert_eq!(changed, [1, 0]);
        let change = &series[0].changes[0];
        assert_eq!((change.before, change.after, change.run_id.as_str()), (10.0, 12.0, "a-08"));
        assert!(
            super::series(&all, &[FigureSelection::of("p50")], 0.25)[0].changes.is_empty(),
            "20 % is less than 25 %"
        );
        assert!(super::series(&all, &[FigureSelection::of("p90")], 0.05).is_empty());
    }

    #[test]
    fn changed_unit_splits_the_series() {
        let mut all = runs("a", &[10.0; 8]);
        for run in &mut all[4..] {
            (run.figures[0].1.unit, run.figures[0].1.value) = ("us".into(), Some(10_000.0));
        }
        let series = series(&all, &[FigureSelection::of("p50")], 0.05);
        let told: Vec<_> = series.iter().map(|one| (one.unit.as_str(), one.points.len(), one.changes.len())).collect();
        assert_eq!(told, [("ms", 4, 0), ("us", 4, 0)]);
    }

    #[test]
    fn runs_without_the_figure_are_counted_as_missing() {
        let mut all = runs("a", &[10.0; 8]);
        all[3].figures[0].1.status = MetricStatus::Invalid;
        all[3].figures[0].1.value = None;
        let series = series(&all, &[FigureSelection::of("p50")], 0.05);
        assert_eq!((series[0].points.len(), series[0].missing), (7, 1));
    }
}
