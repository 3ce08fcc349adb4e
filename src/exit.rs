//! Exit codes as an interface: documented in `docs/EXIT_CODES.md`, tested one by one.

use std::process::ExitCode;

/// What the process tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing speaks against the result.
    Done = 0,
    /// Done, with a negative verdict: a regression, a leak.
    Negative = 1,
    /// The command line or a value on it cannot be used.
    Usage = 2,
    /// This machine lacks something that was asked for: a bridge, a model, a GPU.
    Lacking = 3,
    /// The measurement failed or its figures cannot be trusted.
    Failed = 4,
    /// A file is unreadable, corrupt or from a newer schema.
    Unreadable = 5,
    /// A bug in workly-perf itself.
    Bug = 70,
    /// Ctrl-C, SIGTERM, SIGHUP or the closing of the terminal: what was measured until then was kept and marked.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
