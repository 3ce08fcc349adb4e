//! The configuration on disk, read once: its values, and the result of a change.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::change::{ConfigChange, Edit};
use super::document::Document;
use super::encoding::decoded;
use super::error::ConfigError;
use super::patch::Patch;
use super::rules::{AppProfile, WrongValue, cut, first_wrong, is_unproven_auto, knows_auto};
use super::scan::JsonFault;

/// The size limit of a configuration, in bytes: thousands of times what Workly writes.
const LONGEST: u64 = 16_000_000;

/// Workly's `data/config.json`, byte for byte.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// The path, as given.
    path: PathBuf,
    /// The path with all symbolic links resolved.
    target: PathBuf,
    document: Document,
}

impl ConfigFile {
    /// Reads it. Anything but a JSON object without duplicate keys is refused.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let target = fs::canonicalize(path).map_err(ConfigError::read(path))?;
        let document = parse(path, read_bytes(&target)?)?;
        Ok(Self { path: path.to_owned(), target, document })
    }

    /// The path, as given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value at `path`, if it exists.
    #[must_use]
    pub fn value(&self, path: &[&str]) -> Option<Value> {
        self.document.value(path)
    }

    /// `ai.gpu_profile`, if its value is known to Workly.
    #[must_use]
    pub fn gpu_profile(&self) -> Option<AppProfile> {
        AppProfile::from_word(self.value(&["ai", "gpu_profile"])?.as_str()?)
    }

    /// Whether the Workly that wrote it evidently supports the GPU profile `auto`.
    #[must_use]
    pub fn knows_auto(&self) -> bool {
        knows_auto(&self.document)
    }

    /// Whether it sets the GPU profile `auto` and does not show that its application supports it: an earlier version
    /// refuses such a file.
    #[must_use]
    pub fn has_unproven_auto(&self) -> bool {
        is_unproven_auto(&self.document)
    }

    /// Why the application refuses it, if it does. It then silently runs on its defaults.
    #[must_use]
    pub fn refusal(&self) -> Option<ConfigError> {
        self.change(&Patch::default()).err()
    }

    /// The result of the patch. The application accepts it (for the one exception see [`ConfigChange::keeps_unproven_auto`]),
    /// or an error names what it would refuse.
    pub fn change(&self, patch: &Patch) -> Result<ConfigChange, ConfigError> {
        let mut document = self.document.clone();
        let mut edits = Vec::new();
        if document.has_byte_order_mark() {
            if !patch.strips_byte_order_mark() {
                return Err(ConfigError::ByteOrderMark { path: self.path.clone() });
            }
            document = document.without_byte_order_mark();
            edits.push(Edit { key: "byte order mark".into(), before: Some("U+FEFF".into()), after: "none".into() });
        }
        for (path, value) in patch.sets() {
            if *value == AppProfile::Auto.word() && *path == Patch::GPU_PROFILE && !self.knows_auto() {
                return Err(ConfigError::NotKnownToApp { path: self.path.clone(), value: AppProfile::Auto.word() });
            }
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let before = document.raw(&keys).map(String::from);
            let changed = document.set(&keys, value).map_err(|fault| ConfigError::WrongType {
                path: self.path.clone(),
                key: fault.path,
                expected: "a section",
                found: cut(&fault.found),
            })?;
            if changed {
                edits.push(Edit { key: path.join("."), before, after: value.to_string() });
            }
        }
        if let Some(WrongValue { key, expected, found }) = first_wrong(&document) {
            return Err(ConfigError::WrongType { path: self.path.clone(), key, expected, found });
        }
        Ok(ConfigChange {
            path: self.path.clone(),
            target: self.target.clone(),
            before: self.document.text().into(),
            after: document.text().into(),
            edits,
            keeps_unproven_auto: is_unproven_auto(&document),
        })
    }
}

/// Why the application refuses a file with this text, if it does.
pub(super) fn refusal(path: &Path, text: String) -> Option<ConfigError> {
    let file = parse(path, text.into_bytes()).map(|document| ConfigFile {
        path: path.to_owned(),
        target: path.to_owned(),
        document,
    });
    file.map_or_else(Some, |file| file.refusal())
}

/// The bytes of a file below the size limit.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let metadata = fs::metadata(path).map_err(ConfigError::read(path))?;
    if !metadata.is_file() {
        return Err(ConfigError::NotAFile { path: path.to_owned() });
    }
    let too_large = |bytes| ConfigError::TooLarge { path: path.to_owned(), bytes, limit: LONGEST };
    if metadata.len() > LONGEST {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(ConfigError::read(path))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(ConfigError::read(path))?;
    if bytes.len() as u64 > LONGEST { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Document, ConfigError> {
    let text = decoded(path, bytes)?;
    // The text belongs to the document, but an error needs its lines.
    let document = Document::parse(text.clone()).map_err(|fault| match fault {
        JsonFault::Duplicate { at, key } => {
            ConfigError::DuplicateKey { path: path.to_owned(), key, line: place(&text, at).0 }
        }
        JsonFault::Lenient { at, what } => {
            ConfigError::Lenient { path: path.to_owned(), found: what, line: place(&text, at).0 }
        }
        JsonFault::Expected { at, what } => {
            let (line, column) = place(&text, at);
            let detail = format!("expected {what} at line {line} column {column}");
            ConfigError::NotJson { path: path.to_owned(), detail }
        }
    })?;
    if document.is_object() {
        return Ok(document);
    }
    let detail = "its top-level value is not an object".into();
    Err(ConfigError::NotJson { path: path.to_owned(), detail })
}

/// Line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
    (line, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}
