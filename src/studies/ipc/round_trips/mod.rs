//! The round-trip study: the cases are measured one by one, then compared.

mod cases;
mod findings;
mod study;

pub(super) use findings::lateness_note;
