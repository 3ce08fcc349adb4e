//! Tables of the cases without a median: one for each set of cases with the same figures.

use std::collections::HashMap;

use super::attribution;
use super::figure;
use super::outline::{TableColumn, state_word};
use crate::record::{Case, CaseState, Metric, MetricStatus};

/// The heading of a table whose cases start with different names.
const MIXED: &str = "Figures";

/// A table with its heading and the remarks below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MetricTable {
    /// What its cases have in common.
    pub(super) title: String,
    /// Its columns; the first is the case.
    pub(super) columns: Vec<TableColumn>,
    /// Its rows.
    pub(super) rows: Vec<Vec<String>>,
    /// Remarks below the table.
    pub(super) remarks: Vec<String>,
}

/// Cases without a median, grouped by the names of their figures, in order of first appearance. Only sets of two or
/// more, and only those with a figure that is not left to a remark.
pub(super) fn groups<'a>(cases: &'a [Case], zero_everywhere: &[&str]) -> Vec<Vec<&'a Case>> {
    let names = |case: &'a Case| case.metrics.iter().map(|metric| metric.name.as_str());
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    let mut places: HashMap<Vec<&str>, usize> = HashMap::new();
    let is_tabled =
        |case: &&Case| !case.metrics.is_empty() && case.metric("p50").is_none() && !attribution::is_one(case);
    for case in cases.iter().filter(is_tabled) {
        let place = *places.entry(names(case).collect()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(case);
    }
    groups.retain(|group| group.len() > 1 && !shown(group, zero_everywhere).is_empty());
    groups
}

/// The indices of the figures with a column: neither 0 in every case of the run nor too few in every case here.
fn shown(group: &[&Case], zero_everywhere: &[&str]) -> Vec<usize> {
    let is_shown = |at: &usize| {
        let name = group[0].metrics[*at].name.as_str();
        !zero_everywhere.contains(&name) && group.iter().any(|case| case.metrics[*at].status != MetricStatus::TooFew)
    };
    (0..group[0].metrics.len()).filter(is_shown).collect()
}

/// The table of one group.
pub(super) fn grid(group: &[&Case], zero_everywhere: &[&str]) -> MetricTable {
    let shown = shown(group, zero_everywhere);
    let column = |heading: &str, expendable| TableColumn { heading: heading.into(), numeric: true, expendable };
    let mut columns = vec![TableColumn { numeric: false, ..column("case", 0) }, column("n", 0)];
    let name = |at: usize| group[0].metrics[at].name.as_str();
    columns.extend(shown.iter().enumerate().map(|(place, at)| column(name(*at), place)));
    let mut remarks = remarks(group, &shown);
    let absent = (0..group[0].metrics.len())
        .filter(|at| !shown.contains(at) && !zero_everywhere.contains(&name(*at)))
        .map(|at| &group[0].metrics[at]);
    remarks.extend(absent.map(|metric| format!("{} is omitted: {}.", metric.name, figure::absent(metric))));
    MetricTable { title: title(group), columns, rows: group.iter().map(|case| row(case, &shown)).collect(), remarks }
}

/// The first element of the paths, if all have the same.
fn title(group: &[&Case]) -> String {
    let first = |case: &Case| case.path.split('/').next().unwrap_or_default().to_owned();
    let common = first(group[0]);
    if !common.is_empty() && group.iter().all(|case| first(case) == common) { common } else { MIXED.into() }
}

/// `n` belongs to the first figure that has a column.
fn row(case: &Case, shown: &[usize]) -> Vec<String> {
    let path = match case.state {
        CaseState::Ok => case.path.clone(),
        state => format!("{} ({})", case.path, state_word(state)),
    };
    let mut cells = vec![path, figure::count(case.metrics[shown[0]].n)];
    cells.extend(shown.iter().map(|at| cell(case, &case.metrics[*at])));
    cells
}

/// A figure with its interval or its spread. *Partial* is only stated here if the state of the case does not imply it.
fn cell(case: &Case, metric: &Metric) -> String {
    let partial = if metric.status == MetricStatus::Partial && case.state == CaseState::Ok { " (partial)" } else { "" };
    figure::with_interval_or_spread(metric) + partial
}

/// The meaning of the marks in the cells, and which figures have another sample size than the column.
fn remarks(group: &[&Case], shown: &[usize]) -> Vec<String> {
    let cells = || group.iter().flat_map(|case| shown.iter().map(|at| &case.metrics[*at]));
    let given = || cells().filter(|metric| metric.value.is_some());
    let has_interval = |metric: &Metric| metric.ci_low.is_some() && metric.ci_high.is_some();
    let mut legend = Vec::new();
    if given().any(has_interval) {
        legend.push("In brackets: 95 % confidence interval");
    }
    if given().any(|metric| !has_interval(metric) && metric.spread.is_some()) {
        legend.push("after ±: spread (standard deviation of a mean, interquartile range for a percentile)");
    }
    let mut remarks = Vec::new();
    if !legend.is_empty() {
        let legend = legend.join("; ") + ".";
        remarks.push(legend[..1].to_uppercase() + &legend[1..]);
    }
    remarks.extend(other_counts(group, shown));
    remarks
}

/// The figures whose n differs from the first, with theirs: `n is the sample size of avg_ts; itl_p50, itl_p99: 630.`
fn other_counts(group: &[&Case], shown: &[usize]) -> Option<String> {
    let counts = |at: usize| group.iter().map(move |case| case.metrics[at].n);
    let mut others: Vec<(u64, u64, Vec<&str>)> = Vec::new();
    for &at in shown.iter().filter(|at| !counts(**at).eq(counts(shown[0]))) {
        let name = group[0].metrics[at].name.as_str();
        let (least, most) = (counts(at).min().unwrap_or(0), counts(at).max().unwrap_or(0));
        match others.iter_mut().find(|(low, high, _)| (*low, *high) == (least, most)) {
            Some((_, _, names)) => names.push(name),
            None => others.push((least, most, vec![name])),
        }
    }
    let others: Vec<String> = others
        .into_iter()
        .map(|(least, most, names)| {
            let most_text = if most == least { String::new() } else { format!("..{}", figure::count(most)) };
            format!("{}: {}{most_text}", names.join(", "), figure::count(least))
        })
        .collect();
    (!others.is_empty())
        .then(|| format!("n is the sample size of {}; {}.", group[0].metrics[shown[0]].name, others.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::outline::ReportOutline;
    use super::super::sample::tokens;
    use super::*;
    use crate::record::Direction;

    #[test]
    fn cases_with_the_same_figures_share_a_table() {
        let outline = ReportOutline::of(&tokens());
        assert_eq!(outline.tables.len(), 1);
        let table = &outline.tables[0];
        let headings: Vec<&str> = table.columns.iter().map(|column| column.heading.as_str()).collect();
        assert_eq!(headings, ["case", "n", "avg_ts", "ttft_p50", "itl_p50", "itl_p99", "cpu_use", "anonymous"]);
        assert_eq!(table.title, "idle");
        assert_eq!(table.rows.len(), 4);
        assert!(table.rows.iter().all(|row| row.len() == headings.len()));
        assert_eq!(table.rows[3][5], "needs n ≥ 1,000");
        // Cases with unique figures or without figures remain lines.
        assert_eq!(outline.also[0].0, "render/tg64/threads=8");
        assert_eq!(outline.also[1].0, "idle/load");
        assert_eq!(outline.also.len(), 2);
    }

    #[test]
    fn table_of_several_loads_has_a_neutral_title() {
        let mut run = tokens();
        run.cases[0].path = "render/tg64/threads=1".into();
        assert_eq!(ReportOutline::of(&run).tables[0].title, MIXED);
    }

    #[test]
    fn order_of_metric_names_distinguishes_tables() {
        let mut run = tokens();
        run.cases[0].metrics.swap(0, 1);
        run.cases[1].metrics.swap(0, 1);
        let tables = ReportOutline::of(&run).tables;
        assert_eq!(
            tables.iter().map(|table| table.columns[2].heading.as_str()).collect::<Vec<_>>(),
            ["ttft_p50", "avg_ts"]
        );
    }

    #[test]
    fn figures_missing_or_0_everywhere_become_remarks() {
        let mut run = tokens();
        run.cases.truncate(2);
        for case in &mut run.cases {
            case.metrics.truncate(1);
            case.metrics.push(Metric::absent("itl_p99", "ms", 50, Direction::Lower, MetricStatus::TooFew));
            case.metrics.push(Metric::plain("lost", "count", 0.0, 10, Direction::Lower));
        }
        let outline = ReportOutline::of(&run);
        assert_eq!(outline.tables[0].columns.len(), 3);
        assert_eq!(outline.tables[0].remarks[1..], ["itl_p99 is omitted: needs n ≥ 1,000.", "None in any case: lost."]);
        // Zeros alone make no table.
        for case in &mut run.cases {
            case.metrics.remove(0);
        }
        let outline = ReportOutline::of(&run);
        assert!(outline.tables.is_empty());
        assert_eq!(outline.also[0].1, "lost 0 (n 10)");
    }

    #[test]
    fn partial_samples_are_stated_once() {
        let mut run = tokens();
        run.cases[0].metrics[0].status = MetricStatus::Partial;
        run.cases[1].metrics[0].status = MetricStatus::Partial;
        run.cases[1].state = CaseState::Interrupted;
        let rows = &ReportOutline::of(&run).tables[0].rows;
        assert!(rows[0][2].ends_with(" (partial)"), "{:?}", rows[0]);
        assert!(rows[1][0].ends_with(" (interrupted)") && !rows[1][2].ends_with(" (partial)"), "{:?}", rows[1]);
    }
}
