//! The highest rate that the bridge sustains, received and applied, found step by step.

mod cases;
mod findings;
mod study;
