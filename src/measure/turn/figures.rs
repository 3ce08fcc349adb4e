//! Metrics of turns: each stage, and the times that a user notices.

use super::super::token_figures::average;
use super::stages::Turn;
use crate::clock::ms;
use crate::record::{Direction, Metric, MetricStatus, TurnStage};

/// A metric of a turn and how it is computed.
#[derive(Debug, Clone, Copy)]
pub struct TurnFigure {
    /// Name in records.
    pub name: &'static str,
    /// Description for readers.
    pub meaning: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Which direction is better.
    pub direction: Direction,
    of: fn(&Turn) -> Option<f64>,
}

impl TurnFigure {
    /// The value for one turn; `None` if the turn does not have it.
    #[must_use]
    pub fn of(&self, turn: &Turn) -> Option<f64> {
        (self.of)(turn)
    }
}

const fn time(name: &'static str, meaning: &'static str, of: fn(&Turn) -> Option<f64>) -> TurnFigure {
    TurnFigure { name, meaning, unit: "ms", direction: Direction::Lower, of }
}

/// The metrics that a user notices.
pub const FELT: [TurnFigure; 8] = [
    time("ttft", "first token", |turn| turn.ttft_ns().map(ms)),
    time("visible", "visible reaction", |turn| turn.visible_ns().map(ms)),
    time("told", "the bridge receives the expression", |turn| turn.notified_ns().map(ms)),
    time("visible_latest", "visible reaction at the latest", |turn| turn.visible_latest_ns().map(ms)),
    time("ttlt", "last token", |turn| turn.ttlt_ns().map(ms)),
    time("reaction", "the reaction itself", |turn| turn.reaction_ns().map(ms)),
    TurnFigure {
        name: "tokens_per_s",
        meaning: "tokens per second",
        unit: "tokens/s",
        direction: Direction::Higher,
        of: Turn::tokens_per_s,
    },
    TurnFigure {
        name: "commands_per_s",
        meaning: "commands per second in a reaction",
        unit: "1/s",
        direction: Direction::Higher,
        of: Turn::commands_per_s,
    },
];

/// The stages, which add up to the visible reaction.
pub const STAGES: [TurnFigure; 6] = [
    time(TurnStage::PromptBuild.word(), "building the prompt", |turn| turn.stage_ns(TurnStage::PromptBuild).map(ms)),
    time(TurnStage::FirstToken.word(), "processing the prompt", |turn| turn.stage_ns(TurnStage::FirstToken).map(ms)),
    time(TurnStage::Reply.word(), "replying until the reaction", |turn| turn.stage_ns(TurnStage::Reply).map(ms)),
    time(TurnStage::Emotion.word(), "choosing the emotion", |turn| turn.stage_ns(TurnStage::Emotion).map(ms)),
    time(TurnStage::Received.word(), "the command to the bridge", |turn| turn.stage_ns(TurnStage::Received).map(ms)),
    time(TurnStage::Applied.word(), "the wait for the frame", |turn| turn.stage_ns(TurnStage::Applied).map(ms)),
];

/// Mean of each metric over the turns, with its interval: first what users notice, then the stages, whose means add up
/// as they do. If no turn can have a metric, because the bridge does not report when commands are applied or the
/// reaction is a single command, it is unsupported. The latest time of the visible reaction is given only if the time
/// itself is unknown.
#[must_use]
pub fn turn_metrics(turns: &[Turn]) -> Vec<Metric> {
    let is_seen = turns.iter().any(|turn| turn.visible_ns().is_some());
    let is_told = turns.iter().any(|turn| turn.notified_ns().is_some());
    let figures = FELT.iter().chain(&STAGES).filter(|figure| !(is_seen && figure.name == "visible_latest"));
    figures
        .map(|figure| {
            let values: Vec<f64> = turns.iter().filter_map(|turn| figure.of(turn)).collect();
            if values.is_empty() && is_told {
                let n = turns.len() as u64;
                return Metric::absent(figure.name, figure.unit, n, figure.direction, MetricStatus::Unsupported);
            }
            average(figure.name, figure.unit, &values, figure.direction)
        })
        .collect()
}
