//! The code, the command line and the scripts themselves.

mod architecture;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod archive;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod doc_examples;
mod generated;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod packing;
mod plurals;
mod quickstart_windows;
mod readme_commands;
mod usage;
