//! The connected client, shared by the two threads that answer it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::stop::hold;
use crate::clock::{Clock, nanos};

/// How late the timer of a socket may be.
const COARSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// Whose turn it is to write: lines of the two threads never mix.
    turn: Mutex<()>,
    cut: AtomicBool,
}

impl Client {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Fails only on a connection that is dead already, which the first read will tell.
        let _ = stream.set_nodelay(true);
        Self { stream, turn: Mutex::new(()), cut: AtomicBool::new(false) }
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

    /// Sends with one write. A client that has left is no error: the reading thread will notice.
    pub(super) fn send(&self, bytes: &[u8]) {
        let _turn = hold(&self.turn);
        let _ = (&self.stream).write_all(bytes);
    }

    /// Sends with two writes, as over a connection on which Nagle's algorithm keeps the second until the first is acknowledged:
    /// by the client's next message, or once it has put that off for `delay`. `wait_until` waits for a moment of `clock`.
    pub(super) fn send_in_pieces(
        &self,
        bytes: &[u8],
        delay: Duration,
        clock: &Clock,
        wait_until: impl FnOnce(u64) -> bool,
    ) {
        let _turn = hold(&self.turn);
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
