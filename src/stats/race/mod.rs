//! A race between settings: interleaved rounds, from which a setting is dropped as soon as it cannot be the best.

mod admission;
mod judging;
mod late_frames;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod replay;
mod runner;
mod scatter;

pub use admission::NEAR_THE_FEWEST;
pub use judging::{EQUAL_WITHIN, Race, RaceState};
pub use late_frames::FrameCounts;
pub use runner::{DropReason, Dropped, RoundResult, Runner};
