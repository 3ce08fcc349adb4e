//! Builds the test double `tests/doubles/child.rs` for worker processes, and runs the program with it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::doubles::built;
use super::run::Place;

/// Built once for all tests.
static CHILD: LazyLock<PathBuf> = LazyLock::new(|| {
    let file = format!("standin_child{}", std::env::consts::EXE_SUFFIX);
    built("child.rs", &file, &["--crate-name", "standin_child"])
});

impl Place {
    /// The program with a command line, whose worker processes abort if their request contains one of the words in
    /// `aborts_on`, separated by `|`. Requests are logged in `asked`, one per line; its remembered trials are separate.
    pub(crate) fn command_with_children(&self, aborts_on: &str, line: &str) -> Command {
        let mut command = self.command(line);
        command
            .env("WORKLY_PERF_CHILD", &*CHILD)
            .env("WORKLY_PERF_CACHE", self.path("cache"))
            .env("STANDIN_PROGRAM", env!("CARGO_BIN_EXE_workly-perf"))
            .env("STANDIN_ABORTS_ON", aborts_on)
            .env("STANDIN_LOG", self.path("asked"));
        command
    }
}
