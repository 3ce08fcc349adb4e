//! What was measured: the turns of each side, and what was found beside them.

use super::contention::Cells;
use crate::measure::{FrameCounts, Turn};
use crate::plan::Side;
use crate::studies::setup::Seen;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct PipelineSamples {
    /// What tells when an expression is applied whose reply is not waited for.
    pub(super) seen: Option<Seen>,
    /// The turns.
    pub(super) turns: TurnsBySide,
    /// Model, bridge and render load, alone and together.
    pub(super) cells: Cells,
    /// Whether these were left out, since the bridge failed in the turns and did not answer on a new connection.
    pub(super) is_contention_skipped: bool,
    /// What the reader must know that was found while measuring.
    pub(super) warnings: Vec<String>,
    /// Whether messages came that the dialect does not define.
    pub(super) is_foreign: bool,
}

/// The turns of each side. Those of the same place belong together.
#[derive(Debug, Default)]
pub(super) struct TurnsBySide {
    before: Option<TurnSamples>,
    after: Option<TurnSamples>,
}

/// The turns of both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct BothSides<'a> {
    pub(super) before: &'a TurnSamples,
    pub(super) after: &'a TurnSamples,
}

impl TurnsBySide {
    /// Those of one side, once it has any.
    pub(super) fn of(&self, side: Side) -> Option<&TurnSamples> {
        match side {
            Side::Before => self.before.as_ref(),
            Side::After => self.after.as_ref(),
        }
    }

    /// Those of one side, to add to.
    pub(super) fn of_mut(&mut self, side: Side) -> &mut TurnSamples {
        let samples = match side {
            Side::Before => &mut self.before,
            Side::After => &mut self.after,
        };
        samples.get_or_insert_default()
    }

    /// Those of the sides that have any, in reading order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Side, &TurnSamples)> {
        [Side::Before, Side::After].into_iter().filter_map(|side| Some((side, self.of(side)?)))
    }

    /// Those of both sides, where both have some.
    pub(super) fn both(&self) -> Option<BothSides<'_>> {
        Some(BothSides { before: self.before.as_ref()?, after: self.after.as_ref()? })
    }

    /// Every turn of every side, first turns included.
    pub(super) fn all(&self) -> impl Iterator<Item = &Turn> {
        self.iter().flat_map(|(_, samples)| samples.first.iter().chain(&samples.turns))
    }
}

/// Turns with one set of settings.
#[derive(Debug, Default)]
pub(super) struct TurnSamples {
    /// First turns of a fresh context.
    pub(super) first: Vec<Turn>,
    /// How long warming up before them took, in nanoseconds; empty where it was not done.
    pub(super) warm_up_ns: Vec<u64>,
    /// Turns of the conversation.
    pub(super) turns: Vec<Turn>,
    /// Frames of the load beside each turn of the conversation; empty without a load.
    pub(super) frames: Vec<FrameCounts>,
    /// Growth of anonymous memory in each turn of the conversation, in bytes; empty where the system does not tell.
    pub(super) grown_bytes: Vec<f64>,
}

/// A turn, and the frames of the load beside it where there is a load.
#[derive(Debug)]
pub(super) struct MeasuredTurn {
    pub(super) turn: Turn,
    pub(super) frames: Option<FrameCounts>,
}
