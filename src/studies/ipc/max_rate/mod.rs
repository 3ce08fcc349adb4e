//! The maximum rate that the bridge sustains, *received* and *applied*, found step by step.

mod cases;
mod findings;
mod study;
