//! Comparison of ways to send: every way once per round in random order, with the same arrivals; differences are
//! paired.

mod batch_check;
mod cases;
mod findings;
mod held;
mod messages;
mod metrics;
mod round;
mod samples;
mod study;
