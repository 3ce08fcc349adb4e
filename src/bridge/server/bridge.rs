//! An embedded bridge from start to shutdown.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::acceptor::Acceptor;
use super::applied_log::AppliedLog;
use super::avatar::Avatar;
use super::counters::Counters;
use super::error::BridgeServerError;
use super::shared::Shared;
use super::spec::BridgeSpec;
use super::stop::lock;
use super::{main_thread, socket};
use crate::bridge::ListeningSide;

/// Timeout of one attempt to wake the socket thread.
const WAKE_TIMEOUT: Duration = Duration::from_millis(100);

/// Checks of the socket thread after each wake attempt, one millisecond apart.
const LOOKS_PER_WAKE: u32 = 50;

/// A running bridge; it stops when dropped.
#[derive(Debug)]
pub struct EmbeddedBridge {
    address: SocketAddr,
    shared: Arc<Shared>,
    socket: Option<JoinHandle<()>>,
    main: Option<JoinHandle<()>>,
}

impl EmbeddedBridge {
    /// Starts a bridge on 127.0.0.1 at `port`; 0 picks a free one. Clients may connect as soon as this returns. In a
    /// dialect in which the client listens, it connects to that port instead, repeatedly.
    ///
    /// # Errors
    /// If the specification contradicts itself, the port is in use, or a thread cannot be started.
    pub fn start(spec: BridgeSpec, port: u16) -> Result<Self, BridgeServerError> {
        spec.validate()?;
        let refused = |source: io::Error| BridgeServerError::Listen { port, source };
        let (acceptor, address) = match spec.dialect.listens {
            ListeningSide::Bridge => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
                let address = listener.local_addr().map_err(refused)?;
                (Acceptor::Listen(listener), address)
            }
            ListeningSide::Client => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                (Acceptor::Call(address), address)
            }
        };
        let shared = Arc::new(Shared::new(spec));
        // Created before its threads: if the second one fails to start, dropping this stops the first.
        let mut bridge = Self { address, shared: Arc::clone(&shared), socket: None, main: None };
        bridge.main = Some(spawn("bridge-main", {
            let shared = Arc::clone(&shared);
            move || main_thread::run(&shared)
        })?);
        bridge.socket = Some(spawn("bridge-socket", move || socket::serve(&acceptor, &shared))?);
        Ok(bridge)
    }

    /// The address on which the bridge, or in some dialects the client, listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its specification.
    #[must_use]
    pub fn spec(&self) -> &BridgeSpec {
        &self.shared.spec
    }

    /// Current counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Its log of applied commands; may outlive the bridge.
    #[must_use]
    pub fn applied_log(&self) -> AppliedLog {
        AppliedLog::of(&self.shared)
    }

    /// Current state of the avatar.
    #[must_use]
    pub fn avatar(&self) -> Avatar {
        lock(&self.shared.avatar).clone()
    }

    /// Closes the connection, stops listening, and returns when both threads have ended, after about a frame. Counters
    /// and avatar remain readable.
    pub fn shutdown(&mut self) {
        self.shared.stop();
        if let Some(socket) = self.socket.take() {
            while !socket.is_finished() {
                // A thread waiting for a client is woken by a connection; one that connects checks the flag by itself.
                if self.shared.spec.dialect.listens == ListeningSide::Bridge {
                    drop(TcpStream::connect_timeout(&self.address, WAKE_TIMEOUT));
                }
                for _ in 0..LOOKS_PER_WAKE {
                    if socket.is_finished() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            }
            // A panic of that thread has already been reported.
            let _ = socket.join();
        }
        if let Some(main) = self.main.take() {
            let _ = main.join();
        }
    }
}

impl Drop for EmbeddedBridge {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn spawn(thread: &'static str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, BridgeServerError> {
    thread::Builder::new()
        .name(thread.to_owned())
        .spawn(body)
        .map_err(|source| BridgeServerError::Thread { thread, source })
}
