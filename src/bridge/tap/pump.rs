//! One direction of a connection: read, pass on, and only then record.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::splitter::{SplitMessage, Splitter};
use crate::bridge::{Framing, readiness};
use crate::clock::Clock;

/// Bytes read and passed on at once.
const READ_BYTES: usize = 64 << 10;

/// Maximum number of recorded messages not yet fetched; beyond it nothing more is read, so that a flooding side is
/// slowed down instead of filling the memory.
const MOST_NOTED: usize = 100_000;

/// The same limit for the kept bytes.
const MOST_NOTED_BYTES: usize = 64 << 20;

/// Polling interval while waiting for recorded messages to be fetched.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A side of the tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TapSide {
    /// The application, which connects.
    App,
    /// Unity or an embedded bridge.
    Unity,
}

/// A message that was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedMessage {
    /// The sender.
    pub from: TapSide,
    /// When the read that completed it returned, in nanoseconds of the tap's clock.
    pub at_ns: u64,
    /// Time its last bytes spent in the tap, in nanoseconds: from that read to the end of the write.
    pub held_ns: u64,
    /// Bytes on the wire.
    pub size_bytes: u64,
    /// Its framing.
    pub framing: Framing,
    /// The kept part, without framing.
    pub content: Vec<u8>,
}

/// Totals of a direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectionTotals {
    /// Bytes passed on.
    pub bytes: u64,
    /// Bytes of an incomplete message at the end.
    pub unfinished_bytes: u64,
}

/// Records of a connection's pumps.
#[derive(Debug)]
pub(super) struct PumpLog {
    noted: Mutex<UnfetchedMessages>,
    /// Set when records are no longer fetched.
    pub(super) is_over: AtomicBool,
    /// Set before both sides are shut down.
    is_cut: AtomicBool,
    /// For each direction, when processing of the current read began; `u64::MAX` while idle.
    pub(super) busy_since_ns: [AtomicU64; 2],
    /// For each direction, when it last read data or the end of the stream.
    pub(super) read_ns: [AtomicU64; 2],
}

impl Default for PumpLog {
    fn default() -> Self {
        Self {
            noted: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
            busy_since_ns: [const { AtomicU64::new(u64::MAX) }; 2],
            read_ns: [const { AtomicU64::new(0) }; 2],
        }
    }
}

/// Messages that were passed on and not yet fetched.
#[derive(Debug, Default)]
struct UnfetchedMessages {
    messages: Vec<ForwardedMessage>,
    content_bytes: usize,
}

impl PumpLog {
    fn noted(&self) -> MutexGuard<'_, UnfetchedMessages> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, messages: impl Iterator<Item = ForwardedMessage>) {
        let mut noted = self.noted();
        for message in messages {
            noted.content_bytes += message.content.len();
            noted.messages.push(message);
        }
    }

    /// Moves the recorded messages to the end of `into`.
    pub(super) fn fetch(&self, into: &mut Vec<ForwardedMessage>) {
        let mut noted = self.noted();
        noted.content_bytes = 0;
        into.append(&mut noted.messages);
    }

    /// Shuts down both sides, which ends all pending reads and writes.
    pub(super) fn disconnect(&self, one: &TcpStream, other: &TcpStream) {
        self.is_cut.store(true, Ordering::SeqCst);
        // A connection that is already closed needs no shutdown.
        let _ = one.shutdown(Shutdown::Both);
        let _ = other.shutdown(Shutdown::Both);
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    fn is_full(&self) -> bool {
        let noted = self.noted();
        noted.messages.len() > MOST_NOTED || noted.content_bytes > MOST_NOTED_BYTES
    }

    /// Waits for space for more messages.
    fn wait_for_room(&self) {
        while self.is_full() && !self.is_over.load(Ordering::SeqCst) {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Passes on what `source` sends until it ends, then closes that direction of `sink`. A fault on either side closes
/// both.
pub(super) fn pump(
    (from, source, sink): (TapSide, &TcpStream, &TcpStream),
    clock: Clock,
    keep_bytes: usize,
    log: &PumpLog,
) -> DirectionTotals {
    let mut buffer = vec![0; READ_BYTES];
    let mut splitter = Splitter::new(keep_bytes);
    let mut found = Vec::new();
    let mut bytes = 0;
    loop {
        let count = match readiness::read_until(source, &mut buffer, || log.is_cut()) {
            Ok(0) => {
                let _ = sink.shutdown(Shutdown::Write);
                break;
            }
            Ok(count) => count,
            Err(_) => {
                log.disconnect(source, sink);
                break;
            }
        };
        let at_ns = clock.now_ns();
        log.read_ns[from as usize].store(at_ns, Ordering::SeqCst);
        log.busy_since_ns[from as usize].store(at_ns, Ordering::SeqCst);
        if readiness::write_all(sink, &buffer[..count], || log.is_cut()).is_err() {
            log.disconnect(source, sink);
            break;
        }
        let held_ns = clock.now_ns() - at_ns;
        bytes += count as u64;
        splitter.feed(&buffer[..count], |message| found.push(message));
        if !found.is_empty() {
            let passed = |SplitMessage { framing, size_bytes, content }| ForwardedMessage {
                from,
                at_ns,
                held_ns,
                size_bytes,
                framing,
                content,
            };
            log.note(found.drain(..).map(passed));
        }
        log.busy_since_ns[from as usize].store(u64::MAX, Ordering::SeqCst);
        log.wait_for_room();
    }
    log.read_ns[from as usize].store(clock.now_ns(), Ordering::SeqCst);
    log.busy_since_ns[from as usize].store(u64::MAX, Ordering::SeqCst);
    DirectionTotals { bytes, unfinished_bytes: splitter.unfinished_bytes() }
}
