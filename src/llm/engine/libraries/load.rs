//! Loads the backends beside the program.

use std::path::Path;

use super::choice::{choose, try_all};
use super::ffi::{api_version, register};
use super::{BackendFile, BackendFileState};

/// Loads the best backend of each kind from a folder. What became of each file there.
pub(in super::super) fn load(folder: &Path) -> Vec<BackendFile> {
    let mut tried = try_all(folder);
    for at in choose(&mut tried, api_version()) {
        let one = &mut tried[at];
        one.file.devices = register(&folder.join(&one.file.file));
        one.file.state = match one.file.devices {
            Some(_) => BackendFileState::Loaded,
            None => BackendFileState::Refused,
        };
        if one.file.devices.is_none() {
            one.file.reason = Some("ggml could not register it".into());
        }
    }
    tried.into_iter().map(|one| one.file).collect()
}
