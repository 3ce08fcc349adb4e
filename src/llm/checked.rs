//! Models that a process has survived: remembered by the identity of their files, so that each is tried once.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::cache::user_cache_folder;
use super::gguf::Fnv1a;
use super::model_files::ModelFiles;
use crate::replacing::persist;

/// The file in the user's cache folder.
const FILE: &str = "checked-models";

/// Models that are remembered; the newest ones stay.
const MOST: usize = 200;

/// The models of this user that were tried and found good.
#[derive(Debug, Clone)]
pub struct CheckedModels {
    file: PathBuf,
}

/// A model as it was when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckKey(String);

impl CheckKey {
    /// The key of a model's files as they are now: their identity (device and number where the system has such, else the path),
    /// length and times, the header, and `what` was done by which program. `None` where the system tells nothing of a file.
    #[must_use]
    pub fn of(files: &ModelFiles, what: &str) -> Option<Self> {
        let mut hash = Fnv1a::new();
        hash.update(what.as_bytes());
        hash.update(&files.header.header_hash.to_le_bytes());
        for path in &files.paths {
            for number in identity(path)? {
                hash.update(&number.to_le_bytes());
            }
        }
        Some(Self(format!("{:016x}", hash.value())))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Vec<i128>> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).ok()?;
    let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let changed = i128::from(file.ctime()) * 1_000_000_000 + i128::from(file.ctime_nsec());
    Some(vec![file.dev().into(), file.ino().into(), file.len().into(), i128::try_from(modified).ok()?, changed])
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Vec<i128>> {
    let file = fs::metadata(path).ok()?;
    let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let mut name = Fnv1a::new();
    name.update(fs::canonicalize(path).ok()?.as_os_str().as_encoded_bytes());
    Some(vec![name.value().into(), file.len().into(), i128::try_from(modified).ok()?])
}

impl CheckedModels {
    /// Those that lie in the user's cache folder; `None` where there is none.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        user_cache_folder().ok().map(|folder| Self { file: folder.join(FILE) })
    }

    /// Whether it was tried and found good.
    #[must_use]
    pub fn has(&self, key: &CheckKey) -> bool {
        self.keys().contains(&key.0)
    }

    /// Remembers it. Where that cannot be written, the model is tried again next time.
    pub fn keep(&self, key: &CheckKey) {
        let mut keys = self.keys();
        keys.push(key.0.clone());
        let newest = keys.split_off(keys.len().saturating_sub(MOST));
        // The worst that a failure or another writer can do is that a model is tried once more.
        let _ = self.write(&newest);
    }

    fn keys(&self) -> Vec<String> {
        fs::read_to_string(&self.file).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn write(&self, keys: &[String]) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all((keys.join("\n") + "\n").as_bytes())?;
        persist(file, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::super::gguf::HeaderBuilder;
    use super::*;

    #[test]
    fn a_file_that_changed_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        let write = |name: &str| {
            let mut header = HeaderBuilder::new();
            header.text("general.architecture", name);
            fs::write(&path, header.finish().0).unwrap();
            CheckKey::of(&ModelFiles::open(&path).unwrap(), "look").unwrap()
        };
        let checked = CheckedModels { file: folder.path().join("cache").join(FILE) };
        let first = write("llama");
        assert!(!checked.has(&first));
        checked.keep(&first);
        assert!(checked.has(&first));
        assert_eq!(CheckKey::of(&ModelFiles::open(&path).unwrap(), "look"), Some(first.clone()));
        assert_ne!(CheckKey::of(&ModelFiles::open(&path).unwrap(), "load"), Some(first.clone()), "another trial");
        let second = write("gemma");
        assert_ne!(first, second);
        assert!(!checked.has(&second));
        for number in 0..=MOST {
            checked.keep(&CheckKey(number.to_string()));
        }
        assert!(!checked.has(&first) && checked.has(&CheckKey(MOST.to_string())), "the newest stay");
        assert_eq!(checked.keys().len(), MOST);
    }
}
