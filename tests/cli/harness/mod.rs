//! What tests run with: the program in a folder of its own, signals, test doubles, Python, Mono, saved runs. No tests.

pub(crate) mod doubles;
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) mod mono;
pub(crate) mod python;
pub(crate) mod run;
pub(crate) mod saved_runs;
#[cfg(unix)]
pub(crate) mod signal;
#[cfg(feature = "llama")]
pub(crate) mod standin_child;
pub(crate) mod standin_nvml;
