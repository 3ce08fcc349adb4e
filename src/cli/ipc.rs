//! `workly-perf ipc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::root::Format;
use crate::bridge::{Dialect, Target};
use crate::measure::Load;

/// Measures the round trip to the Unity bridge.
///
/// A round trip ends when the reply is parsed. "received" is a command that the bridge's socket thread answers, "applied"
/// one that Unity's main thread answers inside a frame: their difference is the wait for the frame.
///
/// Without --load it does the whole round: received and applied, closed loop and Poisson, and the message sizes. The
/// avatar is left as it was found: expressions reset, blink as the configuration has it.
#[derive(Debug, Args)]
pub struct IpcArgs {
    /// Messages a case. Percentiles are given from the n they need: p90 from 100, p99 from 1,000, p99.9 from 10,000.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: u32,
    /// The bridge: HOST:PORT, or `embedded[:KEY=VALUE,…]` for a stand-in in this process (keys: see `workly-perf bridge
    /// --help`). Default: unity.host and unity.port of --config, else 127.0.0.1:5555.
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<Target>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the bridge speaks. Default: stock, or what the embedded bridge was told to speak.
    #[arg(long, value_name = "DIALECT", value_parser = Dialect::NAMES)]
    pub dialect: Option<String>,
    /// Only this load: `closed` (ping-pong), `poisson:RATE` or `fixed:RATE`, in messages a second. May be repeated.
    #[arg(long, value_name = "LOAD")]
    pub load: Vec<Load>,
    /// Message sizes on the wire, newline included: bytes, k for thousands. Those below the smallest command are measured
    /// at its size. Default of the whole round: 10,100,1k,4095,4096,4097,10k.
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = parse_size)]
    pub sizes: Vec<usize>,
    /// Messages sent before each case, closed loop, that are no part of any figure.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warmup: u32,
    /// How long to wait for a connection, a reply, or a write: 500ms, 2s.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Seed of the schedules and of the order of the cases. Default: another one each run; the record keeps it.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-ipc`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Allow a bridge on another machine. The protocol has neither password nor encryption.
    #[arg(long)]
    pub allow_remote: bool,
}

/// Largest message, in bytes: far above anything that Workly sends.
const LARGEST: usize = 16_000_000;

fn parse_size(text: &str) -> Result<usize, String> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches('b');
    let (number, factor) = match number.strip_suffix('k') {
        Some(number) => (number, 1_000),
        None => number.strip_suffix('m').map_or((number, 1), |number| (number, 1_000_000)),
    };
    let count: usize = number.parse().map_err(|_| format!("'{text}' is not a size such as 100, 1k or 10k"))?;
    match count.checked_mul(factor) {
        Some(size @ 1..=LARGEST) => Ok(size),
        _ => Err(format!("a size of {text} is outside of 1 byte to {} MB", LARGEST / 1_000_000)),
    }
}

/// Longest wait that can be asked for.
const LONGEST: Duration = Duration::from_secs(3600);

fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("'{text}' is not a duration such as 500ms or 2s"))?;
    let duration = Duration::try_from(span).map_err(|_| format!("{text} is negative"))?;
    if (Duration::from_millis(1)..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("{text} is outside of 1ms to 1h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        let sizes = ["10", "1k", "10K", "2kB", "4096B", "1m"].map(parse_size);
        assert_eq!(sizes, [10, 1_000, 10_000, 2_000, 4_096, 1_000_000].map(Ok));
        for text in ["0", "", "k", "1.5k", "-1", "99m", "99999999999999999999"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        for text in ["2", "soon", "-1s", "0s", "2h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
