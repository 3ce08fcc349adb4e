//! Direction of the connection: to a bridge that listens, or from a bridge to us.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::BridgeError;
use super::framing::LOOK_UP;
use super::readiness;

/// Polling interval of a listener.
const ACCEPT_AGAIN: Duration = Duration::from_millis(5);

/// Where the connection comes from.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// The bridge listens on one of these.
    Connect(Vec<SocketAddr>),
    /// The bridge connects to this listener.
    Accept(Arc<TcpListener>),
}

impl Endpoint {
    /// Listens on `address`, for a bridge that connects.
    ///
    /// # Errors
    /// [`BridgeError::NotListening`].
    pub fn listen(address: SocketAddr) -> Result<Self, BridgeError> {
        let failed = |source| BridgeError::NotListening { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        // So that waiting for a bridge can be interrupted.
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self::Accept(Arc::new(listener)))
    }

    /// The address on which it listens; `None` if the bridge listens.
    #[must_use]
    pub fn listening_on(&self) -> Option<SocketAddr> {
        match self {
            Self::Connect(_) => None,
            Self::Accept(listener) => listener.local_addr().ok(),
        }
    }

    /// A connection within `timeout`, set up for small messages and for reads that can be stopped.
    pub(super) fn open(&self, timeout: Duration, stop: &AtomicBool) -> Result<TcpStream, BridgeError> {
        let stream = match self {
            Self::Connect(addresses) => connect(addresses, timeout),
            Self::Accept(listener) => accept(listener, timeout, stop),
        }?;
        // One message, one segment: Nagle's algorithm would delay small ones.
        stream
            .set_nodelay(true)
            .and_then(|()| readiness::wait_at_most(&stream, LOOK_UP.min(timeout)))
            .map_err(BridgeError::Io)?;
        Ok(stream)
    }
}

/// Connects to `address`. If no process listens on a port from the system's ephemeral range, a socket may connect to
/// itself and then reads back whatever it writes: that is refused.
///
/// # Errors
/// Those of the system; `ConnectionRefused` if the connection leads back to itself.
pub fn connect_to(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, timeout)?;
    refuse_self_connection(&stream)?;
    Ok(stream)
}

fn refuse_self_connection(stream: &TcpStream) -> io::Result<()> {
    if stream.local_addr()? == stream.peer_addr()? {
        let why = "nothing listens there; the system connected the socket to itself";
        return Err(io::Error::new(ErrorKind::ConnectionRefused, why));
    }
    Ok(())
}

fn connect(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, BridgeError> {
    let mut refused = BridgeError::Io(io::Error::other("no address was given"));
    for address in addresses {
        match connect_to(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(source) => refused = BridgeError::NobodyThere { address: *address, source },
        }
    }
    Err(refused)
}

fn accept(listener: &TcpListener, timeout: Duration, stop: &AtomicBool) -> Result<TcpStream, BridgeError> {
    let deadline = Instant::now() + timeout;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                refuse_self_connection(&stream)
                    .and_then(|()| stream.set_nonblocking(false))
                    .map_err(BridgeError::Io)?;
                return Ok(stream);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(BridgeError::Io(error)),
        }
        if stop.load(Ordering::Relaxed) {
            return Err(BridgeError::Interrupted);
        }
        if Instant::now() >= deadline {
            let address = listener.local_addr().map_err(BridgeError::Io)?;
            return Err(BridgeError::NobodyCame { address, waited: timeout });
        }
        thread::sleep(ACCEPT_AGAIN);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The system assigns ephemeral ports in steps of random length, so sooner or later a connection gets the port it
    /// connects to. Eight times the size of the range misses a port with one of half its numbers in about one case of
    /// ten million.
    #[test]
    fn self_connection_is_refused() {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let bounds: Vec<u16> = range.split_whitespace().map(|port| port.parse().unwrap()).collect();
        let (low, high) = (bounds[0], bounds[1]);
        // Ports of one parity are assigned first.
        let free =
            |from: u16| (from..high).step_by(2).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
        let called = [free(low + (high - low) / 2), free(low + (high - low) / 2 + 1)];
        let joined = (0..8 * u32::from(high - low)).find_map(|_| {
            called.iter().find_map(|port| {
                let address = (std::net::Ipv4Addr::LOCALHOST, *port).into();
                let refusal = connect_to(&address, Duration::from_secs(5)).expect_err("nothing listens there");
                refusal.to_string().contains("the socket to itself").then_some(refusal)
            })
        });
        assert_eq!(joined.expect("a connection to itself").kind(), ErrorKind::ConnectionRefused);
    }
}
