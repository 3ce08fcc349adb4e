//! Loads the backends beside the program, and the one that the user named.

use std::path::Path;

use super::choice::{ProbedBackend, Wanted, choose, try_all, try_named};
use super::ffi::{api_version, register};
use super::{BackendFile, BackendFileState};

/// Loads the best backend of each kind from a folder. Returns the state of each file there.
pub(in super::super) fn load(folder: &Path) -> Vec<BackendFile> {
    let wanted = wanted();
    let mut tried = try_all(folder, wanted);
    for at in choose(&mut tried, wanted.api_version) {
        let path = folder.join(&tried[at].file.file);
        hand_over(&mut tried[at], &path);
    }
    tried.into_iter().map(|one| one.file).collect()
}

/// Loads the file that the user named.
pub(in super::super) fn load_named(path: &Path) -> BackendFile {
    let mut tried = [try_named(path, api_version())];
    for at in choose(&mut tried, api_version()) {
        hand_over(&mut tried[at], path);
    }
    let [tried] = tried;
    tried.file
}

/// What the build script knows of the backends of this program.
fn wanted() -> Wanted {
    Wanted {
        api_version: api_version(),
        ggml: option_env!("WORKLY_PERF_GGML"),
        only: option_env!("WORKLY_PERF_BACKENDS"),
    }
}

/// Registers a chosen file with ggml.
fn hand_over(chosen: &mut ProbedBackend, path: &Path) {
    chosen.file.devices = register(path);
    chosen.file.state = match chosen.file.devices {
        Some(_) => BackendFileState::Loaded,
        None => BackendFileState::Refused,
    };
    if chosen.file.devices.is_none() {
        chosen.file.reason = Some("ggml could not register it".into());
    }
}
