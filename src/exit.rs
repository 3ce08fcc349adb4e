//! Exit codes as an interface: documented in `docs/EXIT_CODES.md`, tested one by one.

use std::process::ExitCode;

/// Exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, without a negative verdict.
    Done = 0,
    /// Done, with a negative verdict: a regression, a leak.
    Negative = 1,
    /// The command line or one of its values is invalid.
    Usage = 2,
    /// This machine lacks something that was requested: a bridge, a model, a GPU.
    Lacking = 3,
    /// The measurement failed or its figures cannot be trusted.
    Failed = 4,
    /// A file is unreadable, corrupt or from a newer schema.
    Unreadable = 5,
    /// A bug in workly-perf itself.
    Bug = 70,
    /// Ctrl-C, SIGTERM, SIGHUP or a closed terminal: measurements up to then are kept and marked.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
