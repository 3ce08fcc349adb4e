//! A file that grows by complete pieces, such as lines.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::RecordError;

/// Bytes that are kept while they cannot be written; later ones are lost, and counted.
const MOST_WAITING: usize = 16 << 20;

/// A file that grows. Data that cannot be written now, for example on a full disk, is kept and written with the next
/// piece. The file always ends with a complete piece.
#[derive(Debug)]
pub struct GrowingFile<F = File> {
    path: PathBuf,
    file: F,
    length_bytes: u64,
    waiting: Vec<u8>,
    lost: u64,
    refused: Option<io::Error>,
}

/// The storage of a growing file.
pub trait Storage: Write + Seek {
    /// Truncates it to this number of bytes.
    fn cut(&mut self, length_bytes: u64) -> io::Result<()>;
}

impl Storage for File {
    fn cut(&mut self, length_bytes: u64) -> io::Result<()> {
        self.set_len(length_bytes)
    }
}

impl<F: Storage> GrowingFile<F> {
    /// Grows `file`, which is empty and is called `path` in messages.
    pub fn new(path: &Path, file: F) -> Self {
        Self { path: path.into(), file, length_bytes: 0, waiting: Vec::new(), lost: 0, refused: None }
    }

    /// Adds a piece, which is written with the next [`GrowingFile::flush`].
    pub fn add(&mut self, piece: &[u8]) {
        // Never a piece after a lost one: the file would have an invisible gap.
        if self.lost > 0 || self.waiting.len() + piece.len() > MOST_WAITING {
            self.lost += 1;
            return;
        }
        self.waiting.extend_from_slice(piece);
    }

    /// Bytes that are pending.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.len()
    }

    /// Writes pending data. If that fails the file is truncated after the last complete piece, and the data remains
    /// pending.
    pub fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (file, at) = (&mut self.file, self.length_bytes);
        let written =
            file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&self.waiting)).and_then(|()| file.flush());
        match written {
            Ok(()) => {
                self.length_bytes += self.waiting.len() as u64;
                self.waiting.clear();
                self.refused = None;
            }
            Err(error) => {
                // A full disk allows truncation; if not, readers ignore an incomplete piece.
                let _ = file.cut(at);
                self.refused = Some(error);
            }
        }
    }

    /// Writes pending data, and reports whether all of it is in the file.
    pub fn finish(&mut self) -> Result<(), RecordError> {
        self.flush();
        if self.waiting.is_empty() && self.lost == 0 {
            return Ok(());
        }
        let name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy();
        let source = self.refused.take().unwrap_or_else(|| io::ErrorKind::StorageFull.into());
        let lacking = match self.lost {
            0 => format!("the last {} bytes of {name}", self.waiting.len()),
            lost => format!("the last {} bytes of {name} and {lost} writes after them", self.waiting.len()),
        };
        Err(RecordError::NotWhole { lacking, source: Box::new(RecordError::io("write", &self.path)(source)) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A disk with `room` bytes of free space.
    #[derive(Default)]
    struct Disk {
        file: Cursor<Vec<u8>>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let at = usize::try_from(self.file.position()).unwrap();
            let fits = self.room.saturating_sub(at).min(bytes.len());
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.file.write(&bytes[..fits])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    impl Storage for Disk {
        fn cut(&mut self, length_bytes: u64) -> io::Result<()> {
            self.file.get_mut().truncate(usize::try_from(length_bytes).unwrap());
            Ok(())
        }
    }

    #[test]
    fn pending_data_is_written_once_space_is_free_and_no_piece_is_split() {
        let mut file = GrowingFile::new(Path::new("of/session.jsonl"), Disk { room: 10, ..Disk::default() });
        for piece in ["one\n", "two\n", "three\n"] {
            file.add(piece.as_bytes());
            file.flush();
        }
        assert_eq!(file.file.file.get_ref(), b"one\ntwo\n");
        let says = file.finish().unwrap_err().to_string();
        assert!(
            says.starts_with("the record is incomplete: the last 6 bytes of session.jsonl could not be written"),
            "{says}"
        );
        file.file.room = 100;
        file.add(b"four\n");
        file.finish().unwrap();
        assert_eq!(file.file.file.get_ref(), b"one\ntwo\nthree\nfour\n");
    }

    #[test]
    fn pending_data_is_bounded_and_losses_are_counted() {
        let mut file = GrowingFile::new(Path::new("log.csv"), Disk::default());
        file.add(&vec![b'x'; MOST_WAITING]);
        file.add(b"1\n");
        file.add(b"2\n");
        let says = file.finish().unwrap_err().to_string();
        assert!(says.contains("16777216 bytes of log.csv and 2 writes after them"), "{says}");
    }
}
