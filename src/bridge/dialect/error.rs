//! Why a dialect cannot be used.

use std::path::PathBuf;

use super::table::Dialect;

/// Why a dialect cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// No built-in dialect has this name.
    #[error("dialect `{name}` is not known")]
    Unknown {
        /// The requested name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the dialect file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The text is not a dialect.
    #[error("a dialect file cannot be read: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// The dialect contradicts itself.
    #[error("dialect `{dialect}`: {fault}")]
    Inconsistent {
        /// The dialect's name.
        dialect: String,
        /// The contradiction.
        fault: String,
    },
}

impl DialectError {
    /// The hint, if there is one.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                format!("dialects are {}, or name a file that ends in .toml", Dialect::NAMES.join(", "))
            }
            Self::Unreadable { .. } => "check the path after --dialect".into(),
            Self::Syntax { .. } | Self::Inconsistent { .. } => "docs/BRIDGE.md describes a dialect file".into(),
        }
    }
}
