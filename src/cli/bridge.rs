//! `workly-perf bridge`.

use clap::Args;

use crate::bridge::server::{BridgeSpec, BridgeSpecError};

/// Run the embedded bridge as a server: a simulated Unity with fault injection.
///
/// Listens on 127.0.0.1 until Ctrl-C and prints its address to standard output. By default it answers as Workly's Unity bridge
/// does: a bare {} to each known command, either from the socket thread or from a main thread that drains its queue once per
/// frame, and no reply to anything else. Faults can be injected: delays, stalls, and lost, garbled or duplicate replies.
#[derive(Debug, Args)]
#[command(after_long_help = spec_help())]
pub struct BridgeArgs {
    /// Dialect, frame rate and injected faults: KEY=VALUE,… as after `embedded:`.
    #[arg(value_name = "SPEC", default_value = "", value_parser = parse_spec)]
    pub spec: BridgeSpec,
    /// Port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = crate::bridge::DEFAULT_PORT)]
    pub port: u16,
    /// Frame rate of the main thread, in frames per second; same as fps=… in SPEC.
    #[arg(long, value_name = "FPS")]
    pub fps: Option<String>,
}

fn parse_spec(text: &str) -> Result<BridgeSpec, String> {
    text.parse().map_err(|error: BridgeSpecError| error.with_hint())
}

fn spec_help() -> String {
    let keys = BridgeSpec::KEYS.iter().map(|key| format!("\n  {}: {}. Value: {}", key.name, key.help, key.wants));
    format!("Keys of SPEC:{}", keys.collect::<String>())
}
