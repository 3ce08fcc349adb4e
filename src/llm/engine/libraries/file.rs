//! A backend file and its state.

use std::fmt;

use serde::Serialize;

/// The state of a backend file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendFileState {
    /// In use.
    Loaded,
    /// This CPU can run it, but another variant suits it better.
    Outscored,
    /// This CPU lacks instructions that it needs.
    Unsupported,
    /// It could not be loaded, or belongs to another version of ggml.
    Refused,
}

/// A backend file beside the program, or one that the user named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendFile {
    /// Its name, without the folder.
    pub file: String,
    /// Its state.
    pub state: BackendFileState,
    /// How well it suits this CPU, by its own account; GPU backends do not rate themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i32>,
    /// Devices that it found, if it is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<usize>,
    /// Why it was refused; the loader's message if the system's loader refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether `GGML_BACKEND_PATH` named it; else it lies beside the program.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
}

impl BackendFile {
    /// The kind of backend, from the file's name: `cpu` for `libggml-cpu-haswell.so`.
    #[must_use]
    pub fn family(&self) -> &str {
        stem(&self.file).split('-').next().unwrap_or_default()
    }

    /// The variant of its kind, from the file's name: `haswell` for `libggml-cpu-haswell.so`.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        stem(&self.file).split_once('-').map(|(_, variant)| variant)
    }

    /// Whether it is in use and is not a CPU variant.
    #[must_use]
    pub fn is_loaded_add_on(&self) -> bool {
        self.state == BackendFileState::Loaded && self.family() != "cpu"
    }

    /// Whether a record lists it. Variants for other CPUs are left out.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        matches!(self.state, BackendFileState::Loaded | BackendFileState::Refused)
    }
}

impl fmt::Display for BackendFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: ", self.file, if self.named { " (GGML_BACKEND_PATH)" } else { "" })?;
        match self.state {
            BackendFileState::Loaded => f.write_str("loaded")?,
            BackendFileState::Outscored => f.write_str("not used, another variant suits this CPU better")?,
            BackendFileState::Unsupported => f.write_str("not used, this CPU lacks instructions that it needs")?,
            BackendFileState::Refused => f.write_str("not loaded")?,
        }
        match self.devices {
            Some(1) => f.write_str(", 1 device")?,
            Some(devices) => write!(f, ", {devices} devices")?,
            None => {}
        }
        if let Some(score) = self.score {
            write!(f, ", score {score}")?;
        }
        self.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
    }
}

/// The prefix of all backend files.
pub(super) const PREFIX: &str = if cfg!(windows) { "ggml-" } else { "libggml-" };
/// Their extension. ggml uses `.so` on macOS too.
pub(super) const SUFFIX: &str = if cfg!(windows) { ".dll" } else { ".so" };

fn stem(file: &str) -> &str {
    file.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX)).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, state: BackendFileState) -> BackendFile {
        let file = format!("{PREFIX}{name}{SUFFIX}");
        BackendFile { file, state, score: None, devices: None, reason: None, named: false }
    }

    #[test]
    fn name_has_kind_and_variant() {
        let cpu = file("cpu-haswell", BackendFileState::Loaded);
        assert_eq!((cpu.family(), cpu.variant()), ("cpu", Some("haswell")));
        let vulkan = file("vulkan", BackendFileState::Loaded);
        assert_eq!((vulkan.family(), vulkan.variant()), ("vulkan", None));
    }

    #[test]
    fn file_is_described_with_its_known_facts() {
        let loaded = BackendFile { devices: Some(1), score: Some(64), ..file("cpu-icelake", BackendFileState::Loaded) };
        assert_eq!(loaded.to_string(), format!("{PREFIX}cpu-icelake{SUFFIX}: loaded, 1 device, score 64"));
        let refused = BackendFile {
            reason: Some("libcublas.so.13: not found".into()),
            ..file("cuda", BackendFileState::Refused)
        };
        assert_eq!(refused.to_string(), format!("{PREFIX}cuda{SUFFIX}: not loaded: libcublas.so.13: not found"));
        assert!(refused.is_notable() && !file("cpu-x64", BackendFileState::Outscored).is_notable());
    }
}
