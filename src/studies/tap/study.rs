//! The study: listens, serves one connection after the other, and totals what passes.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::super::setup::serving;
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::cases::{cases, histograms};
use super::findings::findings;
use super::recording::{Recording, TapSamples, keep_bytes};
use crate::bridge::server::PresenceLock;
use crate::bridge::tap::{ProxyConnection, TapSide};
use crate::bridge::{BridgeError, connect_to};
use crate::failure::Failure;
use crate::plan::TapPlan;
use crate::record::{Case, Run, Simulation};

/// Interval for polling connections, messages and the stop flag. It does not delay messages.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Timeout of a connection to Unity.
const CONNECT: Duration = Duration::from_secs(2);

const PRIVATE: &str = "session.jsonl contains the full messages (--with-payload), including the chat; do not share the \
    file";

/// Traffic between application and Unity.
pub(crate) struct TapStudy {
    /// The plan.
    pub(crate) plan: TapPlan,
    /// The destination as given.
    pub(crate) to: String,
}

/// The listener for the application.
pub(crate) struct TapListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl TapListener {
    /// Listens on the plan's address.
    pub(crate) fn open(plan: &TapPlan) -> Result<Self, BridgeError> {
        let failed = |source| BridgeError::NotListening { address: plan.listen, source };
        let listener = TcpListener::bind(plan.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Study for TapStudy {
    type Data = TapSamples;
    type Target = TapListener;

    fn manifest(&self, target: &TapListener) -> Result<RunManifest, Failure> {
        let plan = &self.plan;
        let simulated = plan.to.iter().find_map(|to| PresenceLock::holder(*to));
        let to: Vec<String> = plan.to.iter().map(ToString::to_string).collect();
        Ok(RunManifest {
            command: "tap",
            plan: planned(plan)?,
            subject: json!({"listen": target.address.to_string(), "to": to}),
            simulated: simulated
                .map(|parameters| Simulation { what: "embedded bridge".into(), parameters })
                .into_iter()
                .collect(),
            warnings: plan.with_payload.then(|| PRIVATE.to_owned()).into_iter().collect(),
        })
    }

    fn measured_processes(&self, _: &TapListener) -> Vec<u32> {
        serving(&self.plan.to)
    }

    fn run(
        &self,
        target: &mut TapListener,
        data: &mut TapSamples,
        context: &mut RunContext<'_, TapSamples>,
    ) -> Result<StopReason, Failure> {
        let recording = Recording::start(&context.record, context.clock, self.plan.with_payload)?;
        if self.plan.with_payload {
            context.observer.warning(PRIVATE);
        }
        context.observer.note(&format!(
            "listening on {}, forwarding to {}; Ctrl-C stops it and keeps the record",
            target.address, self.to
        ));
        let mut tap = Tap { plan: &self.plan, data, context, recording, connection: None };
        let served = tap.serve(&target.listener);
        let left = tap.leave();
        let Tap { recording, context, .. } = tap;
        if let Err(error) = recording.finish() {
            context.file_is_incomplete(error);
        }
        // Ctrl-C is the normal end of a tap.
        served.and(left).map(|()| StopReason::Planned)
    }

    fn cases(&self, data: &TapSamples, _: Option<StopReason>) -> Vec<Case> {
        cases(&data.account)
    }

    fn findings(&self, data: &TapSamples, _: &Run, _: StopReason) -> Vec<String> {
        findings(&data.account)
    }

    fn histograms(&self, data: &TapSamples) -> Vec<CaseHistogram> {
        histograms(data)
    }
}

/// The running tap.
struct Tap<'a, 'r> {
    plan: &'a TapPlan,
    data: &'a mut TapSamples,
    context: &'a mut RunContext<'r, TapSamples>,
    recording: Recording,
    connection: Option<ProxyConnection>,
}

impl Tap<'_, '_> {
    /// Serves connections until it should stop.
    fn serve(&mut self, listener: &TcpListener) -> Result<(), Failure> {
        while !self.context.is_stopped() {
            if let Some(connection) = &self.connection {
                self.recording.watch(connection, self.data)?;
                if connection.is_over() {
                    self.leave()?;
                    if self.plan.once {
                        return Ok(());
                    }
                    self.context.observer.note("the connection was closed; waiting for the next one");
                    self.context.checkpoint(self.data)?;
                    continue;
                }
            }
            // One at a time, as in the stock bridge: others wait in the system's queue. An application that has closed
            // its side makes way for them.
            let free = self.connection.as_ref().is_none_or(|connection| connection.has_ended(TapSide::App));
            match free.then(|| listener.accept()) {
                Some(Ok((app, _))) => self.join(app)?,
                // No client has connected, or it has disconnected before its turn.
                Some(Err(_)) | None => thread::sleep(LOOK_UP),
            }
        }
        Ok(())
    }

    fn join(&mut self, app: TcpStream) -> Result<(), Failure> {
        self.leave()?;
        let unity = self.plan.to.iter().map(|to| connect_to(to, CONNECT));
        let mut refusal = None;
        for attempt in unity {
            match attempt {
                Ok(unity) => return self.pass(app, unity),
                Err(source) => refusal = refusal.or(Some(source)),
            }
        }
        let source = refusal.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        let error = BridgeError::NobodyThere { address: self.plan.to[0], source };
        drop(app);
        if self.plan.once {
            return Err(error.into());
        }
        self.context.observer.warning(&format!("{error}: the application's connection was closed"));
        Ok(())
    }

    fn pass(&mut self, app: TcpStream, unity: TcpStream) -> Result<(), Failure> {
        // Inherited from the listener on some systems.
        let joined = app
            .set_nonblocking(false)
            .and_then(|()| ProxyConnection::join(app, unity, self.context.clock, keep_bytes(self.plan.with_payload)));
        match joined {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => {
                self.context.observer.warning(&format!("the connection could not be forwarded: {error}"));
                return Ok(());
            }
        }
        self.context.observer.note("the application has connected");
        self.recording.begin(self.data)
    }

    /// Ends the connection, if any, and adds its last messages.
    fn leave(&mut self) -> Result<(), Failure> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        self.recording.end(connection, self.data)
    }
}
