//! Splits a stream of bytes into messages: one buffer, no copy per message, and a deadline.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::BridgeError;
use super::readiness;
use super::wire::{Framing, PREFIX};

/// How often a blocked read checks whether it should stop. Costs nothing while data arrives.
pub(super) const LOOK_UP: Duration = Duration::from_millis(50);

/// Longer replies are rejected before they fill the memory.
const LONGEST_REPLY: usize = 1 << 20;

/// A message that exceeds the accepted length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MessageTooLong {
    /// Its length in bytes, as far as known.
    pub(super) bytes: usize,
    /// Whether the messages after it can be separated from it.
    pub(super) passable: bool,
}

/// Received bytes and the messages in them.
#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    framing: Framing,
    longest: usize,
    buffer: Vec<u8>,
    /// Start of the unread bytes.
    start: usize,
    /// End of the unread bytes.
    end: usize,
    /// End of the part known to contain no line feed.
    searched: usize,
    /// Bytes of an oversized message that are still to arrive and to be skipped.
    skip: usize,
}

impl ReceiveBuffer {
    pub(super) fn new(longest: usize) -> Self {
        Self { framing: Framing::Lines, longest, buffer: Vec::new(), start: 0, end: 0, searched: 0, skip: 0 }
    }

    /// Sets the framing from the next message on.
    pub(super) fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.searched = self.start;
    }

    /// Position of the next complete message, without framing; see [`ReceiveBuffer::bytes`]. `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Option<Result<Range<usize>, MessageTooLong>> {
        match self.framing {
            Framing::Lines => self.next_line(),
            Framing::Length => self.next_prefixed(),
        }
    }

    /// The bytes of a message.
    pub(super) fn bytes(&self, message: Range<usize>) -> &[u8] {
        &self.buffer[message]
    }

    fn next_line(&mut self) -> Option<Result<Range<usize>, MessageTooLong>> {
        let Some(length) = self.buffer[self.searched..self.end].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.end;
            let bytes = self.end - self.start;
            return (bytes >= self.longest).then_some(Err(MessageTooLong { bytes, passable: false }));
        };
        let line = self.start..self.searched + length;
        self.start = line.end + 1;
        self.searched = self.start;
        Some(Ok(line))
    }

    fn next_prefixed(&mut self) -> Option<Result<Range<usize>, MessageTooLong>> {
        let passed = self.skip.min(self.end - self.start);
        self.start += passed;
        self.skip -= passed;
        let prefix: [u8; PREFIX] = self.buffer[self.start..self.end].get(..PREFIX)?.try_into().ok()?;
        let length = u32::from_be_bytes(prefix) as usize;
        if length > self.longest {
            self.start += PREFIX;
            self.skip = length;
            return Some(Err(MessageTooLong { bytes: length, passable: true }));
        }
        let message = self.start + PREFIX..self.start + PREFIX + length;
        if message.end > self.end {
            return None;
        }
        self.start = message.end;
        Some(Ok(message))
    }

    /// Free space of at least a few bytes, at the end; see [`ReceiveBuffer::filled`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end, self.searched) = (0, 0, 0);
        }
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.end, self.searched) = (self.end - self.start, self.searched.saturating_sub(self.start));
            self.start = 0;
            // At least half of the buffer is free: moving the rest to the front costs less than reading it did.
            if self.end * 2 >= self.buffer.len() {
                let grown = (self.buffer.len() * 2).max(4096);
                self.buffer.resize(grown, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// Marks `count` bytes of the free space as filled.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Whether part of an incomplete message has been received.
    pub(super) fn is_mid_message(&self) -> bool {
        self.end > self.start || self.skip > 0
    }
}

/// Reads messages. The stream must return from a read ([`readiness::wait_at_most`]) at least as often as [`LOOK_UP`].
#[derive(Debug)]
pub(super) struct MessageReader {
    inbox: ReceiveBuffer,
}

impl Default for MessageReader {
    fn default() -> Self {
        Self { inbox: ReceiveBuffer::new(LONGEST_REPLY) }
    }
}

impl MessageReader {
    pub(super) fn set_framing(&mut self, framing: Framing) {
        self.inbox.set_framing(framing);
    }

    /// The next message, without framing. Stop flag and deadline are checked before each message, so that a bridge that
    /// never falls silent cannot block the caller.
    ///
    /// # Errors
    /// [`BridgeError::NoReply`] at the deadline, [`BridgeError::Interrupted`], [`BridgeError::Closed`],
    /// [`BridgeError::LineTooLong`], after which the connection is unusable, [`BridgeError::Io`].
    pub(super) fn next(
        &mut self,
        stream: &mut TcpStream,
        deadline: Instant,
        stop: &AtomicBool,
    ) -> Result<&[u8], BridgeError> {
        let asked = Instant::now();
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(BridgeError::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(BridgeError::NoReply { waited: deadline.saturating_duration_since(asked) });
            }
            match self.inbox.next() {
                Some(Ok(message)) => return Ok(self.inbox.bytes(message)),
                Some(Err(_)) => return Err(BridgeError::LineTooLong { limit_bytes: LONGEST_REPLY }),
                None => {}
            }
            let closed = BridgeError::Closed { mid_line: self.inbox.is_mid_message() };
            match readiness::read(stream, self.inbox.room(), left) {
                Ok(0) => return Err(closed),
                Ok(count) => self.inbox.filled(count),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                        return Err(closed);
                    }
                    _ => return Err(BridgeError::Io(error)),
                },
            }
        }
    }

    /// The next complete message that has already been read, if any.
    pub(super) fn next_read(&mut self) -> Option<&[u8]> {
        match self.inbox.next() {
            Some(Ok(message)) => Some(self.inbox.bytes(message)),
            Some(Err(_)) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        readiness::wait_at_most(&client, LOOK_UP).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn lines_are_reassembled_from_any_reads() {
        let (mut client, mut server) = pair();
        let long = "y".repeat(10_000);
        let text = format!("{{}}\n\nab\n{long}\nrest");
        let writer = std::thread::spawn(move || {
            for piece in text.as_bytes().chunks(7) {
                server.write_all(piece).unwrap();
            }
        });
        let mut lines = MessageReader::default();
        let stop = AtomicBool::new(false);
        let deadline = Instant::now() + Duration::from_secs(20);
        for expected in ["{}", "", "ab", &long] {
            let line = lines.next(&mut client, deadline, &stop).unwrap();
            assert_eq!(String::from_utf8_lossy(line), expected);
        }
        writer.join().unwrap();
        let end = lines.next(&mut client, deadline, &stop);
        assert!(matches!(end, Err(BridgeError::Closed { mid_line: true })));
    }

    #[test]
    fn silent_read_ends_at_the_deadline_or_stop() {
        let (mut client, _server) = pair();
        let mut lines = MessageReader::default();
        let stop = AtomicBool::new(false);
        let deadline = Instant::now() + Duration::from_millis(120);
        let silent = lines.next(&mut client, deadline, &stop);
        assert!(matches!(silent, Err(BridgeError::NoReply { .. })));
        assert!(Instant::now() >= deadline);
        stop.store(true, Ordering::Relaxed);
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(matches!(lines.next(&mut client, far, &stop), Err(BridgeError::Interrupted)));
    }

    #[test]
    fn partial_lines_do_not_extend_the_deadline() {
        let (mut client, mut server) = pair();
        let ended = std::sync::Arc::new(AtomicBool::new(false));
        let trickle = {
            let ended = ended.clone();
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) && server.write_all(b"{").is_ok() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
        };
        let deadline = Instant::now() + Duration::from_millis(60);
        let line = MessageReader::default().next(&mut client, deadline, &AtomicBool::new(false)).map(<[u8]>::len);
        ended.store(true, Ordering::Relaxed);
        assert!(matches!(line, Err(BridgeError::NoReply { .. })), "{line:?}");
        trickle.join().unwrap();
    }

    #[test]
    fn message_flood_ends_at_the_deadline_or_stop() {
        let (mut client, mut server) = pair();
        let flood = std::thread::spawn(move || while server.write_all(&b"{}\n".repeat(1_000)).is_ok() {});
        let mut lines = MessageReader::default();
        let stop = AtomicBool::new(false);
        let deadline = Instant::now() + Duration::from_millis(60);
        let end = loop {
            if let Err(error) = lines.next(&mut client, deadline, &stop) {
                break error;
            }
        };
        assert!(matches!(end, BridgeError::NoReply { .. }), "{end:?}");
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(lines.next(&mut client, far, &stop).is_ok());
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(lines.next(&mut client, far, &stop), Err(BridgeError::Interrupted)));
        drop(client);
        flood.join().unwrap();
    }

    #[test]
    fn endless_line_is_rejected() {
        let (mut client, mut server) = pair();
        std::thread::spawn(move || {
            let block = vec![b'z'; 65_536];
            while server.write_all(&block).is_ok() {}
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        let endless = MessageReader::default().next(&mut client, deadline, &AtomicBool::new(false)).map(<[u8]>::len);
        assert!(matches!(endless, Err(BridgeError::LineTooLong { .. })), "{endless:?}");
    }

    #[test]
    fn prefixed_messages_are_complete_and_oversized_ones_skipped() {
        let mut inbox = ReceiveBuffer::new(8);
        inbox.set_framing(Framing::Length);
        let stream = [b"\0\0\0\x02{}".as_slice(), b"\0\0\0\x09123456789", b"\0\0\0\0", b"\0\0\0\x03a\nb"].concat();
        let mut seen = Vec::new();
        for byte in stream {
            inbox.room()[0] = byte;
            inbox.filled(1);
            while let Some(message) = inbox.next() {
                seen.push(message.map(|message| inbox.bytes(message).to_vec()));
            }
        }
        let too_long = Err(MessageTooLong { bytes: 9, passable: true });
        assert_eq!(seen, [Ok(b"{}".to_vec()), too_long, Ok(Vec::new()), Ok(b"a\nb".to_vec())]);
        assert!(!inbox.is_mid_message());
    }
}
