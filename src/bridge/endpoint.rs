//! Where the connection comes from: made to a bridge that listens, or by a bridge to us.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::BridgeError;
use super::framing::LOOK_UP;

/// How often a listener that nobody has called looks up.
const ACCEPT_AGAIN: Duration = Duration::from_millis(5);

/// Where the connection comes from.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// The bridge listens on one of these.
    Connect(Vec<SocketAddr>),
    /// The bridge connects to this.
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
        // So that waiting for a bridge can end.
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self::Accept(Arc::new(listener)))
    }

    /// The address on which it listens; `None` where the bridge does.
    #[must_use]
    pub fn listening_on(&self) -> Option<SocketAddr> {
        match self {
            Self::Connect(_) => None,
            Self::Accept(listener) => listener.local_addr().ok(),
        }
    }

    /// A connection within `timeout`, ready for small messages and for reads that look up now and then.
    pub(super) fn open(&self, timeout: Duration, stop: &AtomicBool) -> Result<TcpStream, BridgeError> {
        let stream = match self {
            Self::Connect(addresses) => connect(addresses, timeout),
            Self::Accept(listener) => accept(listener, timeout, stop),
        }?;
        let look_up = Some(LOOK_UP.min(timeout));
        // One message, one segment: Nagle's algorithm would hold small ones back.
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(look_up))
            .and_then(|()| stream.set_write_timeout(look_up))
            .map_err(BridgeError::Io)?;
        Ok(stream)
    }
}

fn connect(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, BridgeError> {
    let mut refused = BridgeError::Io(std::io::Error::other("no address was given"));
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout) {
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
                stream.set_nonblocking(false).map_err(BridgeError::Io)?;
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
