//! How faults of the configuration end.

use std::path::Path;

use super::super::quoted::quoted;
use crate::config::{ConfigError, History};
use crate::exit::Exit;
use crate::failure::Failure;

/// What a refusal by the application comes to. It cannot be seen from outside.
const SILENT: &str = "the application refuses such a file without a message, and runs on its defaults";

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let (exit, hint) = match &error {
            ConfigError::Read { .. } | ConfigError::NotAFile { .. } => (
                Exit::Unreadable,
                "name Workly's configuration with --config, or run this in Workly's folder".to_owned(),
            ),
            ConfigError::TooLarge { .. } => {
                (Exit::Unreadable, "is it the right file? --config names another".to_owned())
            }
            ConfigError::NotUtf8 { path, .. } => {
                (Exit::Unreadable, format!("{SILENT}: save it as UTF-8 without a byte order mark{}", or_undo(path)))
            }
            ConfigError::ByteOrderMark { path } => (
                Exit::Unreadable,
                format!(
                    "{SILENT}: workly-perf apply --strip-bom removes the mark beside what it sets{}",
                    or_undo(path)
                ),
            ),
            ConfigError::NotJson { path, .. } | ConfigError::WrongType { path, .. } => {
                (Exit::Unreadable, format!("{SILENT}: mend the file{}", or_undo(path)))
            }
            ConfigError::Lenient { .. } => (
                Exit::Unreadable,
                "nothing was written: the application may well read this; replace it, and apply again".to_owned(),
            ),
            ConfigError::DuplicateKey { .. } => (
                Exit::Unreadable,
                "remove one of the two: the application would read the second and drop the first".to_owned(),
            ),
            ConfigError::NotKnownToApp { .. } => (Exit::Usage, "use performance, balanced or cpu_fallback".to_owned()),
            ConfigError::ReadOnly { .. } => {
                (Exit::Unreadable, "allow writing to it, or apply as somebody who may".to_owned())
            }
            ConfigError::Mounted { .. } => (
                Exit::Unreadable,
                "nothing was written: mount the folder of the file instead, or run this where the file itself lies"
                    .to_owned(),
            ),
            ConfigError::HeldOpen { .. } => (
                Exit::Unreadable,
                "nothing was written: close Workly and whatever else has the file open, and try again".to_owned(),
            ),
            ConfigError::Locked { .. } | ConfigError::Changed { .. } => {
                (Exit::Unreadable, "nothing was written; look at what is there now, and try again".to_owned())
            }
            ConfigError::NoRoom { .. } => (Exit::Unreadable, "free some space; the file is as it was".to_owned()),
            ConfigError::Write { .. } => {
                (Exit::Unreadable, "the file is as it was; check that its folder is yours to write to".to_owned())
            }
            ConfigError::NoSuchVersion { kept: 0, .. } => {
                (Exit::Usage, "workly-perf keeps a version before each change that it makes".to_owned())
            }
            ConfigError::NoSuchVersion { .. } => (Exit::Usage, "workly-perf apply --list shows them".to_owned()),
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

/// How to undo the last change of that file, where one was made.
pub(in super::super) fn undo(path: &Path) -> Option<String> {
    let has_versions = History::open(path).is_ok_and(|history| !history.versions().is_empty());
    has_versions.then(|| undo_line(path))
}

/// The command line that undoes the last change of that file.
pub(super) fn undo_line(path: &Path) -> String {
    let is_default = path == Path::new(crate::plan::DEFAULT_CONFIG);
    let named = if is_default { String::new() } else { format!(" --config {}", quoted(path)) };
    format!("workly-perf apply --undo{named}")
}

fn or_undo(path: &Path) -> String {
    undo(path).map_or_else(String::new, |line| format!(", or bring back what was there before the last change: {line}"))
}
