//! The cold first reply against the warm one, what a token costs, and what a kept prefix saves.

mod findings;
mod lengths;
#[cfg(test)]
mod planted;
mod prefix;
mod start_cases;
mod starts;
mod study;
mod worker;

pub(crate) use study::WarmupStudy;
pub(crate) use worker::answer_start;
