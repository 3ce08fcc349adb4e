//! Ways to send compared: every way once a round in random order, the same arrivals for each, differences by pairs.

mod batch_check;
mod cases;
mod findings;
mod held;
mod messages;
mod metrics;
mod round;
mod samples;
mod study;
