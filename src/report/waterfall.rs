//! Turns as waterfalls: where the time goes from the sentence to the face, a row each.

use serde_json::Value;

use super::figure;
use super::others::Grid;
use super::outline::Column;
use crate::plural::{noun_for, verb_for};
use crate::record::{Case, Run};

/// The stages in order, as the record names them, with a letter for the bar.
const STAGES: [(&str, char); 6] = [
    ("prompt_build", 'b'),
    ("first_token", 'P'),
    ("reply", 'R'),
    ("emotion", 'e'),
    ("received", 'r'),
    ("applied", 'A'),
];

/// How soon the column of a stage goes where there is no room: the shortest stages first.
const EXPENDABLE: [usize; 6] = [6, 2, 2, 7, 5, 3];

/// Characters of the longest bar.
const BAR: f64 = 30.0;

/// The most turns of a case that are shown, and of those that all are first turns; the record has all of them.
const SHOWN: (usize, usize) = (12, 3);

/// A grid for each case that holds waterfalls.
pub(super) fn grids(run: &Run) -> Vec<Grid> {
    run.cases.iter().filter_map(grid).collect()
}

fn grid(case: &Case) -> Option<Grid> {
    let turns = case.conditions.get("waterfalls")?.as_array().filter(|turns| !turns.is_empty())?;
    let longest_ms = turns.iter().filter_map(whole_ms).fold(0.0, f64::max);
    let column = |heading: &str, numeric, expendable| Column { heading: heading.into(), numeric, expendable };
    let mut columns = vec![column("turn", true, 0)];
    columns.extend(STAGES.iter().zip(EXPENDABLE).map(|((name, _), expendable)| column(name, true, expendable)));
    columns.push(column("visible", true, 0));
    columns.push(column("ttlt", true, 1));
    columns.push(column("where the time goes", false, 0));
    let mut remarks = vec![
        "Each letter is an equal part of the longest turn: b building the prompt, P processing it, R the reply until the reaction, e \
         choosing the emotion, r the command to the bridge, A the wait for the frame."
            .to_owned(),
    ];
    let shown = if case.path.ends_with("first-turn") { SHOWN.1 } else { SHOWN.0 };
    if turns.len() > shown {
        remarks.push({
            let more = turns.len() - shown;
            format!("{more} more {} {} in run.json.", noun_for(&more, "turn"), verb_for(&more, "is", "are"))
        });
    }
    let rows = turns.iter().take(shown).enumerate().map(|(at, turn)| row(at, turn, longest_ms)).collect();
    Some(Grid { title: format!("{}, turn by turn", case.path), columns, rows, remarks })
}

fn row(at: usize, turn: &Value, longest_ms: f64) -> Vec<String> {
    let time = |ms: Option<f64>| ms.map_or_else(|| figure::NOTHING.to_owned(), |ms| figure::value(ms, "ms"));
    let mut cells = vec![(at + 1).to_string()];
    cells.extend(STAGES.iter().map(|(name, _)| time(stage_ms(turn, name))));
    cells.push(time(turn["visible_ms"].as_f64()));
    cells.push(time(turn["ttlt_ms"].as_f64()));
    cells.push(bar(turn, longest_ms));
    cells
}

/// A letter for each equal part of the time; the parts end where the sum of the stages so far ends, so that none drifts.
fn bar(turn: &Value, longest_ms: f64) -> String {
    let mut bar = String::new();
    let mut until_ms = 0.0;
    for (name, letter) in STAGES {
        until_ms += stage_ms(turn, name).unwrap_or(0.0);
        while longest_ms > 0.0 && ((bar.len() as f64) + 0.5) / BAR * longest_ms < until_ms {
            bar.push(letter);
        }
    }
    bar
}

fn stage_ms(turn: &Value, name: &str) -> Option<f64> {
    turn["stages_ms"][name].as_f64()
}

fn whole_ms(turn: &Value) -> Option<f64> {
    let stages: Vec<f64> = STAGES.iter().filter_map(|(name, _)| stage_ms(turn, name)).collect();
    (!stages.is_empty()).then(|| stages.iter().sum())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn a_bar_has_each_stage_in_its_share() {
        let turn = |applied: Value| {
            json!({"stages_ms": {"prompt_build": 0.1, "first_token": 99.9, "reply": 200.0, "emotion": 0.0, "received": 20.0,
                   "applied": applied}, "visible_ms": 400.0, "ttlt_ms": 300.0})
        };
        let mut sample = run();
        sample.cases[0].conditions = json!({"waterfalls": [turn(json!(80.0)), turn(Value::Null)]});
        let grids = grids(&sample);
        assert_eq!(grids.len(), 1);
        assert_eq!(
            grids[0].rows[0].last().unwrap(),
            &format!("{}{}rr{}", "P".repeat(7), "R".repeat(15), "A".repeat(6))
        );
        assert_eq!(grids[0].rows[1].last().unwrap().len(), 24, "what was not reached has no part");
        assert_eq!(grids[0].rows[1][6], figure::NOTHING);
    }
}
