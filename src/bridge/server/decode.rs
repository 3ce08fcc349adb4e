//! From reads of the socket to lines of text.
//!
//! The stock bridge turns each read into text by itself, so that a character whose bytes fall into two reads is lost; the
//! instrumented one keeps the bytes of an unfinished character for the next read. Each byte is copied at most once more,
//! however many lines a read holds or reads a line takes.

use std::borrow::Cow;
use std::ops::ControlFlow;

/// The size of the reader's buffer, in bytes.
pub(super) const READ_BYTES: usize = 4_096;

/// A longer line is given up together with its connection, so that a client cannot fill the memory.
const LONGEST_LINE_BYTES: usize = 16 << 20;

/// What becomes of a character whose bytes fall into two reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    /// It is replaced, piece by piece.
    Torn,
    /// It is put together again.
    Whole,
}

/// Turns reads into lines.
#[derive(Debug)]
pub(super) struct Decoder {
    characters: Characters,
    unfinished_character: Vec<u8>,
    unfinished_line: String,
}

impl Decoder {
    pub(super) fn new(characters: Characters) -> Self {
        Self { characters, unfinished_character: Vec::new(), unfinished_line: String::new() }
    }

    /// Takes one read and hands on each line that it completes, without its line feed. Breaks when `on_line` does, or when a
    /// line has become too long.
    pub(super) fn feed(&mut self, read: &[u8], mut on_line: impl FnMut(&str) -> ControlFlow<()>) -> ControlFlow<()> {
        let text = match self.characters {
            Characters::Torn => String::from_utf8_lossy(read),
            Characters::Whole => self.whole(read),
        };
        let mut rest: &str = &text;
        while let Some((line, after)) = rest.split_once('\n') {
            rest = after;
            if self.unfinished_line.is_empty() {
                on_line(line)?;
            } else {
                self.unfinished_line.push_str(line);
                on_line(&self.unfinished_line)?;
                self.unfinished_line.clear();
            }
        }
        self.unfinished_line.push_str(rest);
        if self.unfinished_line.len() > LONGEST_LINE_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn whole<'a>(&mut self, read: &'a [u8]) -> Cow<'a, str> {
        let kept = std::mem::take(&mut self.unfinished_character);
        let bytes = if kept.is_empty() { Cow::Borrowed(read) } else { Cow::Owned([&kept, read].concat()) };
        let finished = bytes.len() - unfinished(&bytes);
        self.unfinished_character.extend_from_slice(&bytes[finished..]);
        match bytes {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(&bytes[..finished]),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes[..finished]).into_owned()),
        }
    }
}

/// How many bytes at the end begin a character that needs more bytes.
fn unfinished(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so an unfinished one has at most three.
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let Some(lead) = tail.iter().rposition(|byte| byte & 0xC0 != 0x80) else { return 0 };
    let cut_short = std::str::from_utf8(&tail[lead..]).is_err_and(|error| error.error_len().is_none());
    if cut_short { tail.len() - lead } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(characters: Characters, reads: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new(characters);
        let mut lines = Vec::new();
        for read in reads {
            let flow = decoder.feed(read, |line| {
                lines.push(line.to_owned());
                ControlFlow::Continue(())
            });
            assert!(flow.is_continue());
        }
        lines
    }

    #[test]
    fn lines_are_found_across_reads_and_several_in_one() {
        for characters in [Characters::Torn, Characters::Whole] {
            assert_eq!(lines(characters, &[b"a\nb\nc", b"d", b"\n\ne"]), ["a", "b", "cd", ""]);
        }
    }

    #[test]
    fn a_character_in_two_reads_is_torn_or_whole() {
        for text in ["é", "€", "🦊"] {
            for cut in 1..text.len() {
                let (first, second) = text.as_bytes().split_at(cut);
                let second = [second, b"\n"].concat();
                assert_eq!(lines(Characters::Whole, &[first, &second]), [text]);
                let torn = &lines(Characters::Torn, &[first, &second])[0];
                assert!(torn.contains('\u{FFFD}') && !torn.contains(text), "{torn}");
            }
        }
    }

    #[test]
    fn a_character_byte_by_byte_stays_whole() {
        assert_eq!(lines(Characters::Whole, &[b"\xF0", b"\x9F", b"\xA6", b"\x8A", b"!\n"]), ["🦊!"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_in_both() {
        for characters in [Characters::Torn, Characters::Whole] {
            assert_eq!(lines(characters, &[b"a\xFFb\xC3(\n"]), ["a\u{FFFD}b\u{FFFD}("]);
            assert_eq!(lines(characters, &[b"\x80\x80\x80\n"]), ["\u{FFFD}\u{FFFD}\u{FFFD}"]);
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut decoder = Decoder::new(Characters::Torn);
        let read = vec![b'x'; 1 << 20];
        let fed = (0..32).take_while(|_| decoder.feed(&read, |_| ControlFlow::Continue(())).is_continue()).count();
        assert_eq!(fed, 16);
    }
}
