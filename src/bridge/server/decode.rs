//! Splits socket reads into lines of text.
//!
//! The stock bridge decodes each read separately, so a character whose bytes fall into two reads is corrupted; this
//! does the same. Each byte is copied at most once more, whatever the number of lines per read or reads per line.

use std::ops::ControlFlow;

use super::hello::LONGEST_MESSAGE_BYTES;

/// Size of the read buffer, in bytes.
pub(super) const READ_BYTES: usize = 4_096;

/// Turns reads into lines.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    unfinished_line: String,
}

impl Decoder {
    /// Takes one read and passes on each completed line without its line feed. Breaks when `on_line` does, or when a
    /// line is too long.
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
    fn lines_span_reads_and_share_them() {
        assert_eq!(lines(&[b"a\nb\nc", b"d", b"\n\ne"]), ["a", "b", "cd", ""]);
    }

    #[test]
    fn character_split_across_reads_is_corrupted() {
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
    fn invalid_utf8_is_replaced() {
        assert_eq!(lines(&[b"a\xFFb\xC3(\n"]), ["a\u{FFFD}b\u{FFFD}("]);
        assert_eq!(lines(&[b"\x80\x80\x80\n"]), ["\u{FFFD}\u{FFFD}\u{FFFD}"]);
    }

    #[test]
    fn endless_line_is_abandoned() {
        let mut decoder = Decoder::default();
        let read = vec![b'x'; 1 << 20];
        let fed = (0..32).take_while(|_| decoder.feed(&read, |_| ControlFlow::Continue(())).is_continue()).count();
        assert_eq!(fed, 16);
    }
}
