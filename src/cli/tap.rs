//! `workly-perf tap`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::format::{DEFAULT, run_formats};
use crate::bridge::Target;
use crate::report::Format;

/// Record the messages between the application and Unity, with their timing.
///
/// The tap is a proxy between the two that forwards every byte unchanged. The application always connects to 127.0.0.1:5555,
/// whatever its configuration says, so the tap listens there and Unity's bridge has to move to the port of --to. Each message is
/// timed, in both directions. When one side disconnects, the tap waits for the next connection. Stop with Ctrl-C; the record is
/// kept.
///
/// Message contents are not stored, only times, sizes, ids and the names of known commands. `ipc --replay` replays the session.
#[derive(Debug, Args)]
pub struct TapArgs {
    /// Address to listen on for the application; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5555")]
    pub listen: SocketAddr,
    /// Address of Unity's bridge: HOST:PORT.
    #[arg(long, value_name = "BRIDGE", default_value = "127.0.0.1:5556")]
    pub to: Target,
    /// Exit when the first connection ends.
    #[arg(long)]
    pub once: bool,
    /// Also store message contents. They can include private data, such as chat text.
    #[arg(long)]
    pub with_payload: bool,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-tap`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output at the end.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
    /// Allow other machines on either side. The protocol has no authentication and no encryption.
    #[arg(long)]
    pub allow_remote: bool,
}
