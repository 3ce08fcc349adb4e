//! One setting of a race: its measurements so far, and whether it was dropped.

use super::super::by_round::ByRound;
use super::EQUAL_WITHIN;
use super::late_frames::FrameCounts;

/// The result of one setting in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundResult {
    /// The number of the round.
    pub round: usize,
    /// Its speed; larger is better.
    pub speed: f64,
    /// Frames of the scene meanwhile.
    pub frames: FrameCounts,
}

/// Why a setting was dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DropReason {
    /// More frames are late than the limit allows, whatever future rounds bring. The smallest share that is consistent with the
    /// frames.
    LateFrames {
        /// A share from 0 to 1.
        at_least: f64,
    },
    /// Not faster than the leader by more than [`EQUAL_WITHIN`](super::EQUAL_WITHIN): further rounds could not make it the better
    /// choice.
    NotFaster {
        /// The largest share of the leader's speed that is consistent with the rounds.
        at_most: f64,
    },
}

/// A setting was dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Rounds that it took part in.
    pub after_rounds: usize,
}

impl Dropped {
    /// Whether it makes too many of the scene's frames late.
    #[must_use]
    pub fn is_for_late_frames(&self) -> bool {
        matches!(self.reason, DropReason::LateFrames { .. })
    }

    /// Whether it may be as fast as the leader: nothing was gained by measuring it further, and it is no worse a choice.
    #[must_use]
    pub fn may_be_equal(&self) -> bool {
        matches!(self.reason, DropReason::NotFaster { at_most } if at_most >= 1.0 - EQUAL_WITHIN)
    }
}

/// The state of one setting. It takes part in all rounds while it is not dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runner {
    /// Round by round.
    pub speeds: ByRound,
    /// Frames of the scene so far.
    pub frames: FrameCounts,
    /// Whether and why it was dropped.
    pub dropped: Option<Dropped>,
}

impl Runner {
    /// The median speed; `None` before the first round.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.speeds.median()
    }

    /// Whether it was dropped because of its late frames.
    pub(super) fn is_late(&self) -> bool {
        self.dropped.is_some_and(|dropped| dropped.is_for_late_frames())
    }

    pub(super) fn add(&mut self, result: RoundResult) {
        self.speeds.push(result.round, result.speed);
        self.frames += result.frames;
    }

    pub(super) fn drop_for(&mut self, reason: DropReason) {
        self.dropped = Some(Dropped { reason, after_rounds: self.speeds.len() });
    }

    /// The log ratios of its speeds to another's, of the rounds that both took part in.
    pub(super) fn logs(&self, other: &Self) -> Vec<f64> {
        let pairs = self.speeds.pairs(&other.speeds).filter(|(own, its)| *own > 0.0 && *its > 0.0);
        pairs.map(|(own, its)| (own / its).ln()).collect()
    }
}
