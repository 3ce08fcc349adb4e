//! The single integration test binary: the program from the user's view, the public library, and the architecture.

// An unexpected value should stop a test; counts in records are floats with integer values.
#![allow(clippy::unwrap_used, clippy::float_cmp)]
// Tests that need signals or Linux are excluded elsewhere, which leaves their helpers unused.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod bridge;
mod decide;
mod gate;
mod gpu;
mod harness;
mod house;
mod ipc;
mod launch;
mod llm;
mod record;
mod regressions;
mod studies;
mod watch;
