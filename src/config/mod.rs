//! Workly's own `data/config.json`: read, changed value by value, written safely, undone. The only module that changes
//! any of the user's files.

mod change;
mod document;
mod encoding;
mod error;
mod file;
mod history;
mod patch;
#[cfg(test)]
mod properties;
mod read;
mod rules;
mod scan;
mod style;
mod write;

pub use change::{ConfigChange, DiffMark, Edit};
pub use error::ConfigError;
pub use file::ConfigFile;
pub use history::{ConfigHistory, KEPT_VERSIONS, KeptVersion};
pub use patch::Patch;
pub use read::WorklyConfig;
pub use rules::AppProfile;
