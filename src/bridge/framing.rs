//! Lines out of a TCP stream: one buffer, no copy a message, a deadline instead of waiting for ever.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::BridgeError;

/// How often a blocked read looks up to see whether it should end. Costs nothing while data flows.
pub(super) const LOOK_UP: Duration = Duration::from_millis(50);

/// A line longer than this is not a reply, and is refused before it fills the memory.
const LONGEST_LINE: usize = 1 << 20;

/// Reads lines. The stream must have a read timeout of [`LOOK_UP`] or less.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    buffer: Vec<u8>,
    /// Where the unread bytes begin.
    start: usize,
    /// Where they end.
    end: usize,
    /// Up to where they are known to hold no newline.
    searched: usize,
}

impl LineReader {
    /// The next line, without its newline.
    ///
    /// # Errors
    /// [`BridgeError::NoReply`] at the deadline, [`BridgeError::Interrupted`], [`BridgeError::Closed`],
    /// [`BridgeError::LineTooLong`], after which the connection is of no use, [`BridgeError::Io`].
    pub(super) fn next_line(
        &mut self,
        stream: &mut TcpStream,
        deadline: Instant,
        stop: &AtomicBool,
    ) -> Result<&[u8], BridgeError> {
        let asked = Instant::now();
        loop {
            if let Some(length) = self.buffer[self.searched..self.end].iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.searched + length;
                self.start = line.end + 1;
                self.searched = self.start;
                return Ok(&self.buffer[line]);
            }
            self.searched = self.end;
            self.make_room()?;
            match stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(BridgeError::Closed { mid_line: self.end > self.start }),
                Ok(count) => {
                    self.end += count;
                    if self.buffer[self.searched..self.end].contains(&b'\n') {
                        continue;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    ErrorKind::Interrupted => continue,
                    ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                        return Err(BridgeError::Closed { mid_line: self.end > self.start });
                    }
                    _ => return Err(BridgeError::Io(error)),
                },
            }
            if stop.load(Ordering::Relaxed) {
                return Err(BridgeError::Interrupted);
            }
            // Whatever trickles in without ending a line does not put the deadline off.
            if Instant::now() >= deadline {
                return Err(BridgeError::NoReply { waited: deadline.saturating_duration_since(asked) });
            }
        }
    }

    /// Forgets the whole lines that were read and not asked for, and says how many they were.
    pub(super) fn discard(&mut self) -> u64 {
        let unread = &self.buffer[self.start..self.end];
        let lines = unread.split(|&byte| byte == b'\n').count() - 1;
        if let Some(last) = unread.iter().rposition(|&byte| byte == b'\n') {
            self.start += last + 1;
            self.searched = self.searched.max(self.start);
        }
        lines as u64
    }

    /// Moves the unread bytes to the front, and grows the buffer when they fill it.
    fn make_room(&mut self) -> Result<(), BridgeError> {
        if self.start == self.end {
            (self.start, self.end, self.searched) = (0, 0, 0);
        }
        if self.end < self.buffer.len() {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end, self.searched) = (0, self.end - self.start, self.searched - self.start);
        if self.end >= LONGEST_LINE {
            return Err(BridgeError::LineTooLong { limit_bytes: LONGEST_LINE });
        }
        let grown = (self.buffer.len() * 2).max(4096);
        self.buffer.resize(grown, 0);
        Ok(())
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
        client.set_read_timeout(Some(LOOK_UP)).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        let (mut client, mut server) = pair();
        let long = "y".repeat(10_000);
        let text = format!("{{}}\n\nab\n{long}\nrest");
        let writer = std::thread::spawn(move || {
            for piece in text.as_bytes().chunks(7) {
                server.write_all(piece).unwrap();
            }
        });
        let mut lines = LineReader::default();
        let stop = AtomicBool::new(false);
        let deadline = Instant::now() + Duration::from_secs(20);
        for expected in ["{}", "", "ab", &long] {
            let line = lines.next_line(&mut client, deadline, &stop).unwrap();
            assert_eq!(String::from_utf8_lossy(line), expected);
        }
        writer.join().unwrap();
        let end = lines.next_line(&mut client, deadline, &stop);
        assert!(matches!(end, Err(BridgeError::Closed { mid_line: true })));
    }

    #[test]
    fn silence_ends_at_the_deadline_and_a_stop_sooner() {
        let (mut client, _server) = pair();
        let mut lines = LineReader::default();
        let stop = AtomicBool::new(false);
        let deadline = Instant::now() + Duration::from_millis(120);
        let silent = lines.next_line(&mut client, deadline, &stop);
        assert!(matches!(silent, Err(BridgeError::NoReply { .. })));
        assert!(Instant::now() >= deadline);
        stop.store(true, Ordering::Relaxed);
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(matches!(lines.next_line(&mut client, far, &stop), Err(BridgeError::Interrupted)));
    }

    #[test]
    fn bytes_that_trickle_in_do_not_put_the_deadline_off() {
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
        let line = LineReader::default().next_line(&mut client, deadline, &AtomicBool::new(false)).map(<[u8]>::len);
        ended.store(true, Ordering::Relaxed);
        assert!(matches!(line, Err(BridgeError::NoReply { .. })), "{line:?}");
        trickle.join().unwrap();
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (mut client, mut server) = pair();
        std::thread::spawn(move || {
            let block = vec![b'z'; 65_536];
            while server.write_all(&block).is_ok() {}
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        let endless = LineReader::default().next_line(&mut client, deadline, &AtomicBool::new(false)).map(<[u8]>::len);
        assert!(matches!(endless, Err(BridgeError::LineTooLong { .. })), "{endless:?}");
    }
}
