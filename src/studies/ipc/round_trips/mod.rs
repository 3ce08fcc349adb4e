//! The round of round trips: each case measured and kept, then what they say together.

mod cases;
mod findings;
mod study;

pub(super) use findings::lateness_note;
