//! The backends of llama.cpp that are files beside the program.

use crate::advise::checkup::BackendFacts;
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, BackendFile, BackendFileState};

/// What became of each.
#[cfg(feature = "llama")]
pub(super) fn look() -> BackendFacts {
    let backend = match Backend::start() {
        Ok(backend) => backend,
        Err(error) => return BackendFacts::Unusable { reason: error.to_string() },
    };
    let lines = |state| {
        let of_state = backend.files().iter().filter(|file| file.state == state);
        of_state.map(BackendFile::to_string).collect()
    };
    if backend.files().is_empty() {
        return BackendFacts::BuiltIn;
    }
    BackendFacts::Beside { loaded: lines(BackendFileState::Loaded), refused: lines(BackendFileState::Refused) }
}

/// A build without an engine has no backends.
#[cfg(not(feature = "llama"))]
pub(super) fn look() -> BackendFacts {
    BackendFacts::BuiltIn
}
