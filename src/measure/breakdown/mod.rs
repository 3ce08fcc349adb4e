//! Where the time of a round trip goes, part by part: exact where the bridge stamps its stations, bounds where it does not.

mod clocks;
mod exchange;
mod figures;
mod parts;

pub use clocks::{Clocks, clocks};
pub use exchange::{Exchange, Stamps, measure_exchanges};
pub use figures::{BoundsFromOutside, bounds_from_outside, part_metrics};
pub use parts::{Part, parts};
