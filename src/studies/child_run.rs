//! Runs a measuring command in a process of its own, with its record in a folder of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Polling interval for the process.
const POLL: Duration = Duration::from_millis(20);

/// How long the process may take to end after Ctrl-C, which it receives too: 250 polls, 5 s.
const GRACE_POLLS: u32 = 250;

/// Why the process did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildRunError {
    /// The path of this program is unknown.
    #[error("cannot find this program: {0}")]
    NoProgram(io::Error),
    /// The program does not exist or cannot be executed.
    #[error("cannot run {}: {source}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Its end cannot be awaited.
    #[error("cannot wait for {}: {source}", program.display())]
    NotAwaited {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A measuring command to run.
pub(super) struct ChildRun<'a> {
    /// The program; `None` is this one.
    pub(super) program: Option<&'a Path>,
    /// Its arguments, without those below.
    pub(super) args: &'a [String],
    /// The folder of its record.
    pub(super) out: &'a Path,
    /// Whether it prints warnings and errors only.
    pub(super) is_quiet: bool,
    /// The file of its standard error; `None` is that of this process.
    pub(super) log: Option<File>,
}

impl ChildRun<'_> {
    /// Runs the command to its end. Once `stop` is set, it has 5 s to end by itself.
    pub(super) fn run(self, stop: &AtomicBool) -> Result<ExitStatus, ChildRunError> {
        let program = match self.program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe().map_err(ChildRunError::NoProgram)?,
        };
        let mut command = Command::new(&program);
        command.args(self.args).arg("--out").arg(self.out).stdin(Stdio::null()).stdout(Stdio::null());
        if self.is_quiet {
            command.arg("--quiet");
        }
        if let Some(log) = self.log {
            command.stderr(log);
        }
        match command.spawn() {
            Ok(child) => wait(child, stop).map_err(|source| ChildRunError::NotAwaited { program, source }),
            Err(source) => Err(ChildRunError::NotStarted { program, source }),
        }
    }
}

fn wait(mut child: Child, stop: &AtomicBool) -> io::Result<ExitStatus> {
    let mut polls_left = GRACE_POLLS;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) {
            polls_left -= 1;
            if polls_left == 0 {
                child.kill()?;
                return child.wait();
            }
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_is_named() {
        let run = ChildRun {
            program: Some(Path::new("no-such-program")),
            args: &[],
            out: Path::new("out"),
            is_quiet: true,
            log: None,
        };
        let error = run.run(&AtomicBool::new(false)).unwrap_err();
        assert!(error.to_string().starts_with("cannot run no-such-program: "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn command_gets_its_arguments_and_its_errors_go_to_the_log() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (program, log, out) = (folder.path().join("program"), folder.path().join("log"), folder.path().join("out"));
        std::fs::write(&program, "#!/bin/sh\necho \"$@\" >&2\nexit 4\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let args = ["ipc".to_owned(), "--messages".to_owned(), "5".to_owned()];
        let file = File::create(&log).unwrap();
        let run = ChildRun { program: Some(&program), args: &args, out: &out, is_quiet: true, log: Some(file) };
        assert_eq!(run.run(&AtomicBool::new(false)).unwrap().code(), Some(4));
        let said = std::fs::read_to_string(&log).unwrap();
        assert_eq!(said, format!("ipc --messages 5 --out {} --quiet\n", out.display()));
    }
}
