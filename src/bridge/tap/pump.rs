//! One direction of a connection: read, pass on, and only then note.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::splitter::{Found, Splitter};
use crate::bridge::Framing;
use crate::clock::Clock;

/// Bytes that are read, and passed on, at once.
const READ_BYTES: usize = 64 << 10;

/// One of the two ends of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The application, which connects.
    App,
    /// Unity, or whatever stands in for it.
    Unity,
}

/// A message that was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Who sent it.
    pub from: Side,
    /// When the read that completed it returned, in nanoseconds of the tap's clock.
    pub at_ns: u64,
    /// How long its last bytes stayed in the tap, in nanoseconds: from that read to the end of the write.
    pub held_ns: u64,
    /// Bytes on the wire.
    pub size_bytes: u64,
    /// How it was framed.
    pub framing: Framing,
    /// What was kept of it, without framing.
    pub content: Vec<u8>,
}

/// What a direction has carried, besides its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Bytes that were passed on.
    pub bytes: u64,
    /// Bytes at the end that made up no whole message.
    pub unfinished_bytes: u64,
}

/// What the pumps of a passage note.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) passed: Mutex<Vec<Passed>>,
    /// For each direction, since when it has been at what it read last; the largest number while it is at nothing.
    pub(super) busy_since_ns: [AtomicU64; 2],
    /// For each direction, when it last read something, or its end.
    pub(super) read_ns: [AtomicU64; 2],
}

impl Default for Log {
    fn default() -> Self {
        Self {
            passed: Mutex::default(),
            busy_since_ns: [const { AtomicU64::new(u64::MAX) }; 2],
            read_ns: [const { AtomicU64::new(0) }; 2],
        }
    }
}

/// Passes on what `source` sends until it ends, then ends that direction of `sink` too. A fault on either side ends both.
pub(super) fn pump(
    (from, mut source, mut sink): (Side, &TcpStream, &TcpStream),
    clock: Clock,
    keep_bytes: usize,
    log: &Log,
) -> Carried {
    let mut buffer = vec![0; READ_BYTES];
    let mut splitter = Splitter::new(keep_bytes);
    let mut found = Vec::new();
    let mut bytes = 0;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => {
                let _ = sink.shutdown(Shutdown::Write);
                break;
            }
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => {
                hang_up(source, sink);
                break;
            }
        };
        let at_ns = clock.now_ns();
        log.read_ns[from as usize].store(at_ns, Ordering::SeqCst);
        log.busy_since_ns[from as usize].store(at_ns, Ordering::SeqCst);
        if sink.write_all(&buffer[..count]).is_err() {
            hang_up(source, sink);
            break;
        }
        let held_ns = clock.now_ns() - at_ns;
        bytes += count as u64;
        splitter.feed(&buffer[..count], |message| found.push(message));
        if !found.is_empty() {
            let passed =
                |Found { framing, size_bytes, content }| Passed { from, at_ns, held_ns, size_bytes, framing, content };
            log.passed.lock().unwrap_or_else(PoisonError::into_inner).extend(found.drain(..).map(passed));
        }
        log.busy_since_ns[from as usize].store(u64::MAX, Ordering::SeqCst);
    }
    log.read_ns[from as usize].store(clock.now_ns(), Ordering::SeqCst);
    log.busy_since_ns[from as usize].store(u64::MAX, Ordering::SeqCst);
    Carried { bytes, unfinished_bytes: splitter.unfinished_bytes() }
}

pub(super) fn hang_up(one: &TcpStream, other: &TcpStream) {
    // One that is gone already needs no more.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}
