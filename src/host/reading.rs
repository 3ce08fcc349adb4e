//! Converts readings into facts: a missing source is unsupported, an invalid value is a failure.

use std::io::ErrorKind;
use std::path::Path;

use crate::record::Fact;

/// The trimmed text of a file in `/proc` or `/sys`; `None` if this kernel has no such file.
///
/// The error is the operating system's reason why an existing file cannot be read. It does not name the file.
pub(super) fn text(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// The fact of a value from sysinfo.
pub(super) fn from_sysinfo<T>(answer: Result<T, sysinfo::Error>) -> Fact<T> {
    match answer {
        Ok(value) => Fact::Value(value),
        Err(sysinfo::Error::Unsupported) => Fact::Unsupported,
        Err(error) => Fact::Failed(error.to_string()),
    }
}

/// The fact of a name that may be empty: surrounding and repeated blanks are removed; `what` names it in the reason if
/// nothing is left.
pub(super) fn named(name: &str, what: &str) -> Fact<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() { Fact::Failed(format!("{what} is empty")) } else { Fact::Value(name) }
}

/// The root of a file system with those files, for the tests of all readers.
#[cfg(test)]
pub(super) fn root_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_file_is_not_a_failure() {
        let folder = root_with(&[("boost", "1\n")]);
        let file = folder.path().join("boost");
        assert_eq!(text(&folder.path().join("no_turbo")), Ok(None));
        assert_eq!(text(&file), Ok(Some("1".into())));
        assert_eq!(text(&file.join("below")), Ok(None));
        assert!(text(folder.path()).is_err(), "a folder exists but has no text");
    }

    #[test]
    fn errors_map_to_missing_states() {
        assert_eq!(from_sysinfo(Ok(3)), Fact::Value(3));
        assert_eq!(from_sysinfo::<u64>(Err(sysinfo::Error::Unsupported)), Fact::Unsupported);
        assert_eq!(from_sysinfo::<u64>(Err(sysinfo::Error::Other("denied".into()))), Fact::Failed("denied".into()));
    }

    #[test]
    fn names_are_trimmed() {
        assert_eq!(named(" Intel(R)  Core(TM) i7 ", "it"), Fact::Value("Intel(R) Core(TM) i7".into()));
        assert_eq!(named("  ", "the CPU's name"), Fact::Failed("the CPU's name is empty".into()));
    }
}
