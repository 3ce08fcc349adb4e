//! `workly-perf bridge`.

use clap::Args;

use crate::bridge::server::BridgeSpec;

/// Runs the embedded bridge as a server on 127.0.0.1, until Ctrl-C.
///
/// It answers as Workly's Unity side does: a bare {} to each known command, from the socket thread or from a main thread
/// that drains its queue once a frame; silence to everything else. The address is printed to standard output.
#[derive(Debug, Args)]
#[command(after_long_help = spec_help())]
pub struct BridgeArgs {
    /// What to speak and how to lie: KEY=VALUE,… as behind `embedded:`.
    #[arg(value_name = "SPEC", default_value = "")]
    pub spec: BridgeSpec,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = crate::bridge::DEFAULT_PORT)]
    pub port: u16,
    /// Frames a second of the main thread: the same as fps=… in SPEC.
    #[arg(long, value_name = "FPS")]
    pub fps: Option<String>,
}

fn spec_help() -> String {
    let keys = BridgeSpec::KEYS.iter().map(|key| format!("\n  {}: {} ({})", key.name, key.help, key.wants));
    format!("Keys of SPEC:{}", keys.collect::<String>())
}
