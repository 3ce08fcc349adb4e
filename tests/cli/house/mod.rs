//! The code, the command line and the scripts themselves.

mod architecture;
mod generated;
mod plurals;
mod quickstart_windows;
mod usage;
