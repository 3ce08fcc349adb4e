//! SHA-256 of files, read in pieces.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes read at a time.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// A SHA-256 checksum; as text, 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum([u8; 32]);

impl Sha256Sum {
    /// The checksum of hashed data.
    pub(super) fn of(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }

    /// The checksum of a file.
    ///
    /// # Errors
    /// Those of the system; [`io::ErrorKind::Interrupted`] once `stop` is raised.
    pub(super) fn of_file(path: &Path, stop: &AtomicBool) -> io::Result<Self> {
        let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match file.read(&mut piece)? {
                0 => return Ok(Self::of(hash)),
                read => hash.update(&piece[..read]),
            }
        }
    }
}

impl fmt::Display for Sha256Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<Sha256Sum> for String {
    fn from(sum: Sha256Sum) -> Self {
        sum.to_string()
    }
}

impl TryFrom<String> for Sha256Sum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fault = || format!("'{text}' is not a SHA-256: 64 hexadecimal digits are");
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(fault());
        }
        let mut sum = [0; 32];
        for (byte, at) in sum.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| fault())?;
        }
        Ok(Self(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one-block example of the standard, FIPS 180-4.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn file_checksum_matches_the_standards_example() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let sum = Sha256Sum::of_file(&path, &AtomicBool::new(false)).unwrap();
        assert_eq!(sum.to_string(), ABC);
        let stopped = Sha256Sum::of_file(&path, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn checksums_round_trip() {
        assert_eq!(Sha256Sum::try_from(ABC.to_uppercase()).unwrap().to_string(), ABC);
        for wrong in ["", "ba78", &ABC.replace('b', "g"), &"é".repeat(32), &format!("{ABC}00")] {
            assert!(Sha256Sum::try_from(wrong.to_owned()).unwrap_err().contains("64 hexadecimal digits"), "{wrong}");
        }
    }
}
