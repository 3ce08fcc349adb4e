//! The content of a report, in order, independent of the format: the exporters only lay it out.

use std::collections::HashSet;

use super::conditions::conditions;
use super::figure;
use super::metric_tables::{self, MetricTable};
use super::notes::{files, notes};
use super::{attribution, before_after, settings, timeline, trade, waterfall};
use crate::plural::counted;
use crate::record::{Case, CaseState, MachineNoise, Metric, MetricStatus, Run, RunState};

/// Figures of the main table besides percentiles; a case's other metrics follow below it.
const IN_TABLE: [&str; 3] = ["mean", "min", "max"];

/// A column of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableColumn {
    /// Its heading.
    pub(super) heading: String,
    /// Whether it has figures, which are right-aligned.
    pub(super) numeric: bool,
    /// Which column is dropped first if space is short: the largest number. 0 is always kept.
    pub(super) expendable: usize,
}

impl TableColumn {
    /// A column that is always kept.
    pub(super) fn kept(heading: impl Into<String>, numeric: bool) -> Self {
        Self { heading: heading.into(), numeric, expendable: 0 }
    }
}

/// The complete content of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportOutline {
    /// What must be known before the figures are read: simulated, incomplete, failed cases.
    pub(super) marks: Vec<String>,
    /// What was run.
    pub(super) title: String,
    /// The run's ID and duration.
    pub(super) run: String,
    /// The run's ID, time and duration.
    pub(super) subtitle: String,
    /// The machine noise, if it was measured and is not a mark.
    pub(super) noise: Option<String>,
    /// What the figures mean.
    pub(super) findings: Vec<String>,
    /// Columns of the main table; its first is the case.
    pub(super) columns: Vec<TableColumn>,
    /// Rows of the main table.
    pub(super) rows: Vec<Vec<String>>,
    /// Remarks below the main table.
    pub(super) remarks: Vec<String>,
    /// Tables of the cases without a median that have the same figures.
    pub(super) tables: Vec<MetricTable>,
    /// Case and its other figures.
    pub(super) also: Vec<(String, String)>,
    /// Case and quantity, and its course over the case.
    pub(super) timelines: Vec<(String, String)>,
    /// The run's warnings.
    pub(super) warnings: Vec<String>,
    /// Cases with their notes.
    pub(super) notes: Vec<(String, String)>,
    /// Label and text of each condition.
    pub(super) conditions: Vec<(String, String)>,
    /// Name of a file in the record's folder, and its content.
    pub(super) files: Vec<(String, String)>,
}

impl ReportOutline {
    /// The outline of a report on `run`.
    pub(super) fn of(run: &Run) -> Self {
        let (percentiles, nowhere) = percentiles(&run.cases);
        let has_medians = run.cases.iter().any(|case| case.metric("p50").is_some());
        let in_table: Vec<&Case> = run.cases.iter().filter(|case| is_in_table(case, has_medians)).collect();
        let mut remarks = Vec::new();
        if !in_table.is_empty() {
            remarks.push("In brackets: 95 % confidence interval; sd: standard deviation.".into());
            remarks.extend(nowhere.iter().map(|(name, p)| format!("{name} is omitted: it {}.", figure::needs(*p))));
        }
        let mut none = zero_everywhere(&run.cases);
        let groups = metric_tables::groups(&run.cases, &none);
        let mut tables: Vec<MetricTable> = groups.iter().map(|group| metric_tables::grid(group, &none)).collect();
        // Stated below the main table, or else below the last of the others. Without a table, each case states it.
        match (in_table.is_empty(), tables.last_mut()) {
            _ if none.is_empty() => {}
            (false, _) => remarks.push(none_of(&none)),
            (true, Some(table)) => table.remarks.push(none_of(&none)),
            (true, None) => none.clear(),
        }
        let settings = settings::grid(run);
        tables.splice(0..0, before_after::grid(run).into_iter().chain(trade::grid(run)));
        tables.extend(waterfall::grids(run));
        tables.extend(attribution::grids(run));
        let grouped: HashSet<&str> = groups.iter().flatten().map(|case| case.path.as_str()).collect();
        Self {
            marks: marks(run),
            title: format!("workly-perf {}", run.command),
            run: format!("{}, {}", run.run_id, took(run)),
            subtitle: subtitle(run),
            noise: run.machine_noise.as_ref().filter(|noise| !noise.is_disturbed()).map(MachineNoise::sentence),
            findings: run.findings.clone(),
            columns: columns(&percentiles),
            rows: in_table.iter().map(|case| row(case, &percentiles)).collect(),
            remarks,
            also: run
                .cases
                .iter()
                .filter(|case| settings.is_none() && !grouped.contains(case.path.as_str()))
                .filter(|case| !before_after::is_one(case) && !attribution::is_one(case))
                .filter_map(|case| also(case, has_medians, &none))
                .collect(),
            tables: settings.map_or(tables, |settings| vec![settings]),
            timelines: run.cases.iter().flat_map(timeline::lines).collect(),
            warnings: run.warnings.clone(),
            notes: notes(&run.cases),
            conditions: conditions(run),
            files: files(run),
        }
    }
}

pub(super) fn state_word(state: CaseState) -> &'static str {
    match state {
        CaseState::Ok => "ok",
        CaseState::Interrupted => "interrupted",
        CaseState::Lossy => "lossy",
        CaseState::Invalid => "invalid",
        CaseState::Failed => "failed",
        CaseState::NotMeasured => "not measured",
    }
}

fn marks(run: &Run) -> Vec<String> {
    let mut marks: Vec<String> = run
        .simulated
        .iter()
        .map(|part| {
            let whose = match part.what.as_str() {
                what if what.contains("bridge") => "your Unity",
                what if what.contains("weights") || what.contains("model") => "your model",
                _ => "your own set-up",
            };
            format!("SIMULATED: {} ({}): these figures do not describe {whose}.", part.what, part.parameters)
        })
        .collect();
    let reason = run.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    match run.state {
        RunState::Complete => {}
        RunState::Running => marks.push(format!("INCOMPLETE: the run is still in progress, or was killed{reason}")),
        RunState::Interrupted => {
            marks.push(format!("INCOMPLETE: the run was interrupted; figures measured before that are valid{reason}"));
        }
        RunState::Failed => marks.push(format!("INCOMPLETE: the run failed; completed cases are valid{reason}")),
    }
    let not_ok = run.cases.iter().filter(|case| case.state != CaseState::Ok).count();
    if not_ok > 0 {
        marks.push(format!(
            "ATTENTION: {not_ok} of {} did not end as planned; see the notes.",
            counted(run.cases.len(), "case")
        ));
    }
    marks.extend(run.noise().filter(MachineNoise::is_disturbed).map(|noise| noise.sentence()));
    marks
}

fn took(run: &Run) -> String {
    run.finished.map_or_else(
        || "not finished".to_owned(),
        |finished| format!("took {}", figure::value(finished.duration_since(run.started).as_secs_f64(), "s")),
    )
}

fn subtitle(run: &Run) -> String {
    format!("{}, started {}, {}", run.run_id, run.started.strftime("%Y-%m-%d %H:%M:%S UTC"), took(run))
}

/// The percentiles above the median that some case has, in order, and those that were requested but that no case has.
fn percentiles(cases: &[Case]) -> (Vec<String>, Vec<(String, f64)>) {
    let mut found: Vec<(f64, &str, bool)> = Vec::new();
    let tabled = cases.iter().filter(|case| case.metric("p50").is_some());
    for metric in tabled.flat_map(|case| &case.metrics).filter(|metric| metric.name != "p50") {
        let Some(p) = figure::percentile(&metric.name) else { continue };
        match found.iter_mut().find(|(_, name, _)| *name == metric.name) {
            Some((_, _, shown)) => *shown |= metric.status != MetricStatus::TooFew,
            None => found.push((p, &metric.name, metric.status != MetricStatus::TooFew)),
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shown = found.iter().filter(|(_, _, shown)| *shown).map(|(_, name, _)| (*name).to_owned()).collect();
    let nowhere = found.iter().filter(|(_, _, shown)| !shown).map(|(p, name, _)| ((*name).to_owned(), *p)).collect();
    (shown, nowhere)
}

/// A case with a median has a row; one without any figure is listed with them, so that its absence is visible.
fn is_in_table(case: &Case, has_medians: bool) -> bool {
    case.metric("p50").is_some() || case.metrics.is_empty() && has_medians
}

fn columns(percentiles: &[String]) -> Vec<TableColumn> {
    let column = |heading: &str, expendable| TableColumn { heading: heading.into(), numeric: true, expendable };
    let mut columns = vec![TableColumn { numeric: false, ..column("case", 0) }, column("n", 0), column("p50", 0)];
    columns.extend(percentiles.iter().enumerate().map(|(at, name)| column(name, at + 1)));
    columns.push(column("mean ± sd", percentiles.len() + 1));
    columns.push(column("min..max", percentiles.len() + 2));
    columns
}

fn row(case: &Case, percentiles: &[String]) -> Vec<String> {
    let nothing = || figure::NOTHING.to_owned();
    let cell = |name: &str, text: fn(&Metric) -> String| case.metric(name).map_or_else(nothing, text);
    let Some(median) = case.metric("p50") else {
        let mut cells = vec![case.path.clone(), nothing(), state_word(case.state).into()];
        cells.resize(percentiles.len() + 5, nothing());
        return cells;
    };
    let path = match case.state {
        CaseState::Ok => case.path.clone(),
        state => format!("{} ({})", case.path, state_word(state)),
    };
    let mut cells = vec![path, figure::count(median.n), figure::with_interval(median)];
    cells.extend(percentiles.iter().map(|name| cell(name, figure::alone)));
    cells.push(cell("mean", figure::with_spread));
    cells.push(match (case.metric("min"), case.metric("max")) {
        (Some(min), Some(max)) => figure::range(min, max),
        _ => nothing(),
    });
    cells
}

/// A case's figures that have no column and are not stated once for all cases, each with its n; `None` if there are
/// none.
fn also(case: &Case, has_medians: bool, told_once: &[&str]) -> Option<(String, String)> {
    let tabled = is_in_table(case, has_medians);
    let has_column = |metric: &&Metric| {
        tabled && (figure::percentile(&metric.name).is_some() || IN_TABLE.contains(&metric.name.as_str()))
    };
    let elsewhere = |metric: &&Metric| {
        has_column(metric) || told_once.contains(&metric.name.as_str()) || metric.status == MetricStatus::TooFew
    };
    let figures: Vec<String> = case.metrics.iter().filter(|metric| !elsewhere(metric)).map(in_words).collect();
    match (figures.is_empty(), tabled) {
        (true, true) => None,
        (true, false) => Some((case.path.clone(), state_word(case.state).into())),
        (false, _) => Some((case.path.clone(), figures.join("; "))),
    }
}

/// Counts that are 0 in every case that has them: stated once for all cases.
fn zero_everywhere(cases: &[Case]) -> Vec<&str> {
    let mut names: Vec<(&str, bool)> = Vec::new();
    for metric in cases.iter().flat_map(|case| &case.metrics).filter(|metric| metric.unit == "count") {
        let zero = metric.value == Some(0.0);
        match names.iter_mut().find(|(name, _)| *name == metric.name) {
            Some((_, all_zero)) => *all_zero &= zero,
            None => names.push((&metric.name, zero)),
        }
    }
    names.into_iter().filter(|(_, all_zero)| *all_zero).map(|(name, _)| name).collect()
}

fn none_of(names: &[&str]) -> String {
    format!("None in any case: {}.", names.join(", "))
}

fn in_words(metric: &Metric) -> String {
    let figure = figure::with_interval_or_spread(metric);
    let partial = if metric.status == MetricStatus::Partial { ", partial" } else { "" };
    format!("{} {figure} (n {}{partial})", metric.name, figure::count(metric.n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;
    use crate::record::{Direction, Fact, NoiseFigures, Simulation};

    #[test]
    fn simulated_or_incomplete_run_is_marked_first() {
        let mut run = run();
        run.state = RunState::Interrupted;
        run.reason = Some("Ctrl-C".into());
        run.simulated.push(Simulation { what: "synthetic weights".into(), parameters: "7B shape".into() });
        assert_eq!(
            marks(&run),
            [
                "SIMULATED: embedded bridge (stock dialect, 60 fps): these figures do not describe your Unity.",
                "SIMULATED: synthetic weights (7B shape): these figures do not describe your model.",
                "INCOMPLETE: the run was interrupted; figures measured before that are valid: Ctrl-C",
                "ATTENTION: 2 of 4 cases did not end as planned; see the notes.",
            ]
        );
        run.simulated.clear();
        run.cases.truncate(1);
        run.state = RunState::Complete;
        assert!(marks(&run).is_empty());
    }

    #[test]
    fn machine_noise_is_at_the_top_and_marked_if_disturbing() {
        let mut run = run();
        assert_eq!(ReportOutline::of(&run).noise, None, "an older record without noise readings");
        let figures = NoiseFigures {
            watched_s: 5.0,
            cpus: Fact::Value(2),
            others_cpus: Fact::Value(0.1),
            ..NoiseFigures::none()
        };
        run.machine_noise = Some(MachineNoise::judge(figures.clone()));
        let quiet = ReportOutline::of(&run);
        assert!(
            quiet.noise.as_deref().is_some_and(|noise| noise.contains("quiet; other programs used 0.10 of 2 CPUs"))
        );
        for page in [
            super::super::table(&run, 80, super::super::Detail::All),
            super::super::markdown(&run),
            super::super::html(&run, &[]),
        ] {
            assert!(page.contains("Machine noise: quiet"), "{page}");
        }
        run.machine_noise = Some(MachineNoise::judge(NoiseFigures { others_cpus: Fact::Value(1.5), ..figures }));
        let disturbed = ReportOutline::of(&run);
        assert_eq!(disturbed.noise, None);
        assert!(
            disturbed.marks.last().unwrap().starts_with("DISTURBED: other programs used 1.50"),
            "{:?}",
            disturbed.marks
        );
    }

    #[test]
    fn percentiles_have_a_column_if_present_and_a_remark_if_not() {
        let outline = ReportOutline::of(&run());
        let headings: Vec<_> = outline.columns.iter().map(|column| column.heading.as_str()).collect();
        assert_eq!(headings, ["case", "n", "p50", "p90", "mean ± sd", "min..max"]);
        assert_eq!(outline.rows[1][3], "needs n ≥ 100");
        assert_eq!(outline.remarks[1..], ["p99 is omitted: it needs n ≥ 1,000."]);
        assert!(outline.rows.iter().all(|row| row.len() == headings.len()));
    }

    #[test]
    fn case_without_figures_is_listed_with_its_state() {
        let mut run = run();
        let failed = ReportOutline::of(&run).rows[2].clone();
        assert_eq!(failed, ["received/closed/10kB", "–", "failed", "–", "–", "–"]);
        // Without any median there is no such table, so it is listed among the other figures.
        run.cases.drain(..2);
        let outline = ReportOutline::of(&run);
        assert!(outline.rows.is_empty() && outline.remarks.is_empty());
        assert_eq!(outline.also[0], ("received/closed/10kB".into(), "failed".into()));
        assert_eq!(outline.also[1].1, "rate 6,871 /s [6,540, 7,202] (n 5)");
    }

    #[test]
    fn every_figure_of_a_case_is_shown() {
        let mut run = run();
        run.cases[0].metrics.push(Metric::plain("frame_period", "ms", 16.67, 99, Direction::None));
        let outline = ReportOutline::of(&run);
        assert_eq!(outline.also[0].1, "rate 59.98 /s (n 100); lost 0 (n 100); frame_period 16.67 ms (n 99)");
        assert_eq!(outline.also[1].1, "rate 49.20 /s (n 98, partial); lost 2 (n 100, partial)");
    }

    #[test]
    fn shared_notes_are_stated_once() {
        let mut run = run();
        let note = run.cases[0].notes[0].clone();
        run.cases[3].notes.push(note.clone());
        let notes = notes(&run.cases);
        assert_eq!(notes[0], ("applied/closed/100B, received/flood".into(), note));
        assert_eq!(notes.len(), 3);
    }
}
