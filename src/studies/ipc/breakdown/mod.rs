//! Round trips taken apart, received and applied: exact with the bridge's timestamps, bounds without.

mod cases;
mod findings;
mod study;
