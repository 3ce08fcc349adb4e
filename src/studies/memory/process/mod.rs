//! Another process, sampled while it is used.

mod cases;
mod findings;
mod line_counter;
mod sampling;
mod study;
mod target;

pub(crate) use study::ProcessMemoryStudy;
pub(crate) use target::find_process;
