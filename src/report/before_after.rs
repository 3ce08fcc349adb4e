//! Before and after as a table: a row for each figure, with both values, the change and the verdict.

use super::figure;
use super::metric_tables::MetricTable;
use super::outline::TableColumn;
use crate::record::{BeforeAfterRow, Case, MeasuredRow, RowChange, Run, StatedRow};

/// The grid, if a case of the run has such a comparison.
pub(super) fn grid(run: &Run) -> Option<MetricTable> {
    let (case, rows) = run.cases.iter().find_map(|case| Some((case, BeforeAfterRow::of(case)?)))?;
    let column = |heading: &str, numeric, expendable| TableColumn { heading: heading.into(), numeric, expendable };
    let mut remarks = vec![
        "In brackets: 95 % confidence interval of the change over turns measured with both settings; n: number of such pairs."
            .to_owned(),
    ];
    remarks.extend(case.notes.iter().cloned());
    Some(MetricTable {
        title: "Before and after".into(),
        columns: vec![
            column("figure", false, 0),
            column("before", true, 0),
            column("after", true, 0),
            column("change [95 %]", true, 0),
            column("n", true, 0),
            column("verdict", false, 0),
        ],
        rows: rows.iter().map(row).collect(),
        remarks,
    })
}

/// Whether the case has such a comparison.
pub(super) fn is_one(case: &Case) -> bool {
    BeforeAfterRow::of(case).is_some()
}

fn row(row: &BeforeAfterRow) -> Vec<String> {
    match row {
        BeforeAfterRow::Measured(row) => measured(row),
        BeforeAfterRow::Stated(row) => stated(row),
    }
}

fn measured(row: &MeasuredRow) -> Vec<String> {
    vec![
        row.meaning.clone(),
        figure::value(row.before, &row.unit),
        figure::value(row.after, &row.unit),
        change(row),
        figure::count(row.pairs),
        row.verdict.clone(),
    ]
}

fn stated(row: &StatedRow) -> Vec<String> {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| figure::NOTHING.into());
    vec![
        row.meaning.clone(),
        row.before.clone(),
        row.after.clone(),
        or_nothing(row.change.clone()),
        or_nothing(row.pairs.map(figure::count)),
        row.verdict.clone(),
    ]
}

pub(super) fn change(row: &MeasuredRow) -> String {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let (value, unit, interval) = match row.change {
        RowChange::Ratio(ratio) => (percent(ratio), "%", row.interval.map(|(low, high)| (percent(low), percent(high)))),
        RowChange::Difference(difference) => (difference, "points", row.interval),
    };
    match interval {
        Some((low, high)) => format!("{value:+.1} {unit} [{low:+.1}, {high:+.1}]"),
        None => format!("{value:+.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn rows_have_both_values_and_the_change() {
        let mut sample = run();
        // As in a record of any version.
        sample.cases[0].conditions = json!({"comparison": [
            {"figure": "visible", "meaning": "visible reaction", "before": 1765.0, "after": 650.0, "unit": "ms", "ratio": 0.367,
             "interval": [0.264, 0.416], "pairs": 12, "p_holm": 0.001, "verdict": "improved"},
            {"figure": "n_threads", "meaning": "threads", "before": "6 / 6", "after": "1 / 2", "pairs": null,
             "change": null, "verdict": "a setting"},
            {"figure": "ttft", "meaning": "first token", "before": 100.0, "after": 90.0, "unit": "ms", "ratio": 0.9,
             "interval": null, "pairs": 2, "p_holm": 1.0, "verdict": "no difference shown"},
            {"figure": "frames_late", "meaning": "late frames", "before": 12.5, "after": 0.5, "unit": "%", "difference": -11.75,
             "interval": [-14.0, -9.5], "pairs": 12, "p_holm": 0.002, "verdict": "improved"},
        ]});
        let grid = grid(&sample).unwrap();
        assert_eq!(
            grid.rows[0],
            ["visible reaction", "1.765 s", "650.0 ms", "-63.3 % [-73.6, -58.4]", "12", "improved"]
        );
        assert_eq!(grid.rows[1], ["threads", "6 / 6", "1 / 2", "–", "–", "a setting"]);
        assert_eq!(grid.rows[2][3], "-10.0 %");
        assert_eq!(grid.rows[3], ["late frames", "12.50 %", "0.500 %", "-11.8 points [-14.0, -9.5]", "12", "improved"]);
        assert!(is_one(&sample.cases[0]) && super::grid(&run()).is_none());
    }
}
