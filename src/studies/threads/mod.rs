//! One load, then all thread counts in interleaved rounds, idle and beside a render-like load.

mod cases;
mod findings;
mod study;
mod sweep;

pub(crate) use study::ThreadsStudy;
