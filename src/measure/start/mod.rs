//! Time to the first reply, by what was ready when the message arrived.

mod conventions;
mod question;
#[cfg(feature = "llama")]
mod run;

pub use conventions::ReplyConventions;
pub use question::{Readiness, ReplyTimes, StartOutcome, StartPhase, StartRequest, StartResponse};
#[cfg(feature = "llama")]
pub use run::measure_start;
