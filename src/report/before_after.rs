//! Before and after as a table: a row for each figure, with both values, the change and what it comes to.

use serde_json::Value;

use super::figure;
use super::others::Grid;
use super::outline::Column;
use crate::record::{Case, Run};

/// The grid, where a case of the run holds such a comparison.
pub(super) fn grid(run: &Run) -> Option<Grid> {
    let (case, rows) = run.cases.iter().find_map(|case| Some((case, rows_of(case)?)))?;
    let column = |heading: &str, numeric, expendable| Column { heading: heading.into(), numeric, expendable };
    let mut remarks = vec![
        "In brackets: the 95 % interval of the change, over turns that were taken with both settings; n: such pairs."
            .to_owned(),
    ];
    remarks.extend(case.notes.iter().cloned());
    Some(Grid {
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

/// The rows of a comparison, if the case is one.
pub(super) fn rows_of(case: &Case) -> Option<&Vec<Value>> {
    case.conditions.get("comparison")?.as_array().filter(|rows| rows.iter().all(|row| row["verdict"].is_string()))
}

fn row(row: &Value) -> Vec<String> {
    let plain = |key: &str| row[key].as_str().map(str::to_owned);
    let side = |key: &str| {
        let number = || Some(figure::value(row[key].as_f64()?, row["unit"].as_str()?));
        plain(key).or_else(number).unwrap_or_else(|| figure::NOTHING.into())
    };
    vec![
        plain("meaning").or_else(|| plain("figure")).unwrap_or_default(),
        side("before"),
        side("after"),
        plain("change").or_else(|| change(row)).unwrap_or_else(|| figure::NOTHING.into()),
        row["pairs"].as_u64().map_or_else(|| figure::NOTHING.into(), figure::count),
        plain("verdict").unwrap_or_default(),
    ]
}

fn change(row: &Value) -> Option<String> {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let text = format!("{:+.1} %", percent(row["ratio"].as_f64()?));
    let end = |at: usize| row["interval"].get(at).and_then(Value::as_f64).map(percent);
    Some(match end(0).zip(end(1)) {
        Some((low, high)) => format!("{text} [{low:+.1}, {high:+.1}]"),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn a_row_has_both_values_and_what_they_come_to() {
        let mut sample = run();
        sample.cases[0].conditions = json!({"comparison": [
            {"figure": "visible", "meaning": "visible reaction", "before": 1765.0, "after": 650.0, "unit": "ms", "ratio": 0.367,
             "interval": [0.264, 0.416], "pairs": 12, "verdict": "improved"},
            {"figure": "n_threads", "meaning": "threads", "before": "6 / 6", "after": "1 / 2", "pairs": null,
             "change": null, "verdict": "a setting"},
            {"figure": "ttft", "meaning": "first token", "before": 100.0, "after": 90.0, "unit": "ms", "ratio": 0.9,
             "interval": null, "pairs": 2, "verdict": "no difference shown"},
        ]});
        let grid = grid(&sample).unwrap();
        assert_eq!(
            grid.rows[0],
            ["visible reaction", "1.765 s", "650.0 ms", "-63.3 % [-73.6, -58.4]", "12", "improved"]
        );
        assert_eq!(grid.rows[1], ["threads", "6 / 6", "1 / 2", "–", "–", "a setting"]);
        assert_eq!(grid.rows[2][3], "-10.0 %");
        assert!(super::grid(&run()).is_none());
    }
}
