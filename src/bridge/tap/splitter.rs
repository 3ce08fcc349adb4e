//! Finds message boundaries in an observed byte stream.
//!
//! Both framings are recognised, message by message: a length below 16 MiB begins with a zero byte, and no JSON text
//! does. So the negotiated framing need not be known.

use super::super::wire::{Framing, PREFIX};

/// Longer messages are counted, but their content is not kept, to bound the memory.
const LONGEST_KEPT_BYTES: usize = 16 << 20;

/// A complete message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitMessage {
    pub(super) framing: Framing,
    /// Bytes on the wire, including line feed or length.
    pub(super) size_bytes: u64,
    /// Content without line feed or length, truncated to the kept length.
    pub(super) content: Vec<u8>,
}

/// Splits one direction of a connection.
#[derive(Debug)]
pub(super) struct Splitter {
    keep_bytes: usize,
    content: Vec<u8>,
    seen_bytes: u64,
    state: SplitterState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SplitterState {
    Begin,
    Line,
    Prefix,
    Payload { left: u64 },
}

impl Splitter {
    /// Keeps at most `keep_bytes` of each message.
    pub(super) fn new(keep_bytes: usize) -> Self {
        let keep_bytes = keep_bytes.min(LONGEST_KEPT_BYTES);
        Self { keep_bytes, content: Vec::new(), seen_bytes: 0, state: SplitterState::Begin }
    }

    /// Takes the bytes of a read and passes on each completed message.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut on_message: impl FnMut(SplitMessage)) {
        while let Some(&first) = bytes.first() {
            match self.state {
                SplitterState::Begin => {
                    self.state = if first == 0 { SplitterState::Prefix } else { SplitterState::Line }
                }
                SplitterState::Line => {
                    let Some(at) = bytes.iter().position(|&byte| byte == b'\n') else {
                        self.keep(bytes);
                        return;
                    };
                    self.keep(&bytes[..at]);
                    self.seen_bytes += 1;
                    bytes = &bytes[at + 1..];
                    on_message(self.take(Framing::Lines));
                }
                SplitterState::Prefix => {
                    // Kept until the prefix is complete, regardless of `keep_bytes`.
                    self.content.push(first);
                    self.seen_bytes += 1;
                    bytes = &bytes[1..];
                    if self.content.len() == PREFIX {
                        let left = self.content.iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
                        self.content.clear();
                        self.state = SplitterState::Payload { left };
                        if left == 0 {
                            on_message(self.take(Framing::Length));
                        }
                    }
                }
                SplitterState::Payload { left } => {
                    let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.keep(&bytes[..count]);
                    bytes = &bytes[count..];
                    let left = left - count as u64;
                    self.state = SplitterState::Payload { left };
                    if left == 0 {
                        on_message(self.take(Framing::Length));
                    }
                }
            }
        }
    }

    /// Bytes of an incomplete message.
    pub(super) fn unfinished_bytes(&self) -> u64 {
        self.seen_bytes
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.seen_bytes += bytes.len() as u64;
        let room = self.keep_bytes.saturating_sub(self.content.len());
        self.content.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&mut self, framing: Framing) -> SplitMessage {
        self.state = SplitterState::Begin;
        let size_bytes = std::mem::take(&mut self.seen_bytes);
        SplitMessage { framing, size_bytes, content: std::mem::take(&mut self.content) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(keep_bytes: usize, bytes: &[u8], piece: usize) -> Vec<(Framing, u64, String)> {
        let mut splitter = Splitter::new(keep_bytes);
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            splitter.feed(piece, |message| {
                let content = String::from_utf8_lossy(&message.content).into_owned();
                found.push((message.framing, message.size_bytes, content));
            });
        }
        found
    }

    #[test]
    fn both_framings_are_found_with_any_read_boundaries() {
        let stream = b"{\"a\":1}\n\r\n\x00\x00\x00\x03{\n}\x00\x00\x00\x00{}\n\x00\x00\x00\x01x{half";
        let expected = [
            (Framing::Lines, 8, "{\"a\":1}".to_owned()),
            (Framing::Lines, 2, "\r".to_owned()),
            (Framing::Length, 7, "{\n}".to_owned()),
            (Framing::Length, 4, String::new()),
            (Framing::Lines, 3, "{}".to_owned()),
            (Framing::Length, 5, "x".to_owned()),
        ];
        for piece in [1, 2, 3, 5, 100] {
            assert_eq!(split(100, stream, piece), expected, "pieces of {piece}");
        }
        let mut splitter = Splitter::new(100);
        splitter.feed(stream, |_| {});
        assert_eq!(splitter.unfinished_bytes(), 5);
    }

    #[test]
    fn truncated_content_still_counts() {
        for piece in [1, 7, 1_000] {
            let found = split(4, b"0123456789\n\x00\x00\x00\x06abcdef\n", piece);
            assert_eq!(found[0], (Framing::Lines, 11, "0123".to_owned()));
            assert_eq!(found[1], (Framing::Length, 10, "abcd".to_owned()));
        }
    }
}
