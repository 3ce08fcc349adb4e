//! Writes the profile that suits a new state into Workly's configuration, by the same safe way as every other change.

use std::path::{Path, PathBuf};

use super::events::EventKind;
use crate::config::{AppProfile, ConfigError, ConfigFile, Patch};

/// The configuration that is written.
#[derive(Debug)]
pub(super) struct Apply {
    path: PathBuf,
}

impl Apply {
    /// Sees to it that the file can be read now, rather than when a card is full.
    pub(super) fn to(path: &Path) -> Result<Self, ConfigError> {
        ConfigFile::open(path)?;
        Ok(Self { path: path.into() })
    }

    /// Writes a profile; `None` where the file has it already. What stands in the way is said, and ends nothing: the watch
    /// goes on.
    pub(super) fn write(&self, profile: &str) -> Option<(EventKind, String)> {
        let refused = |why: String| Some((EventKind::NotApplied, format!("{profile} was not written: {why}")));
        let Some(known) = AppProfile::from_word(profile) else {
            return refused("Workly knows no such profile".into());
        };
        let written = || -> Result<bool, ConfigError> {
            let change = ConfigFile::open(&self.path)?.change(&Patch::default().gpu_profile(known))?;
            if change.is_none() {
                return Ok(false);
            }
            change.write().map(|_| true)
        };
        match written() {
            Ok(true) => Some((EventKind::Applied, format!("ai.gpu_profile is now {profile}"))),
            Ok(false) => None,
            Err(error) => refused(error.to_string()),
        }
    }
}
