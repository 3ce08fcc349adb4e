//! Breakdown of the difference between a cold start and a warm reply, one row per step.

use super::figure;
use super::metric_tables::MetricTable;
use super::outline::TableColumn;
use crate::plural::noun_for;
use crate::record::{Case, Metric, Run};

/// The prefix of such cases.
const PATH: &str = "attribution/";

/// Whether a case is shown here rather than among the others.
pub(super) fn is_one(case: &Case) -> bool {
    case.path.starts_with(PATH)
}

/// A grid for each case with such a breakdown.
pub(super) fn grids(run: &Run) -> Vec<MetricTable> {
    run.cases.iter().filter(|case| is_one(case)).filter_map(grid).collect()
}

/// The grid of one attribution; `None` without its total.
pub(super) fn grid(case: &Case) -> Option<MetricTable> {
    let whole = case.metric("saved")?;
    let share = |metric: &Metric| match (metric.value, whole.value) {
        (Some(part), Some(whole)) if whole != 0.0 => format!("{:.1} %", 100.0 * part / whole),
        _ => figure::NOTHING.into(),
    };
    let mut rows = Vec::new();
    for metric in case.metrics.iter().filter(|metric| !["change", "saved"].contains(&metric.name.as_str())) {
        let (name, share) = match metric.name.as_str() {
            "from" => ("coldest".to_owned(), String::new()),
            "to" => ("warmest".to_owned(), String::new()),
            step => (format!("− {}", step.replace('_', " ")), share(metric)),
        };
        rows.push(vec![name, figure::with_interval(metric), share]);
    }
    rows.push(vec!["total".into(), figure::with_interval(whole), share(whole)]);
    let mut remarks = vec![format!(
        "n {} {}; means of paired differences with 95 % intervals; the steps add up to the total.",
        figure::count(whole.n),
        noun_for(&whole.n, "round")
    )];
    if let Some(change) = case.metric("change").filter(|change| change.value.is_some()) {
        remarks.push(format!("Warmest relative to coldest: {}.", figure::with_interval(change)));
    }
    Some(MetricTable {
        title: format!("Where the time is saved: {}", case.path[PATH.len()..].replace('_', " ")),
        columns: vec![
            TableColumn::kept("step", false),
            TableColumn::kept("time", true),
            TableColumn::kept("share", true),
        ],
        rows,
        remarks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;
    use crate::record::{Direction, MetricStatus};

    #[test]
    fn each_step_has_a_row_and_a_share() {
        let mut sample = run();
        let case = &mut sample.cases[0];
        case.path = "attribution/wait_first".into();
        let ms = |name: &str, value| Metric::plain(name, "ms", value, 6, Direction::None);
        case.metrics = vec![
            ms("from", 100.0),
            Metric::absent("page_cache", "ms", 0, Direction::None, MetricStatus::Unsupported),
            ms("warm_generation", 30.0),
            ms("earlier_reply", -10.0),
            ms("to", 80.0),
            ms("saved", 20.0),
        ];
        let grids = grids(&sample);
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].title, "Where the time is saved: wait first");
        let shares: Vec<&str> = grids[0].rows.iter().map(|row| row[2].as_str()).collect();
        assert_eq!(shares, ["", "–", "150.0 %", "-50.0 %", "", "100.0 %"]);
        assert_eq!(grids[0].rows[2][0], "− warm generation");
    }
}
