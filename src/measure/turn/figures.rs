//! What turns come to: each stage, and the times that a person feels.

use super::super::token_figures::average;
use super::stages::Turn;
use crate::clock::ms;
use crate::record::{Direction, Metric, MetricStatus, TurnStage};

/// A figure of a turn, and how it is read off one.
#[derive(Debug, Clone, Copy)]
pub struct TurnFigure {
    /// Its name in records.
    pub name: &'static str,
    /// What it is, for people.
    pub meaning: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    of: fn(&Turn) -> Option<f64>,
}

impl TurnFigure {
    /// The figure of one turn; `None` where the turn does not show it.
    #[must_use]
    pub fn of(&self, turn: &Turn) -> Option<f64> {
        (self.of)(turn)
    }
}

const fn time(name: &'static str, meaning: &'static str, of: fn(&Turn) -> Option<f64>) -> TurnFigure {
    TurnFigure { name, meaning, unit: "ms", direction: Direction::Lower, of }
}

/// What a person feels of a turn.
pub const FELT: [TurnFigure; 8] = [
    time("ttft", "first token", |turn| turn.ttft_ns().map(ms)),
    time("visible", "visible reaction", |turn| turn.visible_ns().map(ms)),
    time("told", "the bridge receives the expression", |turn| turn.told_ns().map(ms)),
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

/// The mean of each figure over the turns, with its interval: what is felt, then the stages, whose means add up as they do. Where no
/// turn can show a figure, since the bridge does not tell when commands are applied or the reaction is a single command, the figure is
/// unsupported. The latest moment of the visible reaction is only given where the moment itself is not known.
#[must_use]
pub fn turn_metrics(turns: &[Turn]) -> Vec<Metric> {
    let is_seen = turns.iter().any(|turn| turn.visible_ns().is_some());
    let is_told = turns.iter().any(|turn| turn.told_ns().is_some());
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
