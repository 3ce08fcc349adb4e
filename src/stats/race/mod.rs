//! A race between settings: interleaved rounds, from which a setting is dropped as soon as it cannot be the best.

mod judging;
mod late_frames;
#[cfg(test)]
mod replay;
mod runner;
mod scatter;

pub use judging::{EQUAL_WITHIN, NEAR_THE_FEWEST, Race, RaceState};
pub use late_frames::FrameCounts;
pub use runner::{DropReason, Dropped, RoundResult, Runner};
