//! How faults of the configuration end.

use super::super::failure::Failure;
use crate::config::ConfigError;
use crate::exit::Exit;

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let (exit, hint) = match &error {
            ConfigError::Read { .. } | ConfigError::NotAFile { .. } => {
                (Exit::Unreadable, "name Workly's configuration with --config, or run this in Workly's folder")
            }
            ConfigError::TooLarge { .. } => (Exit::Unreadable, "is it the right file? --config names another"),
            ConfigError::NotJson { .. } | ConfigError::WrongType { .. } => (
                Exit::Unreadable,
                "mend the file; workly-perf apply --undo brings back what was there before its last change",
            ),
            ConfigError::DuplicateKey { .. } => {
                (Exit::Unreadable, "remove one of the two: Workly would read the second and drop the first")
            }
            ConfigError::NotKnownToApp { .. } => (Exit::Usage, "use performance, balanced or cpu_fallback"),
            ConfigError::ReadOnly { .. } => (Exit::Unreadable, "allow writing to it, or apply as somebody who may"),
            ConfigError::Locked { .. } | ConfigError::Changed { .. } => {
                (Exit::Unreadable, "nothing was written; look at what is there now, and try again")
            }
            ConfigError::NoRoom { .. } => (Exit::Unreadable, "free some space; the file is as it was"),
            ConfigError::Write { .. } => {
                (Exit::Unreadable, "the file is as it was; check that its folder is yours to write to")
            }
            ConfigError::NoSuchVersion { .. } => (Exit::Usage, "workly-perf apply --list shows them"),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}
