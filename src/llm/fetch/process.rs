//! Runs a program of the user to its end or until interrupted, including its child processes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
#[cfg(unix)]
use std::time::Instant;

/// Interval at which a running program is polled.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Time for an interrupted program to clean up.
#[cfg(unix)]
const GOES_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of a program's output that are read: the last ones.
const OUTPUT_BYTES: u64 = 32 * 1024;

/// How a program ended.
#[derive(Debug)]
pub(super) struct ProcessEnd {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program in its own process group, so that Ctrl-C in the terminal only reaches this program, which then ends
/// the other one. Its output goes to unnamed files in `folder`; `look` is called regularly.
///
/// # Errors
/// Those of the system if it cannot be started; [`io::ErrorKind::Interrupted`] after `stop` was raised and it has
/// ended.
pub(super) fn run(
    command: &mut Command,
    folder: &Path,
    stop: &AtomicBool,
    mut look: impl FnMut(),
) -> io::Result<ProcessEnd> {
    let (stdout, stderr) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    in_own_group(command);
    let mut running = RunningProcess(command.spawn()?);
    let status = loop {
        if let Some(status) = running.0.try_wait()? {
            break status;
        }
        if stop.load(Ordering::Relaxed) {
            running.end();
            return Err(io::ErrorKind::Interrupted.into());
        }
        look();
        thread::sleep(LOOK_UP);
    };
    look();
    Ok(ProcessEnd { status, stdout: tail(stdout)?, stderr: tail(stderr)? })
}

/// A program that is ended when dropped.
struct RunningProcess(Child);

impl RunningProcess {
    /// Interrupts it, and kills it if it does not end.
    #[cfg(unix)]
    fn end(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        let group = Pid::from_child(&self.0);
        let _ = kill_process_group(group, Signal::INT);
        let until = Instant::now() + GOES_WITHIN;
        while Instant::now() < until && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(LOOK_UP);
        }
        // Its children may outlive it.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }

    /// Kills it: programs without their own console cannot be interrupted. The launcher `py` takes the Python that it
    /// started with it.
    #[cfg(not(unix))]
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(unix)]
fn in_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn in_own_group(command: &mut Command) {
    use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

#[cfg(not(any(unix, windows)))]
fn in_own_group(_: &mut Command) {}

/// The end of a file's content.
fn tail(mut file: File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn output_and_exit_status_are_captured() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 3"]);
        let ended = run(&mut command, folder.path(), &AtomicBool::new(false), || ()).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(3), "out\n"));
        assert!(ended.stderr.ends_with("xend\n"), "the end of a long text is kept");
        assert_eq!(ended.stderr.len() as u64, OUTPUT_BYTES);
        let missing = run(&mut Command::new("no-such-program"), folder.path(), &AtomicBool::new(false), || ());
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn interrupted_program_ends_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        // Both ignore the interrupt.
        let script = "trap '' INT; sleep 600 & echo $$ $! >part; mv part pids; wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(folder.path());
        let stop = AtomicBool::new(false);
        let called_off = run(&mut command, folder.path(), &stop, || stop.store(pids.exists(), Ordering::Relaxed));
        assert_eq!(called_off.unwrap_err().kind(), io::ErrorKind::Interrupted);
        for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
            // A killed process ends a moment later, and its entry remains until it is waited for.
            let is_there = || {
                let shown = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
                let shown = String::from_utf8(shown).unwrap();
                !shown.trim().is_empty() && !shown.trim().starts_with('Z')
            };
            let until = Instant::now() + Duration::from_secs(60);
            while is_there() {
                assert!(Instant::now() < until, "{pid} is still there");
                thread::sleep(LOOK_UP);
            }
        }
    }
}
