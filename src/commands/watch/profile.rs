//! Writes the profile that suits a new state to Workly's configuration, as safely as every other change.

use std::path::Path;

use crate::config::{AppProfile, ConfigError, ConfigFile, Patch};
use crate::studies::watch::{EventKind, ProfileWriter};

/// A writer for that file. Checks now that the file can be read, not only when a GPU is full.
pub(super) fn profile_writer(path: &Path) -> Result<ProfileWriter, ConfigError> {
    ConfigFile::open(path)?;
    let path = path.to_owned();
    Ok(Box::new(move |profile| write(&path, profile)))
}

/// Writes a profile; `None` if the file already has it. A failure is reported, and `watch` continues.
fn write(path: &Path, profile: &str) -> Option<(EventKind, String)> {
    let refused = |why: String| Some((EventKind::NotApplied, format!("{profile} was not written: {why}")));
    let Some(known) = AppProfile::from_word(profile) else {
        return refused("Workly does not have this profile".into());
    };
    let written = || -> Result<bool, ConfigError> {
        let change = ConfigFile::open(path)?.change(&Patch::default().gpu_profile(known))?;
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
