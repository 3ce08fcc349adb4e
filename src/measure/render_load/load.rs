//! The process of a render-like load, seen from the program that measures beside it.

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

/// How long the process may take until it is calibrated; on an idle machine it takes a quarter of a second.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long the process is given to end by itself once its standard input is closed; its frames are no longer than that.
const GOES_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked whether the process has ended.
const LOOK_UP: Duration = Duration::from_millis(5);

/// The most bytes of a line, or of last words, that are kept.
const LONGEST_LINE: u64 = 80;

/// A render-like load that runs beside this process until it is dropped.
#[derive(Debug)]
pub struct RenderLoad {
    spec: RenderSpec,
    calibration: Calibration,
    log: Arc<Mutex<Log>>,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

/// Frames of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames {
    /// Frames.
    pub total: u64,
    /// Frames whose work ended after their deadline.
    pub late: u64,
    /// For each frame, from when it was due until its work had ended, in nanoseconds.
    pub work_ns: Vec<u64>,
}

/// How many frames there were, and how many of them were late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames.
    pub total: u64,
    /// Frames whose work ended after their deadline.
    pub late: u64,
}

impl FrameCounts {
    /// The share of late frames, from 0 to 1; 0 where there were no frames.
    #[must_use]
    pub fn late_share(self) -> f64 {
        self.late as f64 / self.total.max(1) as f64
    }

    /// The share of late frames in percent; `None` where there were no frames.
    #[must_use]
    pub fn late_percent(self) -> Option<f64> {
        (self.total > 0).then(|| 100.0 * self.late as f64 / self.total as f64)
    }
}

impl From<&Frames> for FrameCounts {
    fn from(frames: &Frames) -> Self {
        Self { total: frames.total, late: frames.late }
    }
}

impl std::ops::AddAssign for FrameCounts {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.late += other.late;
    }
}

impl std::iter::Sum for FrameCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}

impl RenderLoad {
    /// Starts the load as another process of this program, and returns when it is calibrated and renders.
    ///
    /// Frames are stamped with `clock`. The machine should be idle meanwhile, as the amount of work is fixed now.
    pub fn start(spec: RenderSpec, clock: Clock) -> Result<Self, RenderLoadError> {
        let program = std::env::current_exe()
            .map_err(|source| RenderLoadError::Spawn { program: "workly-perf".into(), source })?;
        Self::start_program(&program, spec, clock)
    }

    /// The same with another program that takes `render-load` and its arguments.
    pub fn start_program(program: &Path, spec: RenderSpec, clock: Clock) -> Result<Self, RenderLoadError> {
        let refused = |source| RenderLoadError::Spawn { program: program.to_owned(), source };
        let mut child = Command::new(program)
            .args(spec.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(refused)?;
        let log = Arc::new(Mutex::new(Log::default()));
        let (ready, calibrated) = sync_channel(1);
        let reader = child.stdout.take().zip(child.stderr.take()).map(|(stdout, stderr)| {
            let log = Arc::clone(&log);
            thread::spawn(move || listen(stdout, stderr, clock, &ready, &log))
        });
        // From here on the process ends with this value, whatever happens.
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

    /// What it does.
    #[must_use]
    pub fn spec(&self) -> RenderSpec {
        self.spec
    }

    /// How its work was fixed.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// The process's number.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still renders: what is measured beside a load that has ended is not measured under load.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self) -> Result<(), RenderLoadError> {
        let spec = self.spec.to_string();
        match &hold(&self.log).end {
            None => Ok(()),
            Some(End::Gone { said }) => Err(RenderLoadError::Ended { spec, said: said.clone() }),
            Some(End::Garbled { line, wanted }) => Err(RenderLoadError::Garbled { spec, line: line.clone(), wanted }),
        }
    }

    /// The frames that arrived from `from_ns` on and before `to_ns`, moments of the clock that [`RenderLoad::start`] got.
    #[must_use]
    pub fn frames_between(&self, from_ns: u64, to_ns: u64) -> Frames {
        hold(&self.log).between(from_ns, to_ns)
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            // A panic of its own was told by the panic; nothing is left to do here.
            let _ = reader.join();
        }
    }
}

impl Drop for RenderLoad {
    /// Ends the process: asks first, by closing its standard input, then does not ask any more.
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

/// Why no more frames come.
#[derive(Debug)]
enum End {
    Gone { said: String },
    Garbled { line: String, wanted: &'static str },
}

/// Every frame so far, in the order of arrival.
#[derive(Debug, Default)]
struct Log {
    frames: Vec<(u64, Frame)>,
    end: Option<End>,
}

impl Log {
    fn between(&self, from_ns: u64, to_ns: u64) -> Frames {
        let first = self.frames.partition_point(|(at_ns, _)| *at_ns < from_ns);
        let end = self.frames.partition_point(|(at_ns, _)| *at_ns < to_ns);
        let frames = self.frames.get(first..end).unwrap_or_default();
        Frames {
            total: frames.len() as u64,
            late: frames.iter().filter(|(_, frame)| frame.late).count() as u64,
            work_ns: frames.iter().map(|(_, frame)| frame.work_ns).collect(),
        }
    }
}

/// Locks, also after a panic: every single step leaves the log whole.
fn hold(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what the process says until it says no more, and notes why that was.
fn listen(stdout: ChildStdout, stderr: ChildStderr, clock: Clock, ready: &SyncSender<Calibration>, log: &Mutex<Log>) {
    let mut stdout = BufReader::new(stdout);
    let mut calibrated = false;
    let end = loop {
        let Some(line) = next_line(&mut stdout) else { break End::Gone { said: last_words(stderr) } };
        let at_ns = clock.now_ns();
        if calibrated {
            let Ok(frame) = line.parse() else { break End::Garbled { line, wanted: "a frame" } };
            hold(log).frames.push((at_ns, frame));
        } else {
            let Ok(calibration) = line.parse() else {
                break End::Garbled { line, wanted: "a calibration" };
            };
            calibrated = true;
            // Whoever started the process may have given up on it.
            let _ = ready.send(calibration);
        }
    };
    hold(log).end = Some(end);
}

/// The next line, or the first bytes of one that is too long to be ours; none at the end. A line that was cut off there is none:
/// its number would be another.
fn next_line(stdout: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let length = stdout.take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    let whole = line.ends_with(b"\n") || length as u64 == LONGEST_LINE;
    whole.then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// The last line that the process wrote to standard error, which has no more to come.
fn last_words(stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = stderr.take(1 << 16).read_to_end(&mut said);
    String::from_utf8_lossy(&said).trim().lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_where_they_arrived() {
        let frame = |at_ns, late, work_ns| (at_ns, Frame { late, work_ns });
        let log = Log {
            frames: vec![frame(10, false, 1), frame(20, true, 2), frame(20, false, 3), frame(30, true, 4)],
            end: None,
        };
        let all = Frames { total: 4, late: 2, work_ns: vec![1, 2, 3, 4] };
        assert_eq!(log.between(0, 100), all);
        assert_eq!(log.between(10, 31), all);
        assert_eq!(log.between(20, 30), Frames { total: 2, late: 1, work_ns: vec![2, 3] });
        assert_eq!(log.between(21, 30), Frames::default());
        assert_eq!(log.between(30, 20), Frames::default());
    }

    #[test]
    fn lines_are_whole_or_none() {
        let mut said: &[u8] = b"0 8100000\n\xff\n1 81";
        assert_eq!(next_line(&mut said).as_deref(), Some("0 8100000"));
        assert_eq!(next_line(&mut said).as_deref(), Some("\u{fffd}"));
        assert_eq!(next_line(&mut said), None);
        let endless = [b'x'; 200];
        assert_eq!(next_line(&mut &endless[..]).map(|line| line.len()), Some(80));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = Path::new("no-such-program-of-workly-perf");
        let error = RenderLoad::start_program(missing, RenderSpec::default(), Clock::start()).unwrap_err();
        assert!(error.to_string().contains("no-such-program-of-workly-perf"), "{error}");
    }
}
