//! What keeps an embedded bridge from running.

use std::io;

use super::spec::BridgeSpec;

/// Why an embedded bridge did not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeServerError {
    /// The specification contradicts itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The port cannot be listened on.
    #[error("the embedded bridge cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the operating system says.
        source: io::Error,
    },
    /// A thread of the bridge cannot be started.
    #[error("the embedded bridge cannot start its thread `{thread}`: {source}")]
    Thread {
        /// Which one.
        thread: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Why a bridge specification cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A part of the text is not `key=value`.
    #[error("bridge specification: `{part}` is not key=value")]
    Shape {
        /// The part between two commas.
        part: String,
    },
    /// No such key.
    #[error("bridge specification: key `{key}` (of `{key}={value}`) is not known")]
    Key {
        /// The key.
        key: String,
        /// The value it was given.
        value: String,
    },
    /// A key is given twice.
    #[error("bridge specification: key `{key}` is given twice, the second time as `{value}`")]
    Twice {
        /// The key.
        key: String,
        /// Its second value.
        value: String,
    },
    /// A value that its key cannot take.
    #[error("bridge specification: `{key}={value}`: {cause}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        cause: String,
        /// What the key takes.
        wants: &'static str,
    },
}

impl BridgeServerError {
    /// The hint, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Spec(error) => Some(error.hint()),
            Self::Listen { .. } => Some("port 0 takes any free port".into()),
            Self::Thread { .. } => None,
        }
    }
}

impl SpecError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        let keys = format!("keys are {}", BridgeSpec::key_names());
        match self {
            Self::Shape { .. } | Self::Key { .. } => keys,
            Self::Twice { .. } => "leave one of them out".into(),
            Self::Value { key, wants, .. } => format!("{key} wants {wants}; {keys}"),
        }
    }

    /// The error and its hint, for a command line that shows one text.
    #[must_use]
    pub fn with_hint(&self) -> String {
        format!("{self}\nhint: {}", self.hint())
    }
}
