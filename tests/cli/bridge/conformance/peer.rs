//! A client that only uses sockets, so that the bridge is not checked with this project's own client.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use workly_perf::bridge::server::{BridgeSpec, EmbeddedBridge};

use super::served::Served;

/// A command that the main thread answers.
pub(super) const BLINK: &str = r#"{"command": "set_auto_blink", "data": {"enabled": true}}"#;

/// A command that the socket thread answers.
pub(super) const RESET: &str = r#"{"command": "reset_expressions", "data": {}}"#;

/// How long a peer listens before it counts as silence.
pub(super) const SILENCE: Duration = Duration::from_millis(120);

/// How long a peer waits for an expected message; only reached if the bridge is broken.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn bridge(spec: &str) -> EmbeddedBridge {
    let spec: BridgeSpec = spec.parse().unwrap();
    EmbeddedBridge::start(spec, 0).unwrap()
}

pub(super) fn expression(name: &str, value: f64) -> String {
    json!({"command": "set_expression", "data": {"name": name, "value": value}}).to_string()
}

pub(super) fn blink(enabled: bool) -> String {
    json!({"command": "set_auto_blink", "data": {"enabled": enabled}}).to_string()
}

/// A `set_expression` with a two-byte character whose bytes are on both sides of the end of the first 4,096 bytes.
pub(super) fn torn_name() -> String {
    let head = r#"{"command":"set_expression","data":{"name":"joy"#;
    let padding = "x".repeat(4_095 - head.len());
    format!(r#"{head}{padding}éend","value":1}}}}"#)
}

#[derive(Debug)]
pub(super) struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    pub(super) fn connect(bridge: &impl Served) -> Self {
        let stream = TcpStream::connect(bridge.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Connects and reads the greeting.
    pub(super) fn greeted(bridge: &impl Served) -> Self {
        let mut peer = Self::connect(bridge);
        assert_eq!(peer.line(), bridge.greeting());
        peer
    }

    pub(super) fn stream(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(super) fn send(&mut self, message: &str) {
        self.write(format!("{message}\n").as_bytes());
    }

    /// Sends a message and reads the bare reply.
    pub(super) fn ask(&mut self, message: &str) {
        self.send(message);
        assert_eq!(self.line(), "{}", "{message}");
    }

    /// Sends a message and reads the reply as JSON.
    pub(super) fn call(&mut self, message: &Value) -> Value {
        self.send(&message.to_string());
        serde_json::from_str(&self.line()).unwrap()
    }

    pub(super) fn line(&mut self) -> String {
        String::from_utf8(self.line_bytes()).unwrap()
    }

    pub(super) fn line_bytes(&mut self) -> Vec<u8> {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                return line;
            }
            assert!(self.read().unwrap() > 0, "closed after {:?}", self.unread);
        }
    }

    /// The next `count` bytes.
    pub(super) fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        while self.unread.len() < count {
            assert!(self.read().unwrap() > 0, "closed after {:?}", self.unread);
        }
        self.unread.drain(..count).collect()
    }

    /// Whether nothing arrives for a while and the connection stays open.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.stream.set_read_timeout(Some(SILENCE)).unwrap();
        self.unread.is_empty()
            && match self.read() {
                Ok(_) => false,
                Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
    }

    /// Everything until the bridge closes the connection.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        loop {
            match self.read() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("not closed: {error}"),
            }
        }
        std::mem::take(&mut self.unread)
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut buffer = [0; 16_384];
        let count = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}
