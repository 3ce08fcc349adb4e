//! Models are made or fetched once and kept in the user's cache folder.
//!
//! Several runs may want the same model at once. Whoever finds it missing takes a lock beside it; the others wait and then
//! find it there. The lock only saves work: each writer has a name of its own and renames its file when it is whole, and all
//! of them write the same bytes, so that even where locks do not work (some network drives) whoever renames last changes
//! nothing. The system gives a lock back when its process dies, however it dies; what such a process left half-written is
//! removed by the next holder of the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use etcetera::BaseStrategy;

use super::fetch::PublishedModel;
use super::synth::{FORMAT_VERSION, Overwrite, PART_SUFFIX, SynthError, SyntheticModel, Watch, part_prefix};

/// Names the folder that is used in place of the user's cache folder.
pub const CACHE_VARIABLE: &str = "WORKLY_PERF_CACHE";

/// How often a waiting run looks whether its turn has come.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Why no model came from the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// This user has no folder for caches.
    #[error("there is no cache folder: {reason}")]
    NoFolder {
        /// Why not.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The model could not be written.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// A published model is not there, and is not fetched unasked.
    #[error("the model {} has not been fetched: it is not in the cache at {}", model.name, path.display())]
    NotFetched {
        /// The model.
        model: &'static PublishedModel,
        /// Where it would be.
        path: PathBuf,
    },
}

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedModel {
    /// Its file.
    pub path: PathBuf,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// Whether this call made it.
    pub made: bool,
}

/// A folder of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCache {
    folder: PathBuf,
}

/// The folder that this user's caches lie in. It need not be there yet.
pub fn user_cache_folder() -> Result<PathBuf, CacheError> {
    match std::env::var_os(CACHE_VARIABLE).filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(etcetera::base_strategy::choose_native_strategy()
            .map_err(|error| CacheError::NoFolder { reason: error.to_string() })?
            .cache_dir()
            .join("workly-perf")),
    }
}

impl ModelCache {
    /// The models of this user: `models` in the folder that `WORKLY_PERF_CACHE` names, else in `workly-perf` in the user's
    /// cache folder. Made when the first model is.
    pub fn of_user() -> Result<Self, CacheError> {
        Ok(Self::at(&user_cache_folder()?.join("models")))
    }

    /// The models in that folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a model is, or would be: shape, seed and version of the bytes make the name.
    #[must_use]
    pub fn path_of(&self, model: &SyntheticModel) -> PathBuf {
        self.folder.join(format!("{}-seed{}-v{FORMAT_VERSION}.gguf", model.shape().name, model.seed()))
    }

    /// The model, if it is there and whole: of the right length, and with the header that it must have, byte for byte.
    #[must_use]
    pub fn find(&self, model: &SyntheticModel) -> Option<CachedModel> {
        let (path, bytes) = (self.path_of(model), model.file_bytes());
        let is_whole = || -> io::Result<bool> {
            let mut file = File::open(&path)?;
            if file.metadata()?.len() != bytes {
                return Ok(false);
            }
            let mut header = vec![0; model.header().len()];
            file.read_exact(&mut header)?;
            Ok(header == model.header())
        };
        is_whole().unwrap_or(false).then_some(CachedModel { path, bytes, made: false })
    }

    /// The model, made now if it is not there. `on_wait` is called once if another run is making it.
    ///
    /// # Errors
    /// [`SynthError::Interrupted`] when the stop flag is raised while it is written or waited for.
    pub fn fetch(
        &self,
        model: &SyntheticModel,
        watch: Watch<'_>,
        on_wait: impl FnOnce(),
    ) -> Result<CachedModel, CacheError> {
        if let Some(found) = self.find(model) {
            return Ok(found);
        }
        let path = self.path_of(model);
        fs::create_dir_all(&self.folder).map_err(io_error("create", &self.folder))?;
        let (_lock, is_ours) = lock_model(&path, watch, on_wait)?;
        if let Some(found) = self.find(model) {
            return Ok(found);
        }
        if is_ours {
            remove_leftovers(&self.folder, &path);
        }
        match model.write_file(&path, Overwrite::Replace, watch) {
            // A file that is in use cannot be replaced on Windows: if it is whole, it need not be.
            Err(SynthError::Io { .. }) if self.find(model).is_some() => (),
            other => other?,
        }
        Ok(CachedModel { path, bytes: model.file_bytes(), made: true })
    }
}

/// Removes what killed runs left of the model that `path` is the place of.
pub(super) fn remove_leftovers(folder: &Path, path: &Path) {
    let prefix = part_prefix(&path.file_name().unwrap_or_default().to_string_lossy());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(PART_SUFFIX) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // Whatever cannot be removed is merely in the way of nobody.
            let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
}

/// The lock of the model that `path` is the place of, waited for; and whether it was given. It is not where the file system
/// knows no locks. The lock goes with the file.
pub(super) fn lock_model(path: &Path, watch: Watch<'_>, on_wait: impl FnOnce()) -> Result<(File, bool), CacheError> {
    let lock_path = path.with_extension("lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&lock_path);
    let lock = lock.map_err(io_error("open", &lock_path))?;
    let is_ours = wait_for(&lock, watch, on_wait)?;
    Ok((lock, is_ours))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io { action, path, source }
}

/// Waits for the lock; tells whether it was given. It is not where the file system knows no locks.
fn wait_for(lock: &File, watch: Watch<'_>, on_wait: impl FnOnce()) -> Result<bool, CacheError> {
    let mut on_wait = Some(on_wait);
    loop {
        // Named by its trait: the standard library has a method of that name from Rust 1.89 on.
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(_)) => return Ok(false),
            Err(TryLockError::WouldBlock) => {
                if let Some(on_wait) = on_wait.take() {
                    on_wait();
                }
                if watch.is_stopped() {
                    return Err(SynthError::Interrupted.into());
                }
                thread::sleep(LOOK_UP);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    use super::super::synth::Shape;
    use super::*;

    fn tiny(seed: u64) -> SyntheticModel {
        SyntheticModel::new(Shape::named("tiny").unwrap(), seed)
    }

    fn fetch(cache: &ModelCache, seed: u64, stop: bool) -> Result<CachedModel, CacheError> {
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(stop));
        cache.fetch(&tiny(seed), Watch { written: &written, stop: &stop }, || ())
    }

    #[test]
    fn a_model_is_made_once_and_again_when_it_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(&folder.path().join("models"));
        assert_eq!(cache.find(&tiny(3)), None);
        let made = fetch(&cache, 3, false).unwrap();
        assert!(made.made && made.path.ends_with("tiny-seed3-v1.gguf"), "{made:?}");
        assert_eq!(made.bytes, fs::metadata(&made.path).unwrap().len());
        assert!(!fetch(&cache, 3, false).unwrap().made);
        assert!(fetch(&cache, 4, false).unwrap().made, "another seed is another model");

        let whole = fs::read(&made.path).unwrap();
        for damaged in [whole[..whole.len() - 1].to_vec(), [b"GGUX", &whole[4..]].concat()] {
            fs::write(&made.path, damaged).unwrap();
            assert!(fetch(&cache, 3, false).unwrap().made);
            assert_eq!(fs::read(&made.path).unwrap(), whole);
        }
    }

    #[test]
    fn leftovers_of_the_same_model_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(folder.path());
        let (ours, other) = (".tiny-seed3-v1.gguf-Ab3.part", ".demo-seed3-v1.gguf-Ab3.part");
        fs::write(folder.path().join(ours), "half").unwrap();
        fs::write(folder.path().join(other), "half").unwrap();
        fetch(&cache, 3, false).unwrap();
        assert!(!folder.path().join(ours).exists());
        assert!(folder.path().join(other).exists());
    }

    #[test]
    fn of_several_at_once_one_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(folder.path());
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let found = fetch(&cache, 5, false).unwrap();
                    assert_eq!(fs::metadata(&found.path).unwrap().len(), found.bytes);
                    made.fetch_add(usize::from(found.made), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_waits_is_told_and_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(folder.path());
        let lock = File::create(cache.path_of(&tiny(6)).with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let waited =
            cache.fetch(&tiny(6), Watch { written: &written, stop: &stop }, || stop.store(true, Ordering::Relaxed));
        assert!(matches!(waited, Err(CacheError::Synth(SynthError::Interrupted))));
        drop(lock);
        assert!(fetch(&cache, 6, false).unwrap().made);
    }
}
