//! Connection direction: clients connect to the bridge, or the bridge connects to a client.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::shared::Shared;
use crate::bridge::endpoint::connect_to;

/// Pause after a failed accept, for example when file descriptors run out, and after an unanswered connection attempt;
/// in nanoseconds.
const AGAIN_NS: u64 = 10_000_000;

/// Timeout of a connection attempt.
const CALL: Duration = Duration::from_millis(100);

/// How clients are obtained.
#[derive(Debug)]
pub(super) enum Acceptor {
    /// Clients connect to this listener.
    Listen(TcpListener),
    /// The bridge connects to its only client at this address.
    Call(SocketAddr),
}

impl Acceptor {
    /// The next client; `None` if the bridge was stopped.
    pub(super) fn next(&self, shared: &Shared) -> Option<TcpStream> {
        loop {
            let stream = match self {
                Self::Listen(listener) => listener.accept().map(|(stream, _)| stream),
                Self::Call(address) => connect_to(address, CALL),
            };
            match stream {
                Ok(stream) => return Some(stream),
                Err(_) if shared.stop.wait_until(&shared.clock, shared.clock.now_ns() + AGAIN_NS) => {}
                Err(_) => return None,
            }
        }
    }
}
