//! Ways to send compared: every way once a round in random order, the same arrivals for each, differences by pairs.

mod batch_check;
mod case;
mod findings;
mod messages;
mod round;
mod study;

pub(super) use study::run;
