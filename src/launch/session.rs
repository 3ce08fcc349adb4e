//! One launch: the folder with the files that the shim reads and writes, and the environment variables that name them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::error::LaunchError;
use super::shim;
use crate::llm::user_cache_folder;

/// Variable with the path of the settings file.
const SETTINGS_VARIABLE: &str = "WORKLY_PERF_SETTINGS";

/// Variable with the path of the events file. Other commands find it in the environment of the process.
pub const EVENTS_VARIABLE: &str = "WORKLY_PERF_EVENTS";

/// Where the calls of a launch are, by its events file.
#[must_use]
pub fn calls_beside(events: &Path) -> PathBuf {
    events.with_file_name("calls.jsonl")
}

/// A launch in preparation or in progress. Dropping it removes its folder.
#[derive(Debug)]
pub struct LaunchSession {
    shim: PathBuf,
    folder: TempDir,
}

impl LaunchSession {
    /// Unpacks the shim to this user's cache and creates the folder of the launch.
    ///
    /// # Errors
    /// Those of [`super::unpack`], and [`LaunchError::Write`].
    pub fn prepare() -> Result<Self, LaunchError> {
        let shim = shim::unpack(&user_cache_folder()?.join("launch"))?;
        let folder = tempfile::Builder::new().prefix("workly-perf-launch-").tempdir();
        let folder = folder.map_err(LaunchError::write(std::env::temp_dir()))?;
        Ok(Self { shim, folder })
    }

    /// Where the shim writes its events.
    #[must_use]
    pub fn events_path(&self) -> PathBuf {
        self.folder.path().join("events.jsonl")
    }

    /// Where the shim writes each measured call.
    #[must_use]
    pub fn calls_path(&self) -> PathBuf {
        calls_beside(&self.events_path())
    }

    /// Writes the settings file.
    ///
    /// # Errors
    /// [`LaunchError::Write`].
    pub fn write_settings(&self, settings: &Value) -> Result<(), LaunchError> {
        let path = self.settings_path();
        fs::write(&path, settings.to_string()).map_err(LaunchError::write(&path))
    }

    /// The variables that make Python load the shim. `python_path` is the current value, which stays after the shim.
    #[must_use]
    pub fn environment(&self, python_path: Option<&OsStr>) -> [(&'static str, OsString); 3] {
        [
            ("PYTHONPATH", joined(&self.shim, python_path)),
            (SETTINGS_VARIABLE, self.settings_path().into()),
            (EVENTS_VARIABLE, self.events_path().into()),
        ]
    }

    fn settings_path(&self) -> PathBuf {
        self.folder.path().join("settings.json")
    }
}

/// The folder, followed by the unchanged previous value.
fn joined(folder: &Path, rest: Option<&OsStr>) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        path.push(if cfg!(windows) { ";" } else { ":" });
        path.push(rest);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_python_path_stays_after_the_shim() {
        let separator = if cfg!(windows) { ';' } else { ':' };
        let own = format!("/my own{separator}/other{separator}");
        assert_eq!(
            joined(Path::new("/the shim"), Some(OsStr::new(&own))),
            OsString::from(format!("/the shim{separator}{own}"))
        );
        for empty in [None, Some(OsStr::new(""))] {
            assert_eq!(joined(Path::new("/shim"), empty), "/shim");
        }
    }
}
