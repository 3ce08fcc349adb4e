//! The plan of `ipc`: the bridge, settings shared by all studies, and the study of the run.

mod breakdown;
mod max_rate;
mod plan;
mod replay;
mod round_trips;
mod study;
mod variants;

pub use breakdown::BreakdownPlan;
pub use max_rate::MaxRatePlan;
pub use plan::IpcPlan;
pub use replay::ReplayPlan;
pub use round_trips::{IpcCase, RoundTripsPlan};
pub use study::IpcStudy;
pub use variants::{MessageShape, SendStrategy, VariantsPlan};
