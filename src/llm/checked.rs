//! Models that passed a trial, remembered by the identity of their files, so that each is tried only once.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::cache::user_cache_folder;
use super::gguf::Fnv1a;
use super::model_files::ModelFiles;
use crate::replacing::replace;

/// The file in the user's cache folder.
const FILE: &str = "checked-models";

/// Maximum number of models remembered; the oldest are dropped.
const MOST: usize = 200;

/// This user's models that passed their trial.
#[derive(Debug, Clone)]
pub struct CheckedModels {
    file: PathBuf,
}

/// Identity of a model at the time of its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckKey(String);

impl CheckKey {
    /// The key of a model's files in their current state: identity (device and number if the system has them, otherwise
    /// the path), length and times, the header, and which trial (`what`) by which program. `None` if the system does
    /// not report this for a file.
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
    /// Those in the user's cache folder; `None` if there is no such folder.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        user_cache_folder().ok().map(|folder| Self { file: folder.join(FILE) })
    }

    /// Whether the model passed its trial.
    #[must_use]
    pub fn has(&self, key: &CheckKey) -> bool {
        self.keys().contains(&key.0)
    }

    /// Remembers the model. If that cannot be written, the model is tried again next time.
    pub fn keep(&self, key: &CheckKey) {
        let mut keys = self.keys();
        keys.push(key.0.clone());
        let newest = keys.split_off(keys.len().saturating_sub(MOST));
        // A failure or a concurrent writer at worst causes another trial.
        let _ = self.write(&newest);
    }

    fn keys(&self) -> Vec<String> {
        fs::read_to_string(&self.file).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn write(&self, keys: &[String]) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        replace(&self.file, (keys.join("\n") + "\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::gguf::HeaderBuilder;
    use super::*;

    #[test]
    fn changed_file_is_another_model() {
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
        assert!(!checked.has(&first) && checked.has(&CheckKey(MOST.to_string())), "the newest are kept");
        assert_eq!(checked.keys().len(), MOST);
    }
}
