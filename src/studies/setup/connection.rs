//! The bridge that is measured: found or started, connected to, and in the end left as it was.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use crate::bridge::server::{AppliedAccount, BridgeSpec, EmbeddedBridge, PresenceLock};
use crate::bridge::{Ack, Client, Detected, Endpoint, Listener, Target, Wire, detect, listening, resolve};
use crate::failure::Failure;
use crate::host;
use crate::plan::{BridgeConnection, DialectBy};
use crate::plural::counted;
use crate::record::Simulation;
use crate::stats::median_of_sorted;

/// A connection, and the bridge behind it where this process runs it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// Whether nothing is owed or broken on it.
    pub(crate) is_clean: bool,
    /// What the bridge was found to speak, where that was to be found out.
    pub(crate) found: Option<Detected>,
    embedded: Option<EmbeddedBridge>,
    /// Where a bridge of another process would hold its presence lock.
    addresses: Vec<SocketAddr>,
}

impl Connection {
    /// Starts the embedded bridge if the plan wants it, connects or is connected to, and finds out the dialect if that is
    /// wanted.
    pub(crate) fn open(reach: &BridgeConnection, stop: &AtomicBool) -> Result<Self, Failure> {
        let (embedded, endpoint, addresses) = match &reach.target {
            Target::Embedded(spec) => {
                let (bridge, endpoint) = embedded(spec)?;
                (Some(bridge), endpoint, Vec::new())
            }
            Target::Remote { host, port } => {
                let addresses = resolve(host, *port, reach.allow_remote)?;
                (None, Endpoint::Connect(addresses.clone()), addresses)
            }
            Target::Listen(address) => {
                let endpoint = Endpoint::listen(listening(*address, reach.allow_remote)?)?;
                let address = endpoint.listening_on().into_iter().collect();
                (None, endpoint, address)
            }
        };
        let mut client = Client::open(endpoint, reach.dialect, reach.timeout, stop)?;
        let found = match reach.dialect_by {
            DialectBy::Auto => Some(detect(&mut client, stop)?),
            _ => None,
        };
        if let Some(found) = &found {
            client.speak(found.dialect);
        }
        Ok(Self { client, is_clean: true, found, embedded, addresses })
    }

    /// Whether the bridge is this process's own, behind which there is no avatar.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The account of the bridge, where this process runs it.
    pub(crate) fn account(&self) -> Option<AppliedAccount> {
        self.embedded.as_ref().map(EmbeddedBridge::account)
    }

    /// What was measured, for the record.
    pub(crate) fn subject(&self, reach: &BridgeConnection) -> Value {
        json!({
            "bridge": if self.embedded.is_some() { "embedded" } else { "remote" },
            "address": self.client.address().map(|address| address.to_string()).ok(),
            "found_by": reach.found_by,
            "dialect": reach.dialect.name,
            "dialect_by": reach.dialect_by,
            "greeting": self.client.greeting(),
        })
    }

    /// What stands in for the user's own: the bridge of this process, or that of another `workly-perf bridge`.
    pub(crate) fn simulated(&self) -> Vec<Simulation> {
        let parameters = match &self.embedded {
            Some(bridge) => Some(bridge.spec().to_string()),
            None => self.addresses.iter().find_map(|address| PresenceLock::holder(*address)),
        };
        parameters.map(|parameters| Simulation { what: "embedded bridge".into(), parameters }).into_iter().collect()
    }

    /// The processes that are measured beside this one: the bridge's, and those of Unity and Workly where it is no stand-in.
    pub(crate) fn processes(&self) -> Vec<u32> {
        if self.is_embedded() { Vec::new() } else { serving(&self.addresses) }
    }

    /// What is odd about the greeting, if anything is.
    pub(crate) fn greeting_warning(&self, reach: &BridgeConnection) -> Option<String> {
        let greeting = self.client.greeting();
        (!reach.dialect.is_greeting(greeting)).then(|| {
            format!(
                "the bridge's greeting is {greeting}, and that of dialect {} is {}: is --dialect correct?",
                reach.dialect.name, reach.dialect.greeting
            )
        })
    }

    /// What the bridge tells of its frames by itself, if it does.
    pub(crate) fn reported_fps(&self) -> Option<String> {
        let mut fps = self.client.reported_fps().to_vec();
        fps.sort_by(f64::total_cmp);
        (!fps.is_empty()).then(|| {
            let (median, n) = (median_of_sorted(&fps), fps.len());
            format!("The bridge reports {median:.1} frames per second (median of {}).", counted(n, "status message"))
        })
    }

    /// What came that the dialect does not have, if anything did.
    pub(crate) fn foreign_warning(&self, reach: &BridgeConnection) -> Option<String> {
        let (count, first) = self.client.foreign()?;
        Some(format!(
            "{} arrived that dialect {} does not define, and that answered nothing; the first: {first}. Is --dialect \
             correct? --dialect auto detects it",
            counted(count, "message"),
            reach.dialect.name
        ))
    }

    /// After a failure: a fresh connection, and whether the socket thread still answers on it.
    pub(crate) fn is_alive(&mut self, reach: &BridgeConnection, stop: &AtomicBool) -> bool {
        let mut message = reach.message(Ack::Received, 0);
        self.is_clean = self.client.reconnect(stop).and_then(|()| self.client.exchange(&mut message, stop)).is_ok();
        self.is_clean
    }

    /// Sends the commands that leave the avatar as it was found. Says which of them did not work.
    pub(crate) fn restore(&mut self, reach: &BridgeConnection) -> Vec<String> {
        // A wish to end early must not keep the avatar from being put right; each wait is bounded all the same.
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
        for (command, mut message) in reach.restoring() {
            if let Err(error) = self.client.exchange(&mut message, &stop) {
                faults.push(format!("{command}: {error}"));
            }
        }
        faults
    }
}

/// A bridge of this process, and how to reach it.
fn embedded(spec: &BridgeSpec) -> Result<(EmbeddedBridge, Endpoint), Failure> {
    if spec.dialect.listens == Listener::Client {
        let endpoint = Endpoint::listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = endpoint.listening_on().map_or(0, |address| address.port());
        return Ok((EmbeddedBridge::start(spec.clone(), port)?, endpoint));
    }
    let bridge = EmbeddedBridge::start(spec.clone(), 0)?;
    let endpoint = Endpoint::Connect(vec![bridge.address()]);
    Ok((bridge, endpoint))
}

/// The processes behind a bridge: who listens on its addresses, and whatever is Unity's or Workly's. Not this process.
pub(crate) fn serving(addresses: &[SocketAddr]) -> Vec<u32> {
    let mut processes = host::Processes::new();
    processes.refresh();
    let found = processes.of_workly().into_iter().map(|process| process.pid);
    let listening = addresses.iter().filter(|address| address.ip().is_loopback()).filter_map(|address| {
        let listening = host::listening_on(*address);
        Some(listening.value()?.as_ref()?.pid)
    });
    found.chain(listening).filter(|pid| *pid != std::process::id()).collect()
}
