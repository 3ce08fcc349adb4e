//! The machine's own noise while something is measured: counters of the kernel, read at the start and at the end, and nothing between.

mod cpu_time;
mod limits;
mod monitor;
mod process_list;

pub use monitor::NoiseMonitor;
