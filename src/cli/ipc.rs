//! `workly-perf ipc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ipc_variants::VariantArgs;
use super::reach::ReachArgs;
use super::root::Format;
use super::values::{parse_duration, parse_size, parse_speed};
use crate::measure::Load;

/// Measures the round trip to the Unity bridge.
///
/// A round trip ends when the reply is parsed. "received" is a command that the bridge's socket thread answers, "applied"
/// one that Unity's main thread answers inside a frame: their difference is the wait for the frame.
///
/// Without --load and without a study of its own, such as --find-max-rate, it does the whole round: received and applied, closed loop and Poisson, and the message sizes. The
/// expressions are reset at the end. Blinking is set to what the configuration says; where it says nothing, applied commands
/// are sent with blinking off, the default of Unity and of the application, and a warning says so.
#[derive(Debug, Args)]
pub struct IpcArgs {
    /// Messages a case. Percentiles are given from the n they need: p90 from 100, p99 from 1,000, p99.9 from 10,000.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: u32,
    /// The bridge.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Only this load: `closed` (ping-pong), `poisson:RATE` or `fixed:RATE`, in messages a second. May be repeated.
    #[arg(long, value_name = "LOAD")]
    pub load: Vec<Load>,
    /// Message sizes on the wire, newline included: bytes, k for thousands. Those below the smallest command are measured
    /// at its size. Default of the whole round: 10,100,1k,4095,4096,4097,10k.
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = parse_size)]
    pub sizes: Vec<usize>,
    /// Search for the highest rate of messages that the bridge sustains, received and applied, rather than time round trips:
    /// steps of Poisson arrivals at rising rates, a bisection, a confirmation. About a minute.
    #[arg(long, group = "study", conflicts_with_all = ["load", "sizes", "messages"])]
    pub find_max_rate: bool,
    /// With --find-max-rate: a rate only counts as sustained while the 99th percentile of its round trips stays within this.
    #[arg(long, value_name = "DURATION", requires = "find_max_rate", value_parser = parse_duration)]
    pub p99_budget: Option<Duration>,
    /// With --find-max-rate: length of a step. Steps of few messages take up to three times as long, confirmations twice.
    #[arg(long, default_value = "1s", value_name = "DURATION", requires = "find_max_rate", value_parser = parse_duration)]
    pub step: Duration,
    /// Take round trips apart, received and applied: serialise, write, network, parse, wait for the frame, queue, apply, reply.
    /// Exact where the bridge stamps its stations (dialect instrumented), bounds from outside elsewhere.
    #[arg(long, group = "study", conflicts_with_all = ["load", "sizes"])]
    pub breakdown: bool,
    /// Play a session again that `workly-perf tap` recorded, at its own pace, and time the replies: a session.jsonl, or the folder
    /// of its record. Where it holds no contents, harmless messages of the same sizes are sent at the same moments.
    #[arg(long, group = "study", value_name = "FILE", conflicts_with_all = ["load", "sizes", "messages"])]
    pub replay: Option<PathBuf>,
    /// With --replay: how much faster than it was, 0.01 to 1000.
    #[arg(long, value_name = "TIMES", default_value = "1", requires = "replay", value_parser = parse_speed)]
    pub speed: f64,
    /// With --replay: also send what loads and unloads models.
    #[arg(long, requires = "replay")]
    pub replay_destructive: bool,
    /// Messages sent before each case, closed loop, that are no part of any figure.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warmup: u32,
    /// Seed of the schedules and of the order of the cases. Default: another one each run; the record keeps it.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-ipc`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Ways to send compared, in place of the round.
    #[command(flatten)]
    pub variants: VariantArgs,
}
