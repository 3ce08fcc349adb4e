//! Breakdown of round trips, *received* and *applied*: exact with the bridge's timestamps, otherwise bounds.

mod cases;
mod findings;
mod study;
