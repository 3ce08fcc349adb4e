//! `workly-perf render-load`.

use std::time::Duration;

use clap::Args;

use super::values::parse_duration;
use crate::measure::RenderSpec;

/// Compete for the CPU like a Unity scene: a fixed amount of work per frame, with absolute deadlines.
///
/// Started by commands that measure under load. It ends when standard input is closed; by hand, use --for or Ctrl-D.
/// Prints `calibrated ITERATIONS NS` and then `LATE NS` for each frame.
#[derive(Debug, Args)]
pub struct RenderLoadArgs {
    /// Frames per second.
    #[arg(long, default_value_t = RenderSpec::default().fps)]
    pub fps: f64,
    /// CPU time of the main thread per frame, on an otherwise idle core, such as 8ms.
    #[arg(long, default_value = "8ms", value_name = "DURATION", value_parser = RenderSpec::time_of)]
    pub main: Duration,
    /// CPU time of the render thread per frame; 0 for none.
    #[arg(long, default_value = "0", value_name = "DURATION", value_parser = RenderSpec::time_of)]
    pub worker: Duration,
    /// Stop after this time.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub length: Option<Duration>,
}
