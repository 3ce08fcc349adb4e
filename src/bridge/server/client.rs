//! The connected client, shared by the two threads that reply to it.

use std::borrow::Cow;
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stop::lock;
use crate::bridge::{Wire, readiness};
use crate::clock::{Clock, nanos};

/// Maximum lateness of a socket timer. Windows counts in steps of 15.6 ms.
const COARSE: Duration = Duration::from_millis(if cfg!(windows) { 20 } else { 5 });

#[derive(Debug)]
pub(super) struct ConnectedClient {
    stream: TcpStream,
    /// Write lock and current wire format: messages of the two threads never mix, and none is written in an outdated
    /// format.
    turn: Mutex<Wire>,
    cut: AtomicBool,
    /// Set before the connection is shut down.
    over: AtomicBool,
}

impl ConnectedClient {
    /// With `nodelay`, small replies are sent at once. Without it, Nagle's algorithm holds a reply while an earlier one
    /// is unacknowledged.
    pub(super) fn new(stream: TcpStream, nodelay: bool) -> Self {
        // Only fails on a closed connection, which the first read reports.
        let _ = stream.set_nodelay(nodelay).and_then(|()| readiness::wait_without_limit(&stream));
        Self { stream, turn: Mutex::default(), cut: AtomicBool::new(false), over: AtomicBool::new(false) }
    }

    /// Number of bytes of one read; `None` at the end of the connection.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        readiness::read_until(&self.stream, buffer, || self.is_over()).ok().filter(|count| *count > 0)
    }

    /// Sends a message in the current wire format with one write. A client that has disconnected is not an error: the
    /// reading thread will notice.
    pub(super) fn send(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>) {
        self.send_by(message, |bytes| self.write(bytes));
    }

    /// Like [`ConnectedClient::send`], with `write` doing the writing.
    pub(super) fn send_by(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>, write: impl FnOnce(&[u8])) {
        let wire = lock(&self.turn);
        write(&message(*wire));
    }

    /// Sends in the old wire format and then switches to the new one.
    pub(super) fn switch(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>, to: Wire) {
        let mut wire = lock(&self.turn);
        self.write(&message(*wire));
        *wire = to;
    }

    /// Current wire format.
    pub(super) fn wire(&self) -> Wire {
        *lock(&self.turn)
    }

    /// Writes at once; for use within [`ConnectedClient::send_by`].
    pub(super) fn write(&self, bytes: &[u8]) {
        let _ = readiness::write_all(&self.stream, bytes, || self.is_over());
    }

    /// Writes in two pieces, within [`ConnectedClient::send_by`], as over a connection on which Nagle's algorithm holds the
    /// second until the first is acknowledged: by the client's next message, or after its acknowledgement delay
    /// `delay`. `wait_until` waits for a time of `clock`.
    pub(super) fn write_in_pieces(
        &self,
        bytes: &[u8],
        delay: Duration,
        clock: &Clock,
        wait_until: impl FnOnce(u64) -> bool,
    ) {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let due_ns = clock.now_ns().saturating_add(nanos(delay));
        self.write(first);
        // Socket timers are coarse: the rest of the wait uses the clock.
        let coarse = delay.saturating_sub(COARSE).max(Duration::from_millis(1));
        if readiness::is_readable_within(&self.stream, coarse, || self.is_over()) || wait_until(due_ns) {
            self.write(second);
        }
    }

    /// Sends half a line and closes the connection.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // Locked throughout, so that no line of the other thread gets in between.
        let _turn = lock(&self.turn);
        self.write(b"{");
        self.disconnect();
    }

    /// Whether [`ConnectedClient::cut`] ended the connection; further input must be ignored.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Closes the connection and ends any pending read or write.
    pub(super) fn disconnect(&self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}
