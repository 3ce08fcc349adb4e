//! Writes complete messages within the timeout, whether or not the bridge reads.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::BridgeError;
use super::readiness;

/// How messages are handed to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOptions {
    /// Whether small messages are sent at once; otherwise Nagle's algorithm holds one while another is unacknowledged.
    pub nodelay: bool,
    /// Whether each message is written in two pieces, as by a program that writes a length and then a text.
    pub split: bool,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self { nodelay: true, split: false }
    }
}

/// The writing half of a connection.
#[derive(Debug)]
pub struct LineWriter {
    pub(super) stream: TcpStream,
    pub(super) sending: SendOptions,
    pub(super) timeout: Duration,
}

impl LineWriter {
    /// Writes one message, including framing.
    ///
    /// # Errors
    /// Those of [`super::Client::send`], and [`BridgeError::Interrupted`] if `halt` is set while it waits.
    pub fn send(&mut self, line: &[u8], halt: &AtomicBool) -> Result<(), BridgeError> {
        write_message(&mut self.stream, line, self.sending, self.timeout, halt)
    }
}

pub(super) fn write_message(
    stream: &mut TcpStream,
    message: &[u8],
    sending: SendOptions,
    timeout: Duration,
    stop: &AtomicBool,
) -> Result<(), BridgeError> {
    if !sending.split {
        return write_line(stream, message, timeout, stop);
    }
    let (first, second) = message.split_at(message.len() / 2);
    write_line(stream, first, timeout, stop)?;
    write_line(stream, second, timeout, stop)
}

/// Writes the whole line, or returns an error within the timeout. The first write accepts all of it unless the bridge
/// lags.
fn write_line(stream: &mut TcpStream, line: &[u8], timeout: Duration, stop: &AtomicBool) -> Result<(), BridgeError> {
    let mut rest = line;
    let mut deadline = None;
    loop {
        match readiness::write(stream, rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                    return Err(BridgeError::Closed { mid_line: false });
                }
                _ => return Err(BridgeError::Io(error)),
            },
        }
        if rest.is_empty() {
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            return Err(BridgeError::Interrupted);
        }
        // The time is only needed if the line was not written at once.
        if Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + timeout) {
            return Err(BridgeError::NotReading { waited: timeout });
        }
    }
}
