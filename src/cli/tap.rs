//! `workly-perf tap`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::root::Format;
use crate::bridge::Target;

/// Records what the application and Unity really say to each other, and when.
///
/// Stands between the two and passes every byte on as it came. The application connects to 127.0.0.1:5555, whatever its
/// configuration says, so the tap listens there, and Unity's bridge is moved to the port of --to. Each message is timed, in both
/// directions. When one side leaves, the tap waits for the next connection; Ctrl-C ends it, and the record is kept.
///
/// What is said is not stored: only times, sizes, ids, and names of known commands. `ipc --replay` plays the session again.
#[derive(Debug, Args)]
pub struct TapArgs {
    /// Where the application connects; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5555")]
    pub listen: SocketAddr,
    /// Where Unity listens: HOST:PORT.
    #[arg(long, value_name = "BRIDGE", default_value = "127.0.0.1:5556")]
    pub to: Target,
    /// End with the first connection.
    #[arg(long)]
    pub once: bool,
    /// Store the messages themselves too. They hold private things, such as what was said in the chat.
    #[arg(long)]
    pub with_payload: bool,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-tap`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output at the end.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Allow other machines on either side. The protocol has neither password nor encryption.
    #[arg(long)]
    pub allow_remote: bool,
}
