//! Turns as waterfalls: where the time goes, from the user's message to the expression, one row each.

use super::figure;
use super::metric_tables::MetricTable;
use super::outline::TableColumn;
use crate::plural::{noun_for, verb_for};
use crate::record::{Case, Run, TurnStage, Waterfall};

/// How a stage is drawn.
struct StageStyle {
    /// Its letter in the bar.
    letter: char,
    /// When its column is dropped if space is short: the shortest stages first.
    expendable: usize,
}

fn drawn(stage: TurnStage) -> StageStyle {
    let (letter, expendable) = match stage {
        TurnStage::PromptBuild => ('b', 6),
        TurnStage::FirstToken => ('P', 2),
        TurnStage::Reply => ('R', 2),
        TurnStage::Emotion => ('e', 7),
        TurnStage::Received => ('r', 5),
        TurnStage::Applied => ('A', 3),
    };
    StageStyle { letter, expendable }
}

/// Length of the longest bar, in characters.
const BAR: f64 = 30.0;

/// The most turns shown of a case, and of one with only first turns; the record has all of them.
const SHOWN: (usize, usize) = (12, 3);

/// A grid for each case with waterfalls.
pub(super) fn grids(run: &Run) -> Vec<MetricTable> {
    run.cases.iter().filter_map(grid).collect()
}

fn grid(case: &Case) -> Option<MetricTable> {
    let turns = Waterfall::of(case)?;
    let longest_ms = turns.iter().filter_map(Waterfall::whole_ms).fold(0.0, f64::max);
    let column = |heading: &str, numeric, expendable| TableColumn { heading: heading.into(), numeric, expendable };
    let mut columns = vec![column("turn", true, 0)];
    columns.extend(TurnStage::ALL.map(|stage| column(stage.word(), true, drawn(stage).expendable)));
    columns.push(column("visible", true, 0));
    columns.push(column("ttlt", true, 1));
    columns.push(column("where the time goes", false, 0));
    let mut remarks = vec![
        "Each letter is an equal share of the longest turn: b building the prompt, P processing it, R generating the \
         reply until the reaction, e choosing the emotion, r sending the command to the bridge, A waiting for the frame."
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
    Some(MetricTable { title: format!("{}, turn by turn", case.path), columns, rows, remarks })
}

fn row(at: usize, turn: &Waterfall, longest_ms: f64) -> Vec<String> {
    let time = |ms: Option<f64>| ms.map_or_else(|| figure::NOTHING.to_owned(), |ms| figure::value(ms, "ms"));
    let mut cells = vec![(at + 1).to_string()];
    cells.extend(TurnStage::ALL.map(|stage| time(turn.stage_ms(stage))));
    cells.push(time(turn.visible_ms));
    cells.push(time(turn.ttlt_ms));
    cells.push(bar(turn, longest_ms));
    cells
}

/// One letter per equal share of the time; each stage ends where the running total ends, so that rounding errors do not
/// add up.
fn bar(turn: &Waterfall, longest_ms: f64) -> String {
    let mut bar = String::new();
    let mut until_ms = 0.0;
    for stage in TurnStage::ALL {
        until_ms += turn.stage_ms(stage).unwrap_or(0.0);
        while longest_ms > 0.0 && ((bar.len() as f64) + 0.5) / BAR * longest_ms < until_ms {
            bar.push(drawn(stage).letter);
        }
    }
    bar
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::sample::run;

    #[test]
    fn bar_has_each_stage_by_its_share() {
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
        assert_eq!(grids[0].rows[1].last().unwrap().len(), 24, "stages not reached have no part");
        assert_eq!(grids[0].rows[1][6], figure::NOTHING);
    }
}
