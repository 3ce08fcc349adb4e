//! The user's side of the conversation: the application's own messages, or those in a file.

use std::path::{Path, PathBuf};

use crate::llm::{Script, ScriptError};

/// Why there are no messages.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The file cannot be read.
    #[error("cannot read the conversation {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file contains no messages.
    #[error("{}: {source}", path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ScriptError,
    },
}

/// The messages in the file; without one, those of the application's tests.
pub(super) fn script(file: Option<&Path>) -> Result<Script, ConversationError> {
    let Some(path) = file else { return Ok(Script::of_the_app()) };
    std::fs::read_to_string(path)
        .map_err(|source| ConversationError::Unreadable { path: path.into(), source })?
        .parse()
        .map_err(|source| ConversationError::Script { path: path.into(), source })
}
