//! Facts about this machine and this binary, read-only.
//!
//! Whatever cannot be read has a reason, never a guess. Nothing that identifies the user, the machine or their folders
//! is read, so records can be shared.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod affinity;
mod build;
mod cgroup;
mod console;
mod core_kinds;
mod cpu;
mod cpu_list;
mod fingerprint;
pub mod gpu;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod lost_memory;
mod machine;
mod memory_lock;
mod noise;
#[cfg(not(windows))]
mod not_windows;
mod openmp;
mod ports;
mod power;
mod priority;
mod process_memory;
mod process_status;
mod processes;
mod quota;
mod reading;
mod topology;
mod usage;
mod virtualised;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use not_windows as win32;
#[cfg(windows)]
use windows as win32;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use affinity::restore_affinity;
pub use build::build;
pub use console::{ConsoleFacts, console};
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub use lost_memory::on_lost_memory;
pub use machine::{available_memory_bytes, current_load_average, machine};
pub use memory_lock::memory_lock_limit;
pub use noise::NoiseMonitor;
pub use openmp::openmp_pinning;
pub use ports::{ListeningProcess, listening_on};
pub use power::on_battery;
pub use priority::{autogroup, has_priorities, run_at};
pub use process_memory::{ProcessEnded, ProcessMemory, anonymous_bytes};
pub use processes::{
    FoundProcess, NamedProcess, ProcessChoiceError, ProcessKind, ProcessLoad, ProcessQuery, ProcessReading,
    ProcessTable, process_numbered, processes_named, variable_of,
};
pub use topology::topology;
pub use usage::cpu_time_ns;
