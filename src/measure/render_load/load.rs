//! Starts and watches the process of a render-like load, on behalf of the measuring program.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::RenderLoadError;
use super::frame::{Calibration, Frame};
use super::spec::RenderSpec;
use crate::clock::Clock;
use crate::stats::FrameCounts;

/// Time limit for the calibration, which takes a quarter of a second on an idle machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Time limit for the process to exit after its standard input is closed.
const GOES_WITHIN: Duration = Duration::from_secs(2);

/// Interval at which the process is polled for its end.
const LOOK_UP: Duration = Duration::from_millis(5);

/// Maximum bytes kept of a line or of the last output.
const LONGEST_LINE: u64 = 80;

/// A render-like load that runs in parallel until it is dropped.
#[derive(Debug)]
pub struct RenderLoad {
    spec: RenderSpec,
    calibration: Calibration,
    log: Arc<Mutex<FrameLog>>,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

/// Frames in a time span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FramesInSpan {
    /// Number of frames.
    pub total: u64,
    /// Frames whose work ended after their deadline.
    pub late: u64,
    /// Runs of consecutive late frames.
    pub bursts: u64,
    /// For each frame, the time from due to the end of its work, in nanoseconds.
    pub work_ns: Vec<u64>,
}

impl From<&FramesInSpan> for FrameCounts {
    fn from(frames: &FramesInSpan) -> Self {
        Self { total: frames.total, late: frames.late, bursts: frames.bursts }
    }
}

impl RenderLoad {
    /// Starts the load as another process of this program and returns once it is calibrated and renders.
    ///
    /// Frames are timestamped with `clock`. The machine should be idle during the call, since the amount of work is
    /// calibrated then.
    pub fn start(spec: RenderSpec, clock: Clock) -> Result<Self, RenderLoadError> {
        let program = std::env::current_exe()
            .map_err(|source| RenderLoadError::Spawn { program: "workly-perf".into(), source })?;
        Self::start_program(&program, spec, clock)
    }

    /// Like [`RenderLoad::start`], with another program that accepts `render-load` and its arguments.
    pub fn start_program(program: &Path, spec: RenderSpec, clock: Clock) -> Result<Self, RenderLoadError> {
        let refused = |source| RenderLoadError::Spawn { program: program.to_owned(), source };
        let mut child = Command::new(program)
            .args(spec.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(refused)?;
        let log = Arc::new(Mutex::new(FrameLog::default()));
        let (ready, calibrated) = sync_channel(1);
        let reader = child.stdout.take().zip(child.stderr.take()).map(|(stdout, stderr)| {
            let log = Arc::clone(&log);
            thread::spawn(move || read_frames(stdout, stderr, clock, &ready, &log))
        });
        // From here on, dropping this value ends the process.
        let mut load = Self { spec, calibration: Calibration { iterations: 0, ns: 0 }, log, child, reader };
        match calibrated.recv_timeout(READY_WITHIN) {
            Ok(calibration) => load.calibration = calibration,
            Err(RecvTimeoutError::Timeout) => {
                return Err(RenderLoadError::NotReady { spec: spec.to_string(), waited: READY_WITHIN });
            }
            Err(RecvTimeoutError::Disconnected) => {
                load.join_reader();
                load.check()?;
            }
        }
        Ok(load)
    }

    /// What it simulates.
    #[must_use]
    pub fn spec(&self) -> RenderSpec {
        self.spec
    }

    /// The result of its calibration.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// The process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Checks that it still renders: measurements next to a load that has ended are not under load.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self) -> Result<(), RenderLoadError> {
        let spec = self.spec.to_string();
        match &lock(&self.log).end {
            None => Ok(()),
            Some(LoadEnd::Gone { said }) => Err(RenderLoadError::Ended { spec, said: said.clone() }),
            Some(LoadEnd::Garbled { line, wanted }) => {
                Err(RenderLoadError::Garbled { spec, line: line.clone(), wanted })
            }
        }
    }

    /// The frames that arrived in `from_ns..to_ns`, on the clock given to [`RenderLoad::start`].
    #[must_use]
    pub fn frames_between(&self, from_ns: u64, to_ns: u64) -> FramesInSpan {
        lock(&self.log).between(from_ns, to_ns)
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            // A panic of that thread has already been reported.
            let _ = reader.join();
        }
    }
}

impl Drop for RenderLoad {
    /// Ends the process: first by closing its standard input, then by killing it.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let until = Instant::now() + GOES_WITHIN;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            thread::sleep(LOOK_UP);
        }
        self.join_reader();
    }
}

/// Why no more frames arrive.
#[derive(Debug)]
enum LoadEnd {
    Gone { said: String },
    Garbled { line: String, wanted: &'static str },
}

/// All frames so far, in order of arrival.
#[derive(Debug, Default)]
struct FrameLog {
    frames: Vec<(u64, Frame)>,
    end: Option<LoadEnd>,
}

impl FrameLog {
    fn between(&self, from_ns: u64, to_ns: u64) -> FramesInSpan {
        let first = self.frames.partition_point(|(at_ns, _)| *at_ns < from_ns);
        let end = self.frames.partition_point(|(at_ns, _)| *at_ns < to_ns);
        let frames = self.frames.get(first..end).unwrap_or_default();
        FramesInSpan {
            total: frames.len() as u64,
            late: frames.iter().filter(|(_, frame)| frame.late).count() as u64,
            bursts: frames.chunk_by(|one, next| one.1.late == next.1.late).filter(|run| run[0].1.late).count() as u64,
            work_ns: frames.iter().map(|(_, frame)| frame.work_ns).collect(),
        }
    }
}

/// Locks even after a panic: the log is consistent after every single step.
fn lock(log: &Mutex<FrameLog>) -> MutexGuard<'_, FrameLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the process's output to its end and records why it ended.
fn read_frames(
    stdout: ChildStdout,
    stderr: ChildStderr,
    clock: Clock,
    ready: &SyncSender<Calibration>,
    log: &Mutex<FrameLog>,
) {
    let mut stdout = BufReader::new(stdout);
    let mut calibrated = false;
    let end = loop {
        let Some(line) = next_line(&mut stdout) else { break LoadEnd::Gone { said: last_error_line(stderr) } };
        let at_ns = clock.now_ns();
        if calibrated {
            let Ok(frame) = line.parse() else { break LoadEnd::Garbled { line, wanted: "a frame" } };
            lock(log).frames.push((at_ns, frame));
        } else {
            let Ok(calibration) = line.parse() else {
                break LoadEnd::Garbled { line, wanted: "a calibration" };
            };
            calibrated = true;
            // The starter may have given up waiting.
            let _ = ready.send(calibration);
        }
    };
    lock(log).end = Some(end);
}

/// The next line, or the start of one that is too long; `None` at the end. An incomplete last line is discarded, since
/// its number may be cut off.
fn next_line(stdout: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let length = stdout.take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    let whole = line.ends_with(b"\n") || length as u64 == LONGEST_LINE;
    whole.then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// The last line of the process's standard error, read to its end.
fn last_error_line(stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = stderr.take(1 << 16).read_to_end(&mut said);
    String::from_utf8_lossy(&said).trim().lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_by_arrival_time() {
        let frame = |at_ns, late, work_ns| (at_ns, Frame { late, work_ns });
        let log = FrameLog {
            frames: vec![frame(10, true, 1), frame(20, true, 2), frame(20, false, 3), frame(30, true, 4)],
            end: None,
        };
        let all = FramesInSpan { total: 4, late: 3, bursts: 2, work_ns: vec![1, 2, 3, 4] };
        assert_eq!(log.between(0, 100), all);
        assert_eq!(log.between(10, 31), all);
        assert_eq!(log.between(20, 30), FramesInSpan { total: 2, late: 1, bursts: 1, work_ns: vec![2, 3] });
        assert_eq!(log.between(21, 30), FramesInSpan::default());
        assert_eq!(log.between(30, 20), FramesInSpan::default());
    }

    #[test]
    fn incomplete_lines_are_discarded() {
        let mut said: &[u8] = b"0 8100000\n\xff\n1 81";
        assert_eq!(next_line(&mut said).as_deref(), Some("0 8100000"));
        assert_eq!(next_line(&mut said).as_deref(), Some("\u{fffd}"));
        assert_eq!(next_line(&mut said), None);
        let endless = [b'x'; 200];
        assert_eq!(next_line(&mut &endless[..]).map(|line| line.len()), Some(80));
    }

    #[test]
    fn missing_program_is_named() {
        let missing = Path::new("no-such-program-of-workly-perf");
        let error = RenderLoad::start_program(missing, RenderSpec::default(), Clock::start()).unwrap_err();
        assert!(error.to_string().contains("no-such-program-of-workly-perf"), "{error}");
    }
}
