//! The round of round trips: each case measured and kept, then what they say together.

mod cases;
mod findings;

pub(super) use cases::run;
pub(super) use findings::lateness_note;
