//! Public entry points to the parsers for the targets in `fuzz/`. Compiled by
//! cargo-fuzz alone, which sets `cfg(fuzzing)`.

use super::dialect::Dialect;
use super::framing::ReceiveBuffer;
use super::wire::{Framing, Wire};

/// Maximum accepted message length, in bytes: short enough for a fuzzer to reach.
const LONGEST: usize = 1 << 12;

/// The messages in a stream that arrives in reads of at most `read_bytes`, without framing; ends at an oversized
/// message that cannot be separated from what follows.
#[must_use]
pub fn messages(stream: &[u8], framing: Framing, read_bytes: usize) -> Vec<Vec<u8>> {
    let mut inbox = ReceiveBuffer::new(LONGEST);
    inbox.set_framing(framing);
    let mut found = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let room = inbox.room();
        let count = rest.len().min(read_bytes).min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        inbox.filled(count);
        rest = &rest[count..];
        while let Some(message) = inbox.next() {
            match message {
                Ok(message) => found.push(inbox.bytes(message).to_vec()),
                Err(too_long) if too_long.passable => {}
                Err(_) => return found,
            }
        }
    }
    found
}

/// Feeds the tap with a stream that arrives in reads of at most `read_bytes`.
pub fn tapped(stream: &[u8], read_bytes: usize) {
    super::tap::fuzzing::watched(stream, read_bytes);
}

/// Feeds one message to the embedded bridge.
pub fn understood(message: &[u8], dialect: &'static Dialect, wire: Wire) {
    super::server::fuzzing::understood(message, dialect, wire);
}

/// Feeds the stock bridge's line splitter with a stream that arrives in reads of at most `read_bytes`.
pub fn lines_as_stock(stream: &[u8], read_bytes: usize) {
    super::server::fuzzing::lines_as_stock(stream, read_bytes);
}
