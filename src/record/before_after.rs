//! A before/after table: one row per figure.

use serde::{Deserialize, Serialize};

use super::case::Case;

/// The key of the table in a case's conditions.
const KEY: &str = "comparison";

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BeforeAfterRow {
    /// A figure that was measured on both sides, and compared.
    Measured(MeasuredRow),
    /// A setting, or a computed or derived value, as text.
    Stated(StatedRow),
}

/// A figure that was measured on both sides and compared by pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRow {
    /// Its name: the metric's, with the prefix `first_turn_` for first turns.
    pub figure: String,
    /// Its display name.
    pub meaning: String,
    /// Its value before.
    pub before: f64,
    /// Its value after.
    pub after: f64,
    /// The unit of both.
    pub unit: String,
    /// The change.
    #[serde(flatten)]
    pub change: RowChange,
    /// The interval of the change.
    pub interval: Option<(f64, f64)>,
    /// Number of pairs.
    pub pairs: u64,
    /// The two-sided p, corrected for all figures of the table.
    pub p_holm: f64,
    /// The verdict.
    pub verdict: String,
}

/// How a figure changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    /// After over before.
    Ratio(f64),
    /// After minus before: of a share, in percentage points.
    Difference(f64),
}

/// A row of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatedRow {
    /// Its name.
    pub figure: String,
    /// Its display name.
    pub meaning: String,
    /// Text before.
    pub before: String,
    /// Text after.
    pub after: String,
    /// Number of pairs, if it is based on pairs.
    pub pairs: Option<u64>,
    /// The change, if it can be stated.
    pub change: Option<String>,
    /// The verdict.
    pub verdict: String,
}

impl BeforeAfterRow {
    /// The rows of a case, if it has such a table.
    #[must_use]
    pub fn of(case: &Case) -> Option<Vec<Self>> {
        serde_json::from_value(case.conditions.get(KEY)?.clone()).ok()
    }

    /// Stores the rows in the conditions of a case.
    pub fn keep(rows: &[Self], case: &mut Case) {
        if let (Some(conditions), Ok(rows)) = (case.conditions.as_object_mut(), serde_json::to_value(rows)) {
            conditions.insert(KEY.into(), rows);
        }
    }

    /// Its name.
    #[must_use]
    pub fn figure(&self) -> &str {
        match self {
            Self::Measured(row) => &row.figure,
            Self::Stated(row) => &row.figure,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn before_after_rows_round_trip() {
        let measured = |change| {
            BeforeAfterRow::Measured(MeasuredRow {
                figure: "visible".into(),
                meaning: "visible reaction".into(),
                before: 1765.25,
                after: 650.125,
                unit: "ms".into(),
                change,
                interval: Some((0.264, 0.416)),
                pairs: 12,
                p_holm: 0.01,
                verdict: "improved".into(),
            })
        };
        let stated = BeforeAfterRow::Stated(StatedRow {
            figure: "n_threads".into(),
            meaning: "threads".into(),
            before: "6 / 6".into(),
            after: "1 / 2".into(),
            pairs: None,
            change: None,
            verdict: "a setting".into(),
        });
        let rows = [measured(RowChange::Ratio(0.3683)), measured(RowChange::Difference(-4.5)), stated];
        let mut case = run().cases.remove(0);
        assert_eq!(BeforeAfterRow::of(&case), None);
        BeforeAfterRow::keep(&rows, &mut case);
        assert_eq!(BeforeAfterRow::of(&case).as_deref(), Some(&rows[..]));
        let kept = &case.conditions["comparison"];
        assert_eq!((&kept[0]["ratio"], &kept[1]["difference"]), (&json!(0.3683), &json!(-4.5)));
        assert_eq!((&kept[0]["interval"], &kept[2]["pairs"]), (&json!([0.264, 0.416]), &json!(null)));
        assert!(kept[1].get("ratio").is_none());
    }

    #[test]
    fn other_comparisons_are_not_before_after_tables() {
        let mut case = run().cases.remove(0);
        case.conditions = json!({ "comparison": [{ "figure": "visible" }] });
        assert_eq!(BeforeAfterRow::of(&case), None);
    }
}
