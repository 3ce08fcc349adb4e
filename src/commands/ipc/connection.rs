//! The bridge that is measured: found or started, connected to, and in the end left as it was.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::super::failure::Failure;
use crate::bridge::server::{EmbeddedBridge, Sign};
use crate::bridge::{Ack, Client, Target, resolve};
use crate::plan::IpcPlan;
use crate::record::Simulation;

/// A connection, and the bridge behind it where this process runs it.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Whether nothing is owed or broken on it.
    pub(super) is_clean: bool,
    embedded: Option<EmbeddedBridge>,
    addresses: Vec<SocketAddr>,
}

impl Connection {
    /// Starts the embedded bridge if the plan wants it, and connects.
    pub(super) fn open(plan: &IpcPlan, stop: &AtomicBool) -> Result<Self, Failure> {
        let (embedded, addresses) = match &plan.target {
            Target::Embedded(spec) => {
                let bridge = EmbeddedBridge::start((**spec).clone(), 0)?;
                let address = bridge.address();
                (Some(bridge), vec![address])
            }
            Target::Remote { host, port } => (None, resolve(host, *port, plan.allow_remote)?),
        };
        let client = Client::connect(&addresses, plan.timeout, stop)?;
        Ok(Self { client, is_clean: true, embedded, addresses })
    }

    /// What was measured, for the record.
    pub(super) fn subject(&self, plan: &IpcPlan) -> Value {
        json!({
            "bridge": if self.embedded.is_some() { "embedded" } else { "remote" },
            "address": self.client.address().map(|address| address.to_string()).ok(),
            "found_by": plan.found_by,
            "dialect": plan.dialect.name,
            "greeting": self.client.greeting(),
        })
    }

    /// What stands in for the user's own: the bridge of this process, or that of another `workly-perf bridge`.
    pub(super) fn simulated(&self) -> Vec<Simulation> {
        let parameters = match &self.embedded {
            Some(bridge) => Some(bridge.spec().to_string()),
            None => self.addresses.iter().find_map(|address| Sign::read(*address)),
        };
        parameters.map(|parameters| Simulation { what: "embedded bridge".into(), parameters }).into_iter().collect()
    }

    /// What is odd about the greeting, if anything is.
    pub(super) fn greeting_warning(&self, plan: &IpcPlan) -> Option<String> {
        let greeting = self.client.greeting();
        (greeting != plan.dialect.greeting).then(|| {
            format!(
                "the bridge greeted with {greeting} where dialect {} has {}: is --dialect right?",
                plan.dialect.name, plan.dialect.greeting
            )
        })
    }

    /// After a failure: a fresh connection, and whether the socket thread still answers on it.
    pub(super) fn is_alive(&mut self, plan: &IpcPlan, stop: &AtomicBool) -> bool {
        let mut message = plan.message(Ack::Received, 0);
        self.is_clean = self.client.reconnect(stop).and_then(|()| self.client.exchange(message.line(0), stop)).is_ok();
        self.is_clean
    }

    /// Sends the commands that leave the avatar as it was found. Says which of them did not work.
    pub(super) fn restore(&mut self, plan: &IpcPlan) -> Vec<String> {
        // A wish to end early must not keep the avatar from being put right; each wait is bounded all the same.
        let stop = AtomicBool::new(false);
        if !self.is_clean
            && let Err(error) = self.client.reconnect(&stop)
        {
            return vec![format!("no connection to do it on: {error}")];
        }
        let mut faults = Vec::new();
        for (command, mut message) in plan.restoring() {
            if let Err(error) = self.client.exchange(message.line(0), &stop) {
                faults.push(format!("{command}: {error}"));
            }
        }
        faults
    }
}
