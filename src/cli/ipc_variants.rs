//! The studies of `workly-perf ipc` that compare ways to send the same commands.

use std::time::Duration;

use clap::Args;

use super::values::parse_duration;
use crate::bridge::Codec;
use crate::measure::{SendMode, TcpVariant};

/// Which ways to compare, at which load.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Comparisons of ways to send")]
pub struct VariantArgs {
    /// Compare batches of these sizes. Latency is per applied command and includes the wait for the batch to fill.
    #[arg(long, value_name = "SIZES", group = "study", value_delimiter = ',', num_args = 0..=1,
          default_missing_value = "1,2,5,10,20,50,100", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub batch: Option<Vec<u32>>,
    /// Compare codecs on real messages, both length-prefixed: size, encoding, decoding, end-to-end time. Needs a bridge that
    /// supports `hello`.
    #[arg(long, value_name = "CODECS", group = "study", value_delimiter = ',', num_args = 0..=1,
          default_missing_value = "json,msgpack")]
    pub codec: Option<Vec<Codec>>,
    /// Compare ways to wait for replies: request (one at a time), pipelined, fire-and-forget (ends with a barrier).
    #[arg(long, value_name = "MODES", group = "study", value_delimiter = ',', num_args = 0..=1,
          default_missing_value = "request,pipelined,fire-and-forget")]
    pub mode: Option<Vec<SendMode>>,
    /// Compare ways to write to the socket: nodelay, nagle, split-writes, nagle+split-writes.
    #[arg(long, value_name = "WAYS", group = "study", value_delimiter = ',', num_args = 0..=1,
          default_missing_value = "nodelay,nagle,split-writes,nagle+split-writes")]
    pub tcp: Option<Vec<TcpVariant>>,
    /// Measure the single command that Workly sends per answer without waiting for a reply. For comparison, also measure N
    /// commands at once: one by one, pipelined, and as a batch.
    #[arg(long, value_name = "N", group = "study", num_args = 0..=1, default_missing_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub reaction: Option<u32>,
    /// Offered load in commands per second (Poisson arrivals), the same for each variant.
    #[arg(long, value_name = "RATE", default_value = "100", value_parser = parse_rate)]
    pub offered: f64,
    /// How long an incomplete batch waits for more commands.
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration)]
    pub window: Duration,
    /// Number of rounds. Each round measures every variant once, in random order. Differences have a confidence interval from
    /// 6 rounds on.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("'{text}' is not a rate in commands a second"))?;
    if (0.1..=100_000.0).contains(&rate) { Ok(rate) } else { Err(format!("{text} is outside of 0.1 to 100000")) }
}
