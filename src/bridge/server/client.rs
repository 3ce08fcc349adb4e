//! The connected client, shared by the two threads that answer it.

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stop::hold;
use crate::bridge::Wire;
use crate::clock::{Clock, nanos};

/// How late the timer of a socket may be.
const COARSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// Whose turn it is to write, and how: messages of the two threads never mix, and none is written in a form that no longer
    /// holds.
    turn: Mutex<Wire>,
    cut: AtomicBool,
}

impl Client {
    /// With `nodelay`, small replies are sent at once. Without it Nagle's algorithm holds a reply back while an earlier one is
    /// unacknowledged.
    pub(super) fn new(stream: TcpStream, nodelay: bool) -> Self {
        // Fails only on a connection that is dead already, which the first read will tell.
        let _ = stream.set_nodelay(nodelay);
        Self { stream, turn: Mutex::default(), cut: AtomicBool::new(false) }
    }

    /// The number of bytes that one read brought; `None` when the connection is over.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match (&self.stream).read(buffer) {
                Ok(0) => return None,
                Ok(count) => return Some(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends what is said on the wire as it then is, with one write. A client that has left is no error: the reading thread will
    /// notice.
    pub(super) fn send(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>) {
        self.send_by(message, |bytes| self.write(bytes));
    }

    /// The same, but that `write` does the writing.
    pub(super) fn send_by(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>, write: impl FnOnce(&[u8])) {
        let wire = hold(&self.turn);
        write(&message(*wire));
    }

    /// Sends in the old form; afterwards the new one holds.
    pub(super) fn switch(&self, message: impl FnOnce(Wire) -> Cow<'static, [u8]>, to: Wire) {
        let mut wire = hold(&self.turn);
        self.write(&message(*wire));
        *wire = to;
    }

    /// How messages are written now.
    pub(super) fn wire(&self) -> Wire {
        *hold(&self.turn)
    }

    /// Writes at once; within [`Client::send_by`].
    pub(super) fn write(&self, bytes: &[u8]) {
        let _ = (&self.stream).write_all(bytes);
    }

    /// Writes in two pieces, within [`Client::send_by`], as over a connection on which Nagle's algorithm keeps the second until
    /// the first is acknowledged: by the client's next message, or once it has put that off for `delay`. `wait_until` waits for
    /// a moment of `clock`.
    pub(super) fn write_in_pieces(
        &self,
        bytes: &[u8],
        delay: Duration,
        clock: &Clock,
        wait_until: impl FnOnce(u64) -> bool,
    ) {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let due_ns = clock.now_ns().saturating_add(nanos(delay));
        let _ = (&self.stream).write_all(first);
        // Timers of sockets are coarse: the rest is waited for by the clock.
        let coarse = delay.saturating_sub(COARSE).max(Duration::from_millis(1));
        let _ = self.stream.set_read_timeout(Some(coarse));
        let next = self.stream.peek(&mut [0]);
        let _ = self.stream.set_read_timeout(None);
        let silent = next.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        if !silent || wait_until(due_ns) {
            let _ = (&self.stream).write_all(second);
        }
    }

    /// Sends half a line and ends the connection.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // One turn for both, so that no line of the other thread gets between.
        let _turn = hold(&self.turn);
        let _ = (&self.stream).write_all(b"{");
        self.hang_up();
    }

    /// Whether the connection was ended by [`Client::cut`]; whatever still arrives is to be ignored.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Ends the connection, and with it a read or write that waits.
    pub(super) fn hang_up(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
