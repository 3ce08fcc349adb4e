//! From reads of the socket to lines of text.
//!
//! The stock bridge turns each read into text by itself, so that a character whose bytes fall into two reads is lost. Each byte
//! is copied at most once more, however many lines a read holds or reads a line takes.

use std::ops::ControlFlow;

use super::hello::LONGEST_MESSAGE_BYTES;

/// The size of the reader's buffer, in bytes.
pub(super) const READ_BYTES: usize = 4_096;

/// Turns reads into lines.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    unfinished_line: String,
}

impl Decoder {
    /// Takes one read and hands on each line that it completes, without its line feed. Breaks when `on_line` does, or when a
    /// line has become too long.
    pub(super) fn feed(&mut self, read: &[u8], mut on_line: impl FnMut(&str) -> ControlFlow<()>) -> ControlFlow<()> {
        let text = String::from_utf8_lossy(read);
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
        if self.unfinished_line.len() > LONGEST_MESSAGE_BYTES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(reads: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
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
        assert_eq!(lines(&[b"a\nb\nc", b"d", b"\n\ne"]), ["a", "b", "cd", ""]);
    }

    #[test]
    fn a_character_in_two_reads_is_torn() {
        for text in ["é", "€", "🦊"] {
            for cut in 1..text.len() {
                let (first, second) = text.as_bytes().split_at(cut);
                let second = [second, b"\n"].concat();
                let torn = &lines(&[first, &second])[0];
                assert!(torn.contains('\u{FFFD}') && !torn.contains(text), "{torn}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(lines(&[b"a\xFFb\xC3(\n"]), ["a\u{FFFD}b\u{FFFD}("]);
        assert_eq!(lines(&[b"\x80\x80\x80\n"]), ["\u{FFFD}\u{FFFD}\u{FFFD}"]);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut decoder = Decoder::default();
        let read = vec![b'x'; 1 << 20];
        let fed = (0..32).take_while(|_| decoder.feed(&read, |_| ControlFlow::Continue(())).is_continue()).count();
        assert_eq!(fed, 16);
    }
}
