//! The versions of the configuration before each of its last changes, and how one is restored.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::change::ConfigChange;
use super::error::ConfigError;
use super::file::read_bytes;

/// How many versions are kept.
pub const KEPT_VERSIONS: usize = 20;

/// Format of the time in the name of a version.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The file before one of its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// The kept copy.
    pub path: PathBuf,
    /// When it was replaced.
    pub replaced: Timestamp,
    /// Its serial number among all versions that ever existed.
    pub(super) serial: u64,
}

/// The current file, whatever its content, and its kept versions.
#[derive(Debug, Clone)]
pub struct ConfigHistory {
    path: PathBuf,
    target: PathBuf,
    current: Vec<u8>,
    versions: Vec<KeptVersion>,
}

impl ConfigHistory {
    /// Reads the file and lists its versions.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let target = fs::canonicalize(path).map_err(ConfigError::read(path))?;
        let current = read_bytes(&target)?;
        let mut versions = kept(&target)?;
        // A copy of the current content: a change that was never made, or that was already undone.
        while versions.first().is_some_and(|version| fs::read(&version.path).is_ok_and(|bytes| bytes == current)) {
            versions.remove(0);
        }
        Ok(Self { path: path.to_owned(), target, current, versions })
    }

    /// The versions, newest first: number 1 is the file before its last change.
    #[must_use]
    pub fn versions(&self) -> &[KeptVersion] {
        &self.versions
    }

    /// The change that restores a version, byte for byte. Its content is not checked: it was the user's own.
    pub fn restore(&self, number: usize) -> Result<ConfigChange, ConfigError> {
        let kept = self.versions.len();
        let version = number.checked_sub(1).and_then(|index| self.versions.get(index));
        let version = version.ok_or_else(|| ConfigError::NoSuchVersion { path: self.path.clone(), number, kept })?;
        Ok(ConfigChange {
            path: self.path.clone(),
            target: self.target.clone(),
            before: self.current.clone(),
            after: read_bytes(&version.path)?,
            edits: Vec::new(),
            keeps_unproven_auto: false,
        })
    }
}

/// The folder of a file's versions, next to it.
pub(super) fn folder_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().map_or_else(OsString::new, ToOwned::to_owned);
    name.push(".workly-perf");
    target.with_file_name(name)
}

/// All kept versions of a file, newest first.
pub(super) fn kept(target: &Path) -> Result<Vec<KeptVersion>, ConfigError> {
    let folder = folder_of(target);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ConfigError::read(&folder)(error)),
    };
    let mut versions: Vec<KeptVersion> = Vec::new();
    for entry in entries {
        versions.extend(version(entry.map_err(ConfigError::read(&folder))?.path()));
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.serial));
    Ok(versions)
}

/// The name of the next version.
pub(super) fn next(target: &Path, versions: &[KeptVersion], now: Timestamp) -> KeptVersion {
    let serial = versions.first().map_or(1, |newest| newest.serial + 1);
    let path = folder_of(target).join(format!("{serial:06}-{}.json", now.strftime(TIME)));
    KeptVersion { path, replaced: now, serial }
}

/// The version at `path`; `None` if the file is not a version.
fn version(path: PathBuf) -> Option<KeptVersion> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let (serial, time) = name.split_once('-')?;
    let replaced = TimeZone::UTC.to_timestamp(DateTime::strptime(TIME, time).ok()?).ok()?;
    Some(KeptVersion { serial: serial.parse().ok()?, replaced, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_listed_newest_first() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("config.json");
        assert_eq!(kept(&file).unwrap(), []);
        fs::create_dir(folder_of(&file)).unwrap();
        assert_eq!(folder_of(&file), temp.path().join("config.json.workly-perf"));
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let first = next(&file, &[], now);
        assert!(first.path.ends_with("000001-20260102T030405Z.json"), "{}", first.path.display());
        let tenth = KeptVersion { serial: 1_000_000, ..next(&file, &[], now) };
        let tenth = next(&file, &[tenth], now);
        for version in [&first, &tenth] {
            fs::write(&version.path, "{}").unwrap();
        }
        for other in ["lock", "notes.json", "000002-yesterday.json", ".writing-x"] {
            fs::write(folder_of(&file).join(other), "").unwrap();
        }
        assert_eq!(kept(&file).unwrap(), [tenth, first]);
    }
}
