//! Reads forward through a header: limited by the file's length and a maximum, and hashed on the way.

use std::io::Read;

use super::error::GgufFault;
use super::hash::Fnv1a;

/// Maximum header length in bytes. The largest vocabularies take a tenth of that.
pub(super) const HEADER_LIMIT: u64 = 256 << 20;

/// Maximum length of a text in the metadata, in bytes. Chat templates have about ten thousand.
const TEXT_LIMIT: u64 = 1 << 20;

/// Maximum length of all texts of a header together, in bytes; skipped texts in arrays do not count.
const ALL_TEXTS_LIMIT: u64 = 16 << 20;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// A position in a header.
#[derive(Debug)]
pub(super) struct Cursor<R> {
    source: R,
    buffer: Vec<u8>,
    taken: usize,
    offset: u64,
    length: u64,
    texts: u64,
    hash: Fnv1a,
    subject: String,
}

impl<R: Read> Cursor<R> {
    /// Starts at the first byte of a file of `length` bytes.
    pub(super) fn new(source: R, length: u64) -> Self {
        let (buffer, subject) = (Vec::new(), String::new());
        Self { source, buffer, taken: 0, offset: 0, length, texts: 0, hash: Fnv1a::new(), subject }
    }

    /// Bytes from the start of the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes from here to the end of the file.
    pub(super) fn left(&self) -> u64 {
        self.length - self.offset
    }

    /// Hash of everything before this position.
    pub(super) fn hash(&self) -> u64 {
        self.hash.value()
    }

    /// Sets the subject of further faults: ` of "general.name"`, or nothing.
    pub(super) fn set_subject(&mut self, subject: String) {
        self.subject = subject;
    }

    /// A part of the subject, for a fault.
    pub(super) fn name(&self, what: &str) -> String {
        format!("{what}{}", self.subject)
    }

    /// Fails if `needed` bytes exceed the file, or any sensible header.
    pub(super) fn require(&self, needed: u64, what: &str) -> Result<(), GgufFault> {
        if needed > self.left() {
            let (offset, left) = (self.offset, self.left());
            return Err(GgufFault::Truncated { offset, what: self.name(what), needed, left });
        }
        let end = self.offset + needed;
        if end > HEADER_LIMIT {
            return Err(self.limit("the header's length", end, HEADER_LIMIT));
        }
        Ok(())
    }

    /// A fault: too much of something.
    pub(super) fn limit(&self, what: &str, value: u64, limit: u64) -> GgufFault {
        GgufFault::Limit { offset: self.offset, what: self.name(what), value, limit }
    }

    /// A fault: an invalid value.
    pub(super) fn invalid(&self, what: &str, value: String, wants: &'static str) -> GgufFault {
        GgufFault::Invalid { offset: self.offset, what: self.name(what), value, wants }
    }

    /// The next `N` bytes.
    pub(super) fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufFault> {
        let mut bytes = [0; N];
        let mut filled = 0;
        self.consume(N as u64, what, |part| {
            bytes[filled..filled + part.len()].copy_from_slice(part);
            filled += part.len();
        })?;
        Ok(bytes)
    }

    /// A 32-bit number.
    pub(super) fn u32(&mut self, what: &str) -> Result<u32, GgufFault> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    /// A 64-bit number.
    pub(super) fn u64(&mut self, what: &str) -> Result<u64, GgufFault> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    /// Skips bytes.
    pub(super) fn skip(&mut self, count: u64, what: &str) -> Result<(), GgufFault> {
        self.consume(count, what, |_| ())
    }

    /// Skips a text.
    pub(super) fn skip_text(&mut self, what: &str) -> Result<(), GgufFault> {
        let length = self.u64(what)?;
        self.skip(length, what)
    }

    /// A text of at most `limit` bytes. Invalid UTF-8 is replaced: names and licences in other encodings exist.
    pub(super) fn text(&mut self, limit: u64, what: &str) -> Result<String, GgufFault> {
        let length = self.u64(what)?;
        self.require(length, what)?;
        if length > limit {
            return Err(self.limit(&format!("length of the {what}"), length, limit));
        }
        self.texts += length;
        if self.texts > ALL_TEXTS_LIMIT {
            return Err(self.limit("the length of all texts", self.texts, ALL_TEXTS_LIMIT));
        }
        let mut bytes = Vec::new();
        self.consume(length, what, |part| bytes.extend_from_slice(part))?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|other| String::from_utf8_lossy(other.as_bytes()).into_owned()))
    }

    /// A text in the metadata.
    pub(super) fn value_text(&mut self, what: &str) -> Result<String, GgufFault> {
        self.text(TEXT_LIMIT, what)
    }

    /// Passes on the next `count` bytes in pieces, after checking that they exist.
    fn consume(&mut self, count: u64, what: &str, mut each: impl FnMut(&[u8])) -> Result<(), GgufFault> {
        self.require(count, what)?;
        let mut left = count;
        while left > 0 {
            if self.taken == self.buffer.len() {
                self.refill(what, left)?;
            }
            let ready = &self.buffer[self.taken..];
            let part = &ready[..ready.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            self.hash.update(part);
            each(part);
            let length = part.len();
            self.taken += length;
            self.offset += length as u64;
            left -= length as u64;
        }
        Ok(())
    }

    /// Reads the next piece of the file, which may have been shortened meanwhile.
    fn refill(&mut self, what: &str, needed: u64) -> Result<(), GgufFault> {
        self.buffer.clear();
        self.taken = 0;
        let chunk = (CHUNK as u64).min(self.left());
        let read = self.source.by_ref().take(chunk).read_to_end(&mut self.buffer);
        read.map_err(|source| GgufFault::Io { offset: self.offset, source })?;
        if self.buffer.is_empty() {
            return Err(GgufFault::Truncated { offset: self.offset, what: self.name(what), needed, left: 0 });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_counts_hashes_and_stops_at_the_end() {
        let bytes: Vec<u8> = (0..CHUNK + 100).map(|at| at.to_le_bytes()[0]).collect();
        let mut cursor = Cursor::new(&bytes[..], bytes.len() as u64);
        assert_eq!(cursor.bytes("x").unwrap(), [0_u8, 1, 2]);
        cursor.skip(CHUNK as u64 + 90, "x").unwrap();
        assert_eq!((cursor.offset(), cursor.left()), (CHUNK as u64 + 93, 7));
        assert!(matches!(cursor.u64("the end"), Err(GgufFault::Truncated { needed: 8, left: 7, .. })));
        cursor.skip(7, "x").unwrap();
        let mut whole = Fnv1a::new();
        whole.update(&bytes);
        assert_eq!(cursor.hash(), whole.value());
    }

    #[test]
    fn shortened_file_is_reported() {
        let mut cursor = Cursor::new(&b"abc"[..], 1_000);
        let fault = cursor.skip(10, "name").unwrap_err();
        assert_eq!(fault.to_string(), "truncated: name at byte 3 needs 7 more bytes, but the file has 0");
    }

    #[test]
    fn lengths_are_checked_before_allocating() {
        let hostile = |length: u64, file: u64| {
            let mut cursor = Cursor::new(std::io::repeat(0).take(0), file);
            cursor.buffer = length.to_le_bytes().to_vec();
            cursor.value_text("text").unwrap_err()
        };
        assert!(matches!(hostile(u64::MAX, 100), GgufFault::Truncated { needed: u64::MAX, left: 92, .. }));
        assert!(matches!(hostile(1 << 40, 1 << 50), GgufFault::Limit { limit: HEADER_LIMIT, .. }));
        assert!(matches!(hostile(TEXT_LIMIT + 1, 1 << 50), GgufFault::Limit { limit: TEXT_LIMIT, .. }));
    }

    #[test]
    fn text_in_another_encoding_stays_readable() {
        let bytes = [3_u64.to_le_bytes().as_slice(), b"\xe9t\xe9"].concat();
        let mut cursor = Cursor::new(&bytes[..], bytes.len() as u64);
        assert_eq!(cursor.value_text("text").unwrap(), "\u{fffd}t\u{fffd}");
    }
}
