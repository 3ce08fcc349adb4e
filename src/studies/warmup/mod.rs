//! The cold first reply compared with the warm one, the cost per token, and the saving from prefix reuse.

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
