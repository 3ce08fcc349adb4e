//! The one integration binary: the program as a user runs it, the public library, and the house itself.

// A test that meets a surprise should stop there; counts in records are floats that hold whole numbers.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

mod architecture;
mod bridge_conformance;
mod faults;
mod generated;
mod golden;
mod hlog_python;
mod ipc;
mod model;
mod python;
mod run;
mod usage;
