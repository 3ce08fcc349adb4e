//! Machine noise during a measurement: kernel counters, read at the start and at the end, and not in between.

mod cpu_time;
mod limits;
mod monitor;
mod process_list;

pub use monitor::NoiseMonitor;
