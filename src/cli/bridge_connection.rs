//! Which bridge: arguments shared by all commands that connect to one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::parse_duration;
use crate::bridge::Target;

/// Which bridge, its dialect, and the timeout.
#[derive(Debug, Args)]
pub struct BridgeConnectionArgs {
    /// The bridge: HOST:PORT, or `embedded[:KEY=VALUE,…]` for a simulated bridge in this process (keys: see `workly-perf bridge
    /// --help`). Default: 127.0.0.1:5555, the address that the application always uses, whatever its configuration says.
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<Target>,
    /// Workly's configuration. Default: data/config.json, if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Protocol dialect of the bridge: stock, batch, instrumented, founding, public-api, a dialect file FILE.toml, or auto, which
    /// detects it with harmless messages. Default: stock, or the dialect set for the embedded bridge.
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Wait for Unity to connect instead of connecting to it. Default with --dialect public-api.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:5555",
          conflicts_with = "bridge")]
    pub listen: Option<SocketAddr>,
    /// Timeout for a connection, a reply or a write, such as 500ms or 2s.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Allow a bridge on another machine. The protocol has no authentication and no encryption.
    #[arg(long)]
    pub allow_remote: bool,
}
