//! A tap on the line between the application and Unity: passes every byte on as it came, and notes each message beside it.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod passage;
mod pump;
mod sighting;
mod splitter;

pub use passage::Passage;
pub use pump::{Carried, Passed, Side};
pub use sighting::{MessageId, Sighting};
