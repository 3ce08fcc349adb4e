//! The application's process from start to end, and the recording meanwhile.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::Context;

use super::super::observer::{Observer, Phase};
use super::super::tap::{TapListener, TapStudy};
use super::super::{RunOptions, drive};
use super::study::{LaunchStudy, LaunchTarget};
use crate::failure::Failure;
use crate::launch::{CallLog, ChildSignals, LaunchError, LaunchSession, Program, ShimEvents, supervise};
use crate::plan::{LaunchPlan, TapPlan};
use crate::plural::counted;

/// Address of Unity: the application connects there, whatever its configuration says.
const BRIDGE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5555);

const WITHOUT: &str = "the program runs without the settings";

/// The tasks of a launch.
pub(crate) struct LaunchRun<'a, O> {
    /// The settings and the recording.
    plan: &'a LaunchPlan,
    /// The folder of the record; `None` for a new one.
    out: Option<&'a Path>,
    /// The shim and its files; `None` if they could not be written.
    session: Option<LaunchSession>,
    /// Receives warnings.
    observer: O,
}

/// The running application.
struct SupervisedApp {
    pid: u32,
    ended: Arc<AtomicBool>,
    waiting: JoinHandle<io::Result<ExitStatus>>,
    tap: Option<JoinHandle<Result<PathBuf, Failure>>>,
    is_measured: bool,
    is_shimmed: bool,
}

impl SupervisedApp {
    /// Starts the program.
    ///
    /// # Errors
    /// The system's error if the program does not start.
    fn start<O>(mut command: Command, run: &LaunchRun<'_, O>) -> io::Result<Self>
    where
        O: Observer + Copy + Send + 'static,
    {
        let listener = run.session.as_ref().filter(|_| run.plan.tap).and_then(|_| listen(&run.observer));
        let port = listener.as_ref().map(|(_, listener)| listener.port());
        let written = run.session.as_ref().map(|session| write_settings(session, run.plan, port));
        let is_shimmed = match written {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                run.observer.warning(&format!("{WITHOUT}: {error}"));
                false
            }
            None => false,
        };
        if let Some(session) = run.session.as_ref().filter(|_| is_shimmed) {
            command.envs(session.environment(std::env::var_os("PYTHONPATH").as_deref()));
            if let Some((name, value)) = run.plan.wait_policy() {
                match std::env::var(name) {
                    Ok(own) if own != value => run.observer.note(&format!("{name} is {own} already, and stays so")),
                    _ => {
                        run.observer.note(&format!("{name}={value}"));
                        command.env(name, value);
                    }
                }
            }
            tell(run.plan, &run.observer);
        }
        let signals = ChildSignals::catch()?;
        let child = command.spawn()?;
        let (pid, ended) = (child.id(), Arc::new(AtomicBool::new(false)));
        let raised = Arc::clone(&ended);
        let waiting = thread::Builder::new().name("child".into()).spawn(move || {
            let status = supervise(child, signals);
            raised.store(true, Ordering::Relaxed);
            status
        })?;
        let tap = listener.filter(|_| is_shimmed).map(|(plan, listener)| {
            let (observer, stop) = (WarningObserver(run.observer), Arc::clone(&ended));
            thread::spawn(move || tap(plan, listener, observer, &stop))
        });
        Ok(Self { pid, ended, waiting, tap, is_measured: is_shimmed && run.plan.measure.is_some(), is_shimmed })
    }
}

impl<'a, O: Observer + Copy + Send + 'static> LaunchRun<'a, O> {
    /// Unpacks the shim. If that fails, the program runs without it.
    pub(crate) fn prepare(plan: &'a LaunchPlan, out: Option<&'a Path>, observer: O) -> Self {
        let session = LaunchSession::prepare().map_err(|error| observer.warning(&format!("{WITHOUT}: {error}")));
        Self { plan, out, session: session.ok(), observer }
    }

    /// Starts the program and waits for it to end.
    pub(crate) fn run(self, words: &[OsString]) -> Result<ExitStatus, Failure> {
        let [program, arguments @ ..] = words else {
            return Err(Failure::usage(anyhow::anyhow!("there is no command after --")));
        };
        if let Some(warning) = Program::of(program, arguments).warning() {
            self.observer.warning(&warning);
        }
        let mut command = Command::new(program);
        command.args(arguments);
        let started = SupervisedApp::start(command, &self).map_err(|error| {
            let error = anyhow::anyhow!("cannot start {}: {error}", program.to_string_lossy());
            Failure::lacking(error).hint("check the command after --, and PATH")
        })?;
        self.follow(started)
    }

    /// Measures as requested and waits for the program to end. Errors of the measurement become warnings.
    fn follow(self, started: SupervisedApp) -> Result<ExitStatus, Failure> {
        let SupervisedApp { pid, ended, waiting, tap, is_measured, is_shimmed } = started;
        if let Some(session) = self.session.as_ref().filter(|_| is_measured) {
            let study = LaunchStudy { plan: self.plan };
            let mut target = LaunchTarget::new(CallLog::new(session.calls_path()), pid, self.plan.scene.as_deref());
            let observer = Rc::new(WarningObserver(self.observer));
            let options = RunOptions { out: self.out, observer, stop: &ended };
            match drive(&study, &mut target, &options) {
                Ok(finished) => self.recorded(finished.recorder.path()),
                Err(failure) => self.observer.warning(&format!("the calls are not recorded: {}", failure.message())),
            }
        }
        let status = waiting.join().map_err(|_| Failure::bug(anyhow::anyhow!("the thread of the child has failed")))?;
        let status = status.context("cannot wait for the program").map_err(Failure::bug)?;
        if let Some(session) = self.session.as_ref().filter(|_| is_shimmed) {
            self.tell_whether_in_force(&ShimEvents::read(&session.events_path()));
        }
        match tap.map(JoinHandle::join) {
            Some(Ok(Ok(path))) => self.recorded(&path),
            Some(Ok(Err(failure))) => self.observer.warning(&format!("the tap has failed: {}", failure.message())),
            Some(Err(_)) => self.observer.warning("the thread of the tap has failed"),
            None => {}
        }
        Ok(status)
    }

    fn recorded(&self, path: &Path) {
        self.observer.note(&format!("record: {}", path.display()));
    }

    /// Warns if the settings were never applied.
    fn tell_whether_in_force(&self, events: &ShimEvents) {
        if events.loaded.is_empty() {
            self.observer.warning("the settings were not in force: no Python that loads the shim was started");
        } else if let Some(reason) = &events.unusable {
            self.observer.warning(&format!("the settings were not in force: {reason}"));
        }
    }
}

/// States what is recorded. The shim itself prints each setting that it changes.
fn tell(plan: &LaunchPlan, observer: &impl Observer) {
    if let Some(measured) = plan.measure {
        observer.note(&format!(
            "calls of the model are recorded for {}, without their texts",
            counted(measured.as_secs(), "second")
        ));
    }
}

fn write_settings(session: &LaunchSession, plan: &LaunchPlan, tap: Option<u16>) -> Result<(), LaunchError> {
    let calls = plan.measure.map(|_| session.calls_path());
    session.write_settings(&plan.settings_file(tap, calls.as_deref()))
}

/// A tap on a free port.
fn listen(observer: &impl Observer) -> Option<(TapPlan, TapListener)> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plan = TapPlan { listen, to: vec![BRIDGE], once: false, with_payload: false };
    match TapListener::open(&plan) {
        Ok(listener) => Some((plan, listener)),
        Err(error) => {
            observer.warning(&format!("the messages are not recorded: {error}"));
            None
        }
    }
}

/// Runs the tap until the program has ended. Returns the folder of its record.
fn tap(
    plan: TapPlan,
    mut listener: TapListener,
    observer: impl Observer + 'static,
    stop: &AtomicBool,
) -> Result<PathBuf, Failure> {
    let study = TapStudy { plan, to: BRIDGE.to_string() };
    let options = RunOptions { out: None, observer: Rc::new(observer), stop };
    Ok(drive(&study, &mut listener, &options)?.recorder.path().to_owned())
}

/// Passes on warnings only: the terminal belongs to the application.
struct WarningObserver<O>(O);

impl<O: Observer> Observer for WarningObserver<O> {
    fn phase(&self, label: &str, steps: u64) -> Box<dyn Phase> {
        self.0.phase(label, steps)
    }

    fn phase_bytes(&self, label: &str, bytes: u64) -> Box<dyn Phase> {
        self.0.phase_bytes(label, bytes)
    }

    fn note(&self, _: &str) {}

    fn warning(&self, text: &str) {
        self.0.warning(text);
    }
}
