//! The bridge: a few harmless commands, after which the avatar is restored.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::super::setup::BridgeSession;
use crate::advise::checkup::BridgeFacts;
use crate::bridge::{Ack, BridgeError, Target};
use crate::clock::{Clock, ms};
use crate::failure::Failure;
use crate::host;
use crate::measure::{CaseEnd, Load, LoopContext, MessageCounts, measure_case};
use crate::plan::BridgeConnection;
use crate::stats::median_of;

/// Commands of each kind: enough for a median of the frame period.
const COMMANDS: usize = 15;

/// The bridge's replies.
pub(super) fn look(mut bridge_connection: BridgeConnection, stop: &AtomicBool) -> Result<BridgeFacts, Failure> {
    let address = bridge_connection.target.to_string();
    let owner = owner(&bridge_connection.target);
    let mut connection = match BridgeSession::open(&bridge_connection, stop) {
        Ok(connection) => connection,
        Err(failure) if failure.is_lacking() => return Ok(BridgeFacts::Nobody { address }),
        Err(failure) if failure.is_failed() => {
            return Ok(BridgeFacts::Strange { address, reason: failure.reason(), owner });
        }
        Err(failure) => return Err(failure),
    };
    if let Some(found) = connection.found.take() {
        bridge_connection.switch_dialect(found);
    }
    let received_ms = median_ms(&mut connection, &bridge_connection, Ack::Received, stop);
    let applied_ms = median_ms(&mut connection, &bridge_connection, Ack::Applied, stop);
    let simulated = !connection.simulated().is_empty();
    connection.restore(&bridge_connection);
    Ok(BridgeFacts::Answers {
        address,
        owner,
        dialect: bridge_connection.dialect.name.clone(),
        simulated,
        received_ms,
        applied_ms,
    })
}

/// The median round trip of a closed loop, in milliseconds; with *applied* replies, the frame period.
fn median_ms(
    connection: &mut BridgeSession,
    bridge_connection: &BridgeConnection,
    ack: Ack,
    stop: &AtomicBool,
) -> Result<f64, String> {
    if bridge_connection.dialect.probe(ack).is_none() {
        return Err(format!("dialect {} has no command with such a reply", bridge_connection.dialect.name));
    }
    let clock = Clock::start();
    let loop_context =
        LoopContext { clock: &clock, stop, replies: &AtomicU64::new(0), ids: bridge_connection.dialect.ids };
    let mut message = bridge_connection.message(ack, 0);
    let counts = MessageCounts { warm_up: 1, messages: COMMANDS };
    let trips = measure_case(&mut connection.client, &mut message, Load::Closed, counts, 0, loop_context);
    connection.is_clean = matches!(trips.end, CaseEnd::Complete) && trips.lost == 0;
    if !connection.is_clean {
        connection.is_clean = connection.client.reconnect(stop).is_ok();
    }
    if trips.surplus > 0 && !bridge_connection.dialect.ids {
        return Err(BridgeError::Surplus { count: trips.surplus }.to_string());
    }
    let latency_ms: Vec<f64> = trips.latency_ns.into_iter().map(ms).collect();
    median_of(&latency_ms).ok_or_else(|| trips.first_fault.unwrap_or_else(|| "no reply".into()))
}

/// The program that listens there, if the bridge is another program on this machine.
fn owner(target: &Target) -> Option<String> {
    let Target::Remote { host, port } = target else { return None };
    let ip: IpAddr = if host == "localhost" { IpAddr::from([127, 0, 0, 1]) } else { host.parse().ok()? };
    let found = ip.is_loopback().then(|| host::listening_on(SocketAddr::new(ip, *port)))?;
    found.value()?.as_ref().map(|process| format!("{} (pid {})", process.name, process.pid))
}
