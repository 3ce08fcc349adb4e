//! What is said to a model: the application's own messages, or a file of the user's.

use std::path::{Path, PathBuf};

use crate::llm::{Script, ScriptError};

/// Why there is nothing to say to the model.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// The conversation cannot be read.
    #[error("cannot read the conversation {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// It holds nothing to say.
    #[error("{}: {source}", path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ScriptError,
    },
}

/// The conversation of that file; without one, that of the application's tests.
pub(super) fn script(file: Option<&Path>) -> Result<Script, ConversationError> {
    let Some(path) = file else { return Ok(Script::of_the_app()) };
    std::fs::read_to_string(path)
        .map_err(|source| ConversationError::Unreadable { path: path.into(), source })?
        .parse()
        .map_err(|source| ConversationError::Script { path: path.into(), source })
}
