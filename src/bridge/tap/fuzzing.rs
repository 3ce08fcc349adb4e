//! The tap without sockets, for the targets in `fuzz/`.

use super::splitter::Splitter;

/// Checks that every byte belongs to a message or to the incomplete end.
pub(in crate::bridge) fn watched(stream: &[u8], read_bytes: usize) {
    let mut splitter = Splitter::new(1 << 10);
    let mut seen_bytes = 0;
    for read in stream.chunks(read_bytes) {
        splitter.feed(read, |found| seen_bytes += found.size_bytes);
    }
    assert_eq!(seen_bytes + splitter.unfinished_bytes(), stream.len() as u64, "no byte is lost or counted twice");
}
