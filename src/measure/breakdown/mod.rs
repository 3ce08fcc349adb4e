//! Splits a round trip into parts: exact if the bridge sends timestamps, otherwise bounds.

mod clocks;
mod exchange;
mod figures;
mod parts;

pub use clocks::{Clocks, clocks};
pub use exchange::{Exchange, Stamps, measure_exchanges};
pub use figures::{BoundsFromOutside, bounds_from_outside, part_metrics};
pub use parts::{Part, parts};
