//! What can be wrong with a gate file.

/// Why a gate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// No built-in gate has that name.
    #[error("there is no gate '{name}'; built in: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The text is no gate.
    #[error("the gate is not usable: {detail}")]
    Malformed {
        /// What is wrong, with its place where it is known.
        detail: String,
    },
}
