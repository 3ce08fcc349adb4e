//! Exit codes and hints of configuration errors.

use std::path::Path;

use crate::config::{ConfigError, ConfigHistory};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::quoted;

/// The effect of a refusal by the application, which is not visible to users.
const SILENT: &str = "the application silently ignores such a file and runs on its defaults";

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let (exit, hint) = match &error {
            ConfigError::Read { .. } | ConfigError::NotAFile { .. } => (
                Exit::Unreadable,
                "give Workly's configuration with --config, or run this in Workly's folder".to_owned(),
            ),
            ConfigError::TooLarge { .. } => {
                (Exit::Unreadable, "check that this is the right file; --config selects another".to_owned())
            }
            ConfigError::NotUtf8 { path, .. } => {
                (Exit::Unreadable, format!("{SILENT}: save it as UTF-8 without a byte order mark{}", or_undo(path)))
            }
            ConfigError::ByteOrderMark { path } => (
                Exit::Unreadable,
                format!("{SILENT}: workly-perf apply --strip-bom also removes the mark{}", or_undo(path)),
            ),
            ConfigError::NotJson { path, .. } | ConfigError::WrongType { path, .. } => {
                (Exit::Unreadable, format!("{SILENT}: repair the file{}", or_undo(path)))
            }
            ConfigError::Lenient { .. } => (
                Exit::Unreadable,
                "nothing was written: the application may accept this; replace it, and apply again".to_owned(),
            ),
            ConfigError::DuplicateKey { .. } => (
                Exit::Unreadable,
                "remove one of the two: the application would use the second and drop the first".to_owned(),
            ),
            ConfigError::NotKnownToApp { .. } => (Exit::Usage, "use performance, balanced or cpu_fallback".to_owned()),
            ConfigError::ReadOnly { .. } => {
                (Exit::Unreadable, "change its permissions, or run this as a user who may write to it".to_owned())
            }
            ConfigError::Mounted { .. } => (
                Exit::Unreadable,
                "nothing was written: mount the file's folder instead, or run this on the host of the file".to_owned(),
            ),
            ConfigError::HeldOpen { .. } => (
                Exit::Unreadable,
                "nothing was written: close Workly and whatever else has the file open, and try again".to_owned(),
            ),
            ConfigError::Locked { .. } | ConfigError::Changed { .. } => {
                (Exit::Unreadable, "nothing was written; check the file's current content, and try again".to_owned())
            }
            ConfigError::NoRoom { .. } => (Exit::Unreadable, "free some space; the file is unchanged".to_owned()),
            ConfigError::Write { .. } => {
                (Exit::Unreadable, "the file is unchanged; check that you may write to its folder".to_owned())
            }
            ConfigError::NoSuchVersion { kept: 0, .. } => {
                (Exit::Usage, "workly-perf keeps a version before each of its changes".to_owned())
            }
            ConfigError::NoSuchVersion { .. } => {
                (Exit::Usage, "workly-perf apply --list shows the kept versions".to_owned())
            }
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

/// How to undo the last change of that file, if there was one.
pub(in super::super) fn undo(path: &Path) -> Option<String> {
    let has_versions = ConfigHistory::open(path).is_ok_and(|history| !history.versions().is_empty());
    has_versions.then(|| undo_line(path))
}

/// The command line that undoes the last change of that file.
pub(super) fn undo_line(path: &Path) -> String {
    let is_default = path == Path::new(crate::plan::DEFAULT_CONFIG);
    let named = if is_default { String::new() } else { format!(" --config {}", quoted(path)) };
    format!("workly-perf apply --undo{named}")
}

fn or_undo(path: &Path) -> String {
    undo(path).map_or_else(String::new, |line| format!(", or restore the version before the last change: {line}"))
}
