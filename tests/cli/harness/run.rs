//! Runs the program in a temporary folder and reads its results.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;
use workly_perf::record::{Case, RecordFolder, Run};

/// A folder to run in.
pub(crate) struct Place {
    folder: TempDir,
}

/// Result of a run of the program.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder below the given one.
    #[cfg(feature = "llama")]
    pub(crate) fn within(folder: &str) -> Self {
        Self { folder: tempfile::tempdir_in(folder).unwrap() }
    }

    /// A folder with the synthetic model `tiny.gguf`.
    #[cfg(feature = "llama")]
    pub(crate) fn with_tiny_model() -> Self {
        let place = Self::new();
        assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
        place
    }

    /// A path inside it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file inside it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program with a command line, ready to start in this folder.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workly-perf"));
        command.args(line.split_whitespace()).current_dir(self.folder.path()).env_remove("NO_COLOR");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        let Output { status, stdout, stderr } = self.command(line).output().unwrap();
        Outcome {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Runs `ipc` with the record in `out`, and reads the record.
    pub(crate) fn ipc(&self, line: &str) -> (Outcome, Run) {
        let outcome = self.run(&format!("ipc --out out --quiet {line}"));
        let run = RecordFolder::read(&self.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
        (outcome, run)
    }
}

/// Maximum number of runs in `in_one_of_several_runs`.
const TRIES: u32 = 5;

/// For findings that other load on this machine may hide in a single run: tries several runs, with the seeds 1, 2, 3… A
/// run that lacks the finding returns what it showed. Invariants of every run are asserted within.
pub(crate) fn in_one_of_several_runs<T>(run: impl FnMut(u32) -> Result<T, String>) -> T {
    let mut showed = Vec::new();
    for result in (1..=TRIES).map(run) {
        match result {
            Ok(found) => return found,
            Err(other) => showed.push(other),
        }
    }
    panic!("not in {TRIES} runs: {showed:#?}");
}

/// The case of that path.
pub(crate) fn case<'a>(run: &'a Run, path: &str) -> &'a Case {
    run.cases.iter().find(|case| case.path == path).unwrap_or_else(|| panic!("no case {path} in {:?}", run.cases))
}

/// A figure of a case, if it has a value.
pub(crate) fn figure(run: &Run, path: &str, metric: &str) -> Option<f64> {
    case(run, path).metric(metric).and_then(|metric| metric.value)
}
