//! Errors of gate files.

/// Why a gate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// No built-in gate has that name.
    #[error("there is no gate '{name}'; built in: {known}")]
    Unknown {
        /// What was requested.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The text is not a gate.
    #[error("the gate is invalid: {detail}")]
    Malformed {
        /// What is wrong, with its position if known.
        detail: String,
    },
}
