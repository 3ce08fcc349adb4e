//! How clients connect: they connect to the bridge, or the bridge connects to them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::shared::Shared;
use crate::bridge::endpoint::dial;

/// The pause after a failed accept, such as one for want of file descriptors, and after a call that nobody took, in
/// nanoseconds.
const AGAIN_NS: u64 = 10_000_000;

/// How long a call may take.
const CALL: Duration = Duration::from_millis(100);

/// Where clients come from.
#[derive(Debug)]
pub(super) enum Acceptor {
    /// Clients connect to it.
    Listen(TcpListener),
    /// The bridge connects to the one client there is.
    Call(SocketAddr),
}

impl Acceptor {
    /// The next client. `None` when the bridge was stopped.
    pub(super) fn next(&self, shared: &Shared) -> Option<TcpStream> {
        loop {
            let stream = match self {
                Self::Listen(listener) => listener.accept().map(|(stream, _)| stream),
                Self::Call(address) => dial(address, CALL),
            };
            match stream {
                Ok(stream) => return Some(stream),
                Err(_) if shared.stop.wait_until(&shared.clock, shared.clock.now_ns() + AGAIN_NS) => {}
                Err(_) => return None,
            }
        }
    }
}
