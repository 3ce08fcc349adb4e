//! Errors of the embedded bridge.

use std::io;

use super::spec::BridgeSpec;

/// Why an embedded bridge did not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeServerError {
    /// The specification contradicts itself.
    #[error(transparent)]
    Spec(#[from] BridgeSpecError),
    /// The port cannot be listened on.
    #[error("the embedded bridge cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The requested port.
        port: u16,
        /// The operating system's error.
        source: io::Error,
    },
    /// A thread of the bridge could not be started.
    #[error("the embedded bridge cannot start its thread `{thread}`: {source}")]
    Thread {
        /// Name of the thread.
        thread: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Why a bridge specification cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeSpecError {
    /// A part of the text is not `key=value`.
    #[error("bridge specification: `{part}` is not key=value")]
    Shape {
        /// The part, without its commas.
        part: String,
    },
    /// Unknown key.
    #[error("bridge specification: key `{key}` (of `{key}={value}`) is not known")]
    Key {
        /// The key.
        key: String,
        /// The given value.
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
    /// An invalid value.
    #[error("bridge specification: `{key}={value}`: {cause}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value as written.
        value: String,
        /// The fault.
        cause: String,
        /// Accepted values.
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

impl BridgeSpecError {
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

    /// The error with its hint, for command lines that show a single text.
    #[must_use]
    pub fn with_hint(&self) -> String {
        format!("{self}\nhint: {}", self.hint())
    }
}
