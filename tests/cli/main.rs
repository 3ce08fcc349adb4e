//! The single integration test binary: the program from the user's view, the public library, and the architecture.

// An unexpected value should stop a test; counts in records are floats with integer values.
#![allow(clippy::unwrap_used, clippy::float_cmp)]
// Tests that need signals or Linux are excluded elsewhere, which leaves their helpers unused.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod apply;
mod apply_effect;
mod architecture;
mod breakdown;
mod bridge_conformance;
mod compare;
mod compare_files;
mod compare_python;
mod compare_simulated;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod cpu_limits;
mod dialects;
mod doctor;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(feature = "llama")]
mod engine;
mod faults;
mod fetch;
#[cfg(target_os = "linux")]
mod foreign_names;
mod generated;
mod golden;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod gpu_children;
mod gpu_facts;
#[cfg(feature = "llama")]
mod gpu_profiles;
mod harness;
mod hlog_python;
#[cfg(feature = "llama")]
mod integration;
mod ipc;
mod launch;
mod launch_runs;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod lost_files;
mod max_rate;
#[cfg(feature = "llama")]
mod memory;
mod memory_watch;
mod model;
#[cfg(feature = "llama")]
mod model_files;
#[cfg(feature = "llama")]
mod model_guard;
mod msgpack_python;
mod noise;
mod pictures;
mod pipeline;
mod pipeline_settings;
mod plurals;
#[cfg(feature = "llama")]
mod projection;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod projection_ends;
mod quickstart_windows;
#[cfg(feature = "llama")]
mod real_model;
mod recommend;
#[cfg(feature = "llama")]
mod recommendations;
mod reference_distributions;
mod render_load;
mod replay;
mod round_trips;
#[cfg(unix)]
mod signals;
#[cfg(feature = "llama")]
mod small_models;
mod strays;
mod tap;
#[cfg(feature = "llama")]
mod threads;
mod unity_studies;
mod usage;
mod variants;
#[cfg(feature = "vulkan")]
mod vulkan;
#[cfg(feature = "llama")]
mod warmup;
mod watch;
mod watch_card;

#[cfg(unix)]
use harness::signal;
use harness::{doubles, mono, python, run, saved_runs, standin_nvml};
