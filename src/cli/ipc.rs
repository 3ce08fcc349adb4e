//! `workly-perf ipc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::bridge_connection::BridgeConnectionArgs;
use super::format::{DEFAULT, run_formats};
use super::ipc_variants::VariantArgs;
use super::values::{parse_duration, parse_size, parse_speed};
use crate::measure::Load;
use crate::report::Format;

/// Measure the round trip to the Unity bridge.
///
/// A round trip ends when the reply has been parsed. "received" commands are answered by the bridge's socket thread, "applied"
/// commands by Unity's main thread within a frame. The difference between the two is the wait for the frame.
///
/// By default, the full set is measured: received and applied, closed loop and Poisson arrivals, and the message sizes. --load
/// and the studies, such as --find-max-rate, measure something else instead. Expressions are reset at the end. Blinking is set to
/// the value in the configuration. If the configuration has none, applied commands are sent with blinking off, the default of
/// Unity and of the application, and a warning is printed.
#[derive(Debug, Args)]
pub struct IpcArgs {
    /// Messages per case. Percentiles with too few samples are omitted: p90 needs 100, p99 1,000, p99.9 10,000.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: u32,
    /// The bridge.
    #[command(flatten)]
    pub bridge_connection: BridgeConnectionArgs,
    /// Measure only this load: `closed` (request-response), `poisson:RATE` or `fixed:RATE`, in messages per second. May be
    /// repeated.
    #[arg(long, value_name = "LOAD")]
    pub load: Vec<Load>,
    /// Message sizes on the wire, newline included, in bytes; k means thousand. Sizes below the smallest command are raised to
    /// it. Default for the full set: 10,100,1k,4095,4096,4097,10k.
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = parse_size)]
    pub sizes: Vec<usize>,
    /// Search for the highest message rate that the bridge sustains, received and applied, instead of timing round trips: steps
    /// of Poisson arrivals at rising rates, then bisection, then confirmation. Takes about a minute.
    #[arg(long, group = "study", conflicts_with_all = ["load", "sizes", "messages"])]
    pub find_max_rate: bool,
    /// With --find-max-rate: a rate counts as sustained only if the 99th percentile of its round trips is within this limit.
    #[arg(long, value_name = "DURATION", requires = "find_max_rate", value_parser = parse_duration)]
    pub p99_budget: Option<Duration>,
    /// With --find-max-rate: duration of a step. Steps with few messages take up to three times as long, confirmations twice.
    #[arg(long, default_value = "1s", value_name = "DURATION", requires = "find_max_rate", value_parser = parse_duration)]
    pub step: Duration,
    /// Break round trips down, received and applied: serialise, write, network, parse, wait for the frame, queue, apply, reply.
    /// Exact if the bridge reports timestamps (dialect instrumented); otherwise only bounds are given.
    #[arg(long, group = "study", conflicts_with_all = ["load", "sizes"])]
    pub breakdown: bool,
    /// Replay a session recorded by `workly-perf tap` with its original timing and measure the replies: a session.jsonl, or the
    /// folder of its record. If contents were not recorded, harmless messages of the same sizes are sent instead.
    #[arg(long, group = "study", value_name = "FILE", conflicts_with_all = ["load", "sizes", "messages"])]
    pub replay: Option<PathBuf>,
    /// With --replay: speed factor, 0.01 to 1000.
    #[arg(long, value_name = "TIMES", default_value = "1", requires = "replay", value_parser = parse_speed)]
    pub speed: f64,
    /// With --replay: also send commands that load or unload models.
    #[arg(long, requires = "replay")]
    pub replay_destructive: bool,
    /// Warm-up messages sent before each case, closed loop, and excluded from all results.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warmup: u32,
    /// Seed for the schedules and the order of cases. Default: random; saved in the record.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-ipc`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
    /// Comparisons of ways to send, instead of the full set.
    #[command(flatten)]
    pub variants: VariantArgs,
}
