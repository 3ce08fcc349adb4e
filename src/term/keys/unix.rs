//! Keys of a Unix terminal, read directly: the display's library reads forever once its terminal is closed.

use std::io;
use std::time::{Duration, Instant};

use ratatui::crossterm::terminal::window_size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::key::Key;

/// Longest key, in bytes: pasted text counts as one.
const ONE_KEY: usize = 256;

/// What was read from standard input, which is a terminal.
#[derive(Debug)]
pub(in super::super) struct Keys {
    size: Option<(u16, u16)>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { size: size() }
    }
}

impl Keys {
    /// Waits up to `wait` for a key, a new size or the end of the terminal.
    pub(in super::super) fn next(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        let found = ready(wait)?;
        if is_end(found) {
            return Ok(Some(Key::Gone));
        }
        if found.contains(PollFlags::IN) {
            let mut bytes = [0; ONE_KEY];
            return match rustix::io::read(io::stdin(), &mut bytes) {
                Ok(read) => Ok(Some(meaning(&bytes[..read]))),
                Err(Errno::INTR | Errno::AGAIN) => Ok(None),
                // The terminal was closed meanwhile.
                Err(_) => Ok(Some(Key::Gone)),
            };
        }
        let (before, now) = (self.size, size());
        self.size = now;
        Ok((before != now).then_some(Key::Redraw))
    }

    /// Whether the terminal was closed.
    #[allow(clippy::unused_self)] // As on other systems.
    pub(in super::super) fn is_gone(&self) -> bool {
        ready(Duration::ZERO).is_ok_and(is_end)
    }
}

fn size() -> Option<(u16, u16)> {
    window_size().ok().map(|size| (size.columns, size.rows))
}

fn is_end(found: PollFlags) -> bool {
    found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}

/// What is available on standard input within that time: nothing, bytes, or its end.
fn ready(wait: Duration) -> io::Result<PollFlags> {
    let stdin = io::stdin();
    let began = Instant::now();
    loop {
        let left = wait.saturating_sub(began.elapsed());
        let timeout =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) => return Ok(fds[0].revents()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The meaning of the bytes of one read. An empty read is the end of the input.
fn meaning(bytes: &[u8]) -> Key {
    match bytes {
        [] => Key::Gone,
        bytes if bytes.contains(&0x03) => Key::Interrupt,
        [b'q' | b'Q' | 0x1b] => Key::Quit,
        _ => Key::Redraw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_the_displayed_help_and_end_of_input_quits() {
        assert_eq!(meaning(b"q"), Key::Quit);
        assert_eq!(meaning(b"\x1b"), Key::Quit);
        assert_eq!(meaning(b"\x1b[A"), Key::Redraw, "arrow keys start like Escape");
        assert_eq!(meaning(b"\x03"), Key::Interrupt);
        assert_eq!(meaning(b"c"), Key::Redraw);
        assert_eq!(meaning(b""), Key::Gone);
    }
}
