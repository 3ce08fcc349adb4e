//! Worker processes from the caller's side: started, listened to, and ended whatever happens.
//!
//! A request is a line of JSON on standard input, which stays open as long as the answer is wanted; answers are lines
//! of JSON.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Interval for polling the stop flag.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Time limit for a process to end after its standard input is closed.
const GOES_WITHIN: Duration = Duration::from_secs(2);

/// Environment variable with a program to start instead of this one as a worker.
const PROGRAM_VARIABLE: &str = "WORKLY_PERF_CHILD";

/// Maximum bytes kept of the last output, and of one line of it.
const LAST_WORDS: usize = 4_000;
const LAST_LINE: usize = 300;

/// What `during` follows.
const ILLEGAL_INSTRUCTION: &str = "this CPU cannot execute an instruction of this build (illegal instruction), met";

/// A process that ended by itself.
#[derive(Debug)]
pub(crate) struct WorkerExit {
    status: Option<ExitStatus>,
    words: String,
}

/// Why a process was abandoned.
#[derive(Debug)]
pub(crate) enum WorkerAbort {
    /// Failed, with the reason.
    Failed(String),
    /// Interrupted by Ctrl-C.
    Interrupted,
}

/// Runs one task in a worker process with `command` of this program. `watch` is called with its process ID at every
/// answer and repeatedly in between.
pub(crate) fn ask<A: DeserializeOwned + Send + 'static>(
    command: &str,
    task: &impl Serialize,
    timeout: Duration,
    stop: &AtomicBool,
    mut watch: impl FnMut(u32, Option<A>),
) -> Result<WorkerExit, WorkerAbort> {
    let mut session = WorkerSession::start(command, task, &[])?;
    let process = session.child.id();
    let deadline = Instant::now() + timeout;
    while let Some(answer) = session.answer_until(deadline, timeout, stop, || watch(process, None))? {
        watch(process, Some(answer));
    }
    Ok(session.exit())
}

/// A worker process for several requests. It ends when this is dropped.
pub(crate) struct WorkerSession<A> {
    child: Child,
    lines: Option<Receiver<A>>,
    words: Option<thread::JoinHandle<String>>,
}

impl<A: DeserializeOwned + Send + 'static> WorkerSession<A> {
    /// Starts `command` of this program with its first request, in this process's environment plus `environment`.
    pub(crate) fn start(
        command: &str,
        task: &impl Serialize,
        environment: &[(&str, &str)],
    ) -> Result<Self, WorkerAbort> {
        let mut child = start(command, task, environment)
            .map_err(|error| WorkerAbort::Failed(format!("its process cannot be started: {error}")))?;
        let lines = child.stdout.take().map(listen);
        let words = child.stderr.take().map(|stderr| thread::spawn(move || last_error_output(stderr)));
        Ok(Self { child, lines, words })
    }

    /// Sends the next request.
    pub(crate) fn send(&mut self, request: &impl Serialize) -> Result<(), WorkerAbort> {
        let sent = serde_json::to_string(request).map_err(std::io::Error::from).and_then(|line| {
            let stdin = self.child.stdin.as_mut().ok_or(ErrorKind::BrokenPipe)?;
            stdin.write_all((line + "\n").as_bytes())?;
            stdin.flush()
        });
        // If the process has ended, its exit status tells more than the pipe's error.
        sent.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
            .map_err(|error| WorkerAbort::Failed(error.to_string()))
    }

    /// Waits for its next answer.
    pub(crate) fn next(&mut self, timeout: Duration, stop: &AtomicBool) -> Result<A, WorkerAbort> {
        let answer = self.answer_until(Instant::now() + timeout, timeout, stop, || ())?;
        answer.ok_or_else(|| WorkerAbort::Failed(self.exit().fate("while measuring")))
    }

    /// Waits for an answer; `None` once the process has closed its output. `idle` is called repeatedly in the meantime.
    fn answer_until(
        &self,
        deadline: Instant,
        timeout: Duration,
        stop: &AtomicBool,
        mut idle: impl FnMut(),
    ) -> Result<Option<A>, WorkerAbort> {
        let Some(lines) = &self.lines else { return Ok(None) };
        loop {
            match lines.recv_timeout(LOOK_UP) {
                Ok(answer) => return Ok(Some(answer)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => return Err(WorkerAbort::Interrupted),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    return Err(WorkerAbort::Failed(format!("no response within {} s", timeout.as_secs_f64())));
                }
                Err(RecvTimeoutError::Timeout) => idle(),
            }
        }
    }

    /// Waits for a process that ends by itself.
    fn exit(&mut self) -> WorkerExit {
        let status = end(&mut self.child, false);
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        WorkerExit { status, words }
    }
}

impl<A> Drop for WorkerSession<A> {
    fn drop(&mut self) {
        end(&mut self.child, true);
    }
}

fn start(command: &str, task: &impl Serialize, environment: &[(&str, &str)]) -> std::io::Result<Child> {
    let program = match std::env::var_os(PROGRAM_VARIABLE).filter(|program| !program.is_empty()) {
        Some(program) => program.into(),
        None => std::env::current_exe()?,
    };
    let mut child = Command::new(program)
        .args(["--quiet", command])
        // Otherwise ggml starts a debugger before aborting, which takes seconds and buries its message.
        .env("GGML_NO_BACKTRACE", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let line = serde_json::to_string(task)? + "\n";
    if let Some(stdin) = &mut child.stdin {
        // Left open: its end tells the process that the answer is no longer wanted.
        match stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()) {
            Ok(()) => {}
            // It ended before reading its task. Its exit status tells more than the pipe's error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => {
                end(&mut child, true);
                return Err(error);
            }
        }
    }
    Ok(child)
}

/// The lines of a process until it closes its output.
fn listen<A: DeserializeOwned + Send + 'static>(stdout: ChildStdout) -> Receiver<A> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(answer) = serde_json::from_str(&line) else { continue };
            if sender.send(answer).is_err() {
                return;
            }
        }
    });
    lines
}

/// The end of its error output.
fn last_error_output(stderr: ChildStderr) -> String {
    let (mut words, mut reader, mut piece) = (Vec::new(), BufReader::new(stderr), [0; 1024]);
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        words.extend_from_slice(&piece[..read]);
        if words.len() > 2 * LAST_WORDS {
            words.drain(..words.len() - LAST_WORDS);
        }
    }
    String::from_utf8_lossy(&words).into_owned()
}

/// Makes sure that the process has ended.
fn end(child: &mut Child, is_called_off: bool) -> Option<ExitStatus> {
    drop(child.stdin.take());
    let until = Instant::now() + GOES_WITHIN;
    while is_called_off && Instant::now() < until {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(LOOK_UP);
    }
    if is_called_off {
        // It may already have ended by itself.
        let _ = child.kill();
    }
    child.wait().ok()
}

impl WorkerExit {
    /// Whether it was killed, as the system does when memory runs out.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.is_some_and(was_killed)
    }

    /// Whether it was ended by an instruction that the CPU cannot execute.
    pub(crate) fn met_illegal_instruction(&self) -> bool {
        self.status.is_some_and(met_illegal_instruction)
    }

    /// Describes a process that ended without an answer during some activity: `while loading`.
    pub(crate) fn fate(&self, during: &str) -> String {
        let how = match self.status {
            None => "its process ended".into(),
            Some(status) if met_illegal_instruction(status) => ILLEGAL_INSTRUCTION.into(),
            Some(status) => how_it_ended(status),
        };
        let tells = |line: &&str| !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("[New ");
        let last = self.words.lines().rev().find(tells);
        match last.map(|line| without_folders(line.trim()).chars().take(LAST_LINE).collect::<String>()) {
            Some(last) => format!("{how} {during}: {last}"),
            None => format!("{how} {during}"),
        }
    }
}

/// A line that starts with a source position, without the folders of the build machine.
fn without_folders(line: &str) -> &str {
    let place = line.split(": ").next().unwrap_or(line);
    let is_source = [".cpp:", ".c:", ".h:", ".cu:", ".m:"].iter().any(|ending| place.contains(ending));
    match place.rfind(['/', '\\']) {
        Some(at) if is_source => &line[at + 1..],
        _ => line,
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
}

/// Not reported on other systems.
#[cfg(not(unix))]
fn was_killed(_: ExitStatus) -> bool {
    false
}

#[cfg(unix)]
fn met_illegal_instruction(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(4)
}

/// `STATUS_ILLEGAL_INSTRUCTION` of Windows.
#[cfg(not(unix))]
fn met_illegal_instruction(status: ExitStatus) -> bool {
    status.code() == Some(0xC000_001D_u32.cast_signed())
}

#[cfg(unix)]
fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(6) => "llama.cpp aborted the process (SIGABRT)".into(),
        Some(9) => "the process was killed (SIGKILL), as the system does when memory runs out,".into(),
        Some(11) => "the process crashed (SIGSEGV)".into(),
        Some(signal_hook::consts::SIGBUS) => {
            "the process lost a memory-mapped file (SIGBUS): the file was truncated, or its storage failed,".into()
        }
        Some(signal) => format!("the process was ended by signal {signal}"),
        None => format!("the process ended with code {}", status.code().unwrap_or(-1)),
    }
}

#[cfg(not(unix))]
fn how_it_ended(status: ExitStatus) -> String {
    match status.code() {
        // Exit codes of `abort` in Microsoft's runtime, and of a failed fast exit.
        Some(3 | -1_073_740_791) => "llama.cpp aborted the process".into(),
        code => format!("the process ended with code {}", code.unwrap_or(-1)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn worker_exit_is_described_with_its_last_output() {
        use std::os::unix::process::ExitStatusExt;
        let fate = |status: Option<i32>, words: &str, during: &str| {
            WorkerExit { status: status.map(ExitStatus::from_raw), words: words.into() }.fate(during)
        };
        let words = "loading\nggml_vulkan: Device memory allocation failed\n#0 0x1234\n\n";
        let expected =
            "llama.cpp aborted the process (SIGABRT) while loading: ggml_vulkan: Device memory allocation failed";
        assert_eq!(fate(Some(6), words, "while loading"), expected);
        assert!(fate(Some(9), "", "while generating").contains("memory runs out"));
        let lost = fate(Some(signal_hook::consts::SIGBUS), "", "while computing");
        assert!(lost.ends_with("the file was truncated, or its storage failed, while computing"), "{lost}");
        let illegal = fate(Some(4), "", "while computing");
        assert_eq!(
            illegal,
            "this CPU cannot execute an instruction of this build (illegal instruction), met while computing"
        );
        assert_eq!(fate(Some(0), "", "after measuring"), "the process ended with code 0 after measuring");
        assert_eq!(fate(None, "", "while warming up"), "its process ended while warming up");
        assert_eq!(
            fate(None, "/home/kira/ggml/src/ggml-backend.cpp:1081: tensor of /0 in a buffer\n", "while loading"),
            "its process ended while loading: ggml-backend.cpp:1081: tensor of /0 in a buffer"
        );
    }
}
