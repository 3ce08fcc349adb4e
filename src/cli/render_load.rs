//! `workly-perf render-load`.

use std::time::Duration;

use clap::Args;

use super::values::parse_duration;
use crate::measure::RenderSpec;

/// Competes for the CPU as a Unity scene does: a fixed amount of work each frame, on absolute deadlines.
///
/// Started by commands that measure under load. Ends when standard input is closed, so run it by hand with --for or Ctrl-D.
/// Writes `calibrated ITERATIONS NS` and then, each frame, `LATE NS` to standard output.
#[derive(Debug, Args)]
pub struct RenderLoadArgs {
    /// Frames a second.
    #[arg(long, default_value_t = RenderSpec::default().fps)]
    pub fps: f64,
    /// Work of the main thread each frame, in the time of an undisturbed core: 8ms.
    #[arg(long, default_value = "8ms", value_name = "DURATION", value_parser = RenderSpec::time_of)]
    pub main: Duration,
    /// Work of the render thread each frame; 0 for none.
    #[arg(long, default_value = "0", value_name = "DURATION", value_parser = RenderSpec::time_of)]
    pub worker: Duration,
    /// End after this long.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub length: Option<Duration>,
}
