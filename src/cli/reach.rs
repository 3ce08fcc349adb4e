//! Which bridge, for every command that speaks to one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::parse_duration;
use crate::bridge::Target;

/// Which bridge, what it speaks, and how long it is waited for.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// The bridge: HOST:PORT, or `embedded[:KEY=VALUE,…]` for a stand-in in this process (keys: see `workly-perf bridge
    /// --help`). Default: 127.0.0.1:5555, where the application connects whatever its configuration says.
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<Target>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the bridge speaks: stock, batch, instrumented, founding, public-api, a FILE.toml of that kind, or auto, which
    /// finds out by harmless messages. Default: stock, or what the embedded bridge was told to speak.
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Listen for a Unity that connects, rather than connect to it. Default with --dialect public-api.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:5555",
          conflicts_with = "bridge")]
    pub listen: Option<SocketAddr>,
    /// How long to wait for a connection, a reply, or a write: 500ms, 2s.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Allow a bridge on another machine. The protocol has neither password nor encryption.
    #[arg(long)]
    pub allow_remote: bool,
}
