//! workly-perf measures, explains and guards the speed of Workly, a desktop companion.
//!
//! Data flows one way: `cli → plan → (host, bridge) → measure → stats → record → report`. `docs/ARCHITECTURE.md` shows
//! the modules, and a test enforces it.

pub mod advise;
pub mod bridge;
pub mod cli;
pub mod clock;
mod commands;
pub mod compare;
pub mod config;
pub mod exit;
mod failure;
pub mod host;
pub mod launch;
pub mod llm;
pub mod measure;
pub mod plan;
pub mod plural;
pub mod record;
pub mod replacing;
pub mod report;
pub mod stats;
mod studies;
pub mod term;
pub mod text;

pub use commands::run;
