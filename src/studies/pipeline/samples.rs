//! The measurements: the turns of each side, and related findings.

use super::contention::CellSamples;
use crate::measure::Turn;
use crate::plan::PipelineSide;
use crate::stats::FrameCounts;
use crate::studies::setup::AppliedSource;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct PipelineSamples {
    /// How it is known when an expression is applied whose reply is not awaited.
    pub(super) seen: Option<AppliedSource>,
    /// The turns.
    pub(super) turns: TurnsBySide,
    /// Cells of model, bridge and render-like load, alone and together.
    pub(super) cells: CellSamples,
    /// Whether the cells were omitted because the bridge failed during the turns and did not reply on a new connection.
    pub(super) is_contention_skipped: bool,
    /// Warnings found while measuring.
    pub(super) warnings: Vec<String>,
    /// Whether foreign messages arrived.
    pub(super) is_foreign: bool,
}

/// The turns of each side; those with the same index belong together.
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
    /// The samples of one side, once it has any.
    pub(super) fn of(&self, side: PipelineSide) -> Option<&TurnSamples> {
        match side {
            PipelineSide::Before => self.before.as_ref(),
            PipelineSide::After => self.after.as_ref(),
        }
    }

    /// The samples of one side, mutable.
    pub(super) fn of_mut(&mut self, side: PipelineSide) -> &mut TurnSamples {
        let samples = match side {
            PipelineSide::Before => &mut self.before,
            PipelineSide::After => &mut self.after,
        };
        samples.get_or_insert_default()
    }

    /// The samples of all sides that have any, in reading order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PipelineSide, &TurnSamples)> {
        [PipelineSide::Before, PipelineSide::After].into_iter().filter_map(|side| Some((side, self.of(side)?)))
    }

    /// The samples of both sides, if both have any.
    pub(super) fn both(&self) -> Option<BothSides<'_>> {
        Some(BothSides { before: self.before.as_ref()?, after: self.after.as_ref()? })
    }

    /// Every turn of every side, including first turns.
    pub(super) fn all(&self) -> impl Iterator<Item = &Turn> {
        self.iter().flat_map(|(_, samples)| samples.first.iter().chain(&samples.turns))
    }
}

/// Turns with one set of settings.
#[derive(Debug, Default)]
pub(super) struct TurnSamples {
    /// First turns of fresh contexts.
    pub(super) first: Vec<Turn>,
    /// Duration of the warm-up before each, in nanoseconds; empty if there was none.
    pub(super) warm_up_ns: Vec<u64>,
    /// Turns of the conversation.
    pub(super) turns: Vec<Turn>,
    /// Frames of the load during each turn of the conversation; empty without a load.
    pub(super) frames: Vec<FrameCounts>,
    /// Growth of anonymous memory in each turn of the conversation, in bytes; empty if the system does not report it.
    pub(super) grown_bytes: Vec<f64>,
}

/// A turn, and the frames of the load during it if there is a load.
#[derive(Debug)]
pub(super) struct MeasuredTurn {
    pub(super) turn: Turn,
    pub(super) frames: Option<FrameCounts>,
}
