//! The measured bridge: found or started, connected, and restored at the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use crate::bridge::server::{AppliedLog, BridgeSpec, EmbeddedBridge, PresenceLock};
use crate::bridge::{Ack, Client, DetectedDialect, Endpoint, ListeningSide, Target, Wire, detect, listening, resolve};
use crate::failure::Failure;
use crate::host;
use crate::plan::{BridgeConnection, DialectOrigin};
use crate::plural::counted;
use crate::record::Simulation;
use crate::stats::median_of_sorted;

/// A connection, and the bridge if it is embedded.
pub(crate) struct BridgeSession {
    pub(crate) client: Client,
    /// Whether no reply is pending on it and it is not broken.
    pub(crate) is_clean: bool,
    /// The detected dialect, if it was to be detected.
    pub(crate) found: Option<DetectedDialect>,
    embedded: Option<EmbeddedBridge>,
    /// Where a bridge in another process would hold its presence lock.
    addresses: Vec<SocketAddr>,
}

impl BridgeSession {
    /// Starts the embedded bridge if the plan requires it, connects or waits for a connection, and detects the dialect
    /// if requested.
    pub(crate) fn open(bridge_connection: &BridgeConnection, stop: &AtomicBool) -> Result<Self, Failure> {
        let (embedded, endpoint, addresses) = match &bridge_connection.target {
            Target::Embedded(spec) => {
                let (bridge, endpoint) = embedded(spec)?;
                (Some(bridge), endpoint, Vec::new())
            }
            Target::Remote { host, port } => {
                let addresses = resolve(host, *port, bridge_connection.allow_remote)?;
                (None, Endpoint::Connect(addresses.clone()), addresses)
            }
            Target::Listen(address) => {
                let endpoint = Endpoint::listen(listening(*address, bridge_connection.allow_remote)?)?;
                let address = endpoint.listening_on().into_iter().collect();
                (None, endpoint, address)
            }
        };
        let mut client = Client::open(endpoint, bridge_connection.dialect, bridge_connection.timeout, stop)?;
        let found = match bridge_connection.dialect_by {
            DialectOrigin::Auto => Some(detect(&mut client, stop)?),
            _ => None,
        };
        if let Some(found) = &found {
            client.switch_dialect(found.dialect);
        }
        Ok(Self { client, is_clean: true, found, embedded, addresses })
    }

    /// Whether the bridge is embedded, so that there is no avatar.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The bridge's log, if it is embedded.
    pub(crate) fn applied_log(&self) -> Option<AppliedLog> {
        self.embedded.as_ref().map(EmbeddedBridge::applied_log)
    }

    /// The subject, for the record.
    pub(crate) fn subject(&self, bridge_connection: &BridgeConnection) -> Value {
        json!({
            "bridge": if self.embedded.is_some() { "embedded" } else { "remote" },
            "address": self.client.address().map(|address| address.to_string()).ok(),
            "found_by": bridge_connection.found_by,
            "dialect": bridge_connection.dialect.name,
            "dialect_by": bridge_connection.dialect_by,
            "greeting": self.client.greeting(),
        })
    }

    /// Simulated parts: the bridge of this process, or of another `workly-perf bridge`.
    pub(crate) fn simulated(&self) -> Vec<Simulation> {
        let parameters = match &self.embedded {
            Some(bridge) => Some(bridge.spec().to_string()),
            None => self.addresses.iter().find_map(|address| PresenceLock::holder(*address)),
        };
        parameters.map(|parameters| Simulation { what: "embedded bridge".into(), parameters }).into_iter().collect()
    }

    /// Other measured processes: the bridge's, and those of Unity and Workly unless it is simulated.
    pub(crate) fn processes(&self) -> Vec<u32> {
        if self.is_embedded() { Vec::new() } else { serving(&self.addresses) }
    }

    /// A warning about an unexpected greeting.
    pub(crate) fn greeting_warning(&self, bridge_connection: &BridgeConnection) -> Option<String> {
        let greeting = self.client.greeting();
        (!bridge_connection.dialect.is_greeting(greeting)).then(|| {
            format!(
                "the bridge's greeting is {greeting}, and that of dialect {} is {}: is --dialect correct?",
                bridge_connection.dialect.name, bridge_connection.dialect.greeting
            )
        })
    }

    /// Frame rates that the bridge reported by itself, if any.
    pub(crate) fn reported_fps(&self) -> Option<String> {
        let mut fps = self.client.reported_fps().to_vec();
        fps.sort_by(f64::total_cmp);
        (!fps.is_empty()).then(|| {
            let (median, n) = (median_of_sorted(&fps), fps.len());
            format!("The bridge reports {median:.1} frames per second (median of {}).", counted(n, "status message"))
        })
    }

    /// A warning about foreign messages, if any arrived.
    pub(crate) fn foreign_warning(&self, bridge_connection: &BridgeConnection) -> Option<String> {
        let (count, first) = self.client.foreign()?;
        Some(format!(
            "{} arrived that dialect {} does not define, and that answered nothing; the first: {first}. Is --dialect \
             correct? --dialect auto detects it",
            counted(count, "message"),
            bridge_connection.dialect.name
        ))
    }

    /// After a failure: makes a fresh connection and returns whether the socket thread still replies.
    pub(crate) fn is_alive(&mut self, bridge_connection: &BridgeConnection, stop: &AtomicBool) -> bool {
        let mut message = bridge_connection.message(Ack::Received, 0);
        self.is_clean = self.client.reconnect(stop).and_then(|()| self.client.exchange(&mut message, stop)).is_ok();
        self.is_clean
    }

    /// Sends the commands that restore the avatar. Returns those that failed.
    pub(crate) fn restore(&mut self, bridge_connection: &BridgeConnection) -> Vec<String> {
        // Not interruptible, so that the avatar is restored; each wait is bounded.
        let stop = AtomicBool::new(false);
        if !self.is_clean
            && let Err(error) = self.client.reconnect(&stop)
        {
            return vec![format!("no connection: {error}")];
        }
        if self.client.wire() != Wire::LINES
            && let Err(error) = self.client.negotiate(Wire::LINES, &stop)
        {
            return vec![format!("the codec could not be restored: {error}")];
        }
        let mut faults = Vec::new();
        for (command, mut message) in bridge_connection.restoring() {
            if let Err(error) = self.client.exchange(&mut message, &stop) {
                faults.push(format!("{command}: {error}"));
            }
        }
        faults
    }
}

/// An embedded bridge and its endpoint.
fn embedded(spec: &BridgeSpec) -> Result<(EmbeddedBridge, Endpoint), Failure> {
    if spec.dialect.listens == ListeningSide::Client {
        let endpoint = Endpoint::listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = endpoint.listening_on().map_or(0, |address| address.port());
        return Ok((EmbeddedBridge::start(spec.clone(), port)?, endpoint));
    }
    let bridge = EmbeddedBridge::start(spec.clone(), 0)?;
    let endpoint = Endpoint::Connect(vec![bridge.address()]);
    Ok((bridge, endpoint))
}

/// The processes behind a bridge: those listening on its addresses, and those of Unity or Workly, without this process.
pub(crate) fn serving(addresses: &[SocketAddr]) -> Vec<u32> {
    let mut processes = host::ProcessTable::new();
    processes.refresh();
    let found = processes.of_workly().into_iter().map(|process| process.pid);
    let listening = addresses.iter().filter(|address| address.ip().is_loopback()).filter_map(|address| {
        let listening = host::listening_on(*address);
        Some(listening.value()?.as_ref()?.pid)
    });
    found.chain(listening).filter(|pid| *pid != std::process::id()).collect()
}
