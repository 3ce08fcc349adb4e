//! Splits a round trip into parts: exact if the bridge sends timestamps, otherwise bounds.

mod clocks;
mod exchange;
mod figures;
mod stages;

pub use clocks::{Clocks, clocks};
pub use exchange::{BridgeTimestamps, Exchange, measure_exchanges};
pub use figures::{ClientSideBounds, client_side_bounds, part_metrics};
pub use stages::{RoundTripStage, stages_of};
