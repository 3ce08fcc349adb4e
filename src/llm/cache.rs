//! Models are created or fetched once and kept in the user's cache folder.
//!
//! Several runs may need the same model at once. The first to find it missing takes a lock next to it; the others wait
//! and then find it. The lock only saves work: each writer uses a unique name and renames its file when complete, and
//! all write the same bytes, so that even where locks do not work (some network drives), the last rename changes
//! nothing. The system releases a lock when its process dies for whatever reason; partial files of such a process are
//! removed by the next holder of the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use etcetera::BaseStrategy;

use super::fetch::PublishedModel;
use super::synth::{FORMAT_VERSION, Overwrite, PART_SUFFIX, SynthError, SyntheticModel, WriteProgress, part_prefix};

/// Names the folder to use instead of the user's cache folder.
pub const CACHE_VARIABLE: &str = "WORKLY_PERF_CACHE";

/// Interval at which a waiting run retries the lock.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Why the cache has no model.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// This user has no cache folder.
    #[error("there is no cache folder: {reason}")]
    NoFolder {
        /// The reason.
        reason: String,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The model could not be written.
    #[error(transparent)]
    Synth(#[from] SynthError),
    /// A published model is absent and is not fetched without request.
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
    /// Whether this call created it.
    pub made: bool,
}

/// A folder of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCache {
    folder: PathBuf,
}

/// The cache folder of this user. It may not exist yet.
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
    /// The models of this user: `models` in the folder named by `WORKLY_PERF_CACHE`, otherwise in `workly-perf` in the
    /// user's cache folder. Created with the first model.
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

    /// Path of a model, present or not; the name consists of shape, seed and format version.
    #[must_use]
    pub fn path_of(&self, model: &SyntheticModel) -> PathBuf {
        self.folder.join(format!("{}-seed{}-v{FORMAT_VERSION}.gguf", model.shape().name, model.seed()))
    }

    /// The model, if it is present and complete: of the right length, with exactly the expected header.
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

    /// The model, created now if it is absent. `on_wait` is called once if another run is creating it.
    ///
    /// # Errors
    /// [`SynthError::Interrupted`] if the stop flag is raised during writing or waiting.
    pub fn fetch(
        &self,
        model: &SyntheticModel,
        watch: WriteProgress<'_>,
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
            // On Windows a file in use cannot be replaced; if it is complete, it need not be.
            Err(SynthError::Io { .. }) if self.find(model).is_some() => (),
            other => other?,
        }
        Ok(CachedModel { path, bytes: model.file_bytes(), made: true })
    }
}

/// Removes partial files that killed runs left for the model at `path`.
pub(super) fn remove_leftovers(folder: &Path, path: &Path) {
    let prefix = part_prefix(&path.file_name().unwrap_or_default().to_string_lossy());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(PART_SUFFIX) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // Files that cannot be removed do no harm.
            let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
}

/// The lock of the model at `path`, after waiting for it; and whether it was acquired, which fails if the file system
/// has no locks. Closing the file releases the lock.
pub(super) fn lock_model(
    path: &Path,
    watch: WriteProgress<'_>,
    on_wait: impl FnOnce(),
) -> Result<(File, bool), CacheError> {
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

/// Waits for the lock; returns whether it was acquired, which fails if the file system has no locks.
fn wait_for(lock: &File, watch: WriteProgress<'_>, on_wait: impl FnOnce()) -> Result<bool, CacheError> {
    let mut on_wait = Some(on_wait);
    loop {
        // Called via the trait, since the standard library has a method of that name from Rust 1.89 on.
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

    use super::super::synth::ModelShape;
    use super::*;

    fn tiny(seed: u64) -> SyntheticModel {
        SyntheticModel::new(ModelShape::named("tiny").unwrap(), seed)
    }

    fn fetch(cache: &ModelCache, seed: u64, stop: bool) -> Result<CachedModel, CacheError> {
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(stop));
        cache.fetch(&tiny(seed), WriteProgress { written: &written, stop: &stop }, || ())
    }

    #[test]
    fn model_is_created_once_and_again_if_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(&folder.path().join("models"));
        assert_eq!(cache.find(&tiny(3)), None);
        let made = fetch(&cache, 3, false).unwrap();
        assert!(made.made && made.path.ends_with("tiny-seed3-v1.gguf"), "{made:?}");
        assert_eq!(made.bytes, fs::metadata(&made.path).unwrap().len());
        assert!(!fetch(&cache, 3, false).unwrap().made);
        assert!(fetch(&cache, 4, false).unwrap().made, "another seed gives another model");

        let whole = fs::read(&made.path).unwrap();
        for damaged in [whole[..whole.len() - 1].to_vec(), [b"GGUX", &whole[4..]].concat()] {
            fs::write(&made.path, damaged).unwrap();
            assert!(fetch(&cache, 3, false).unwrap().made);
            assert_eq!(fs::read(&made.path).unwrap(), whole);
        }
    }

    #[test]
    fn only_leftovers_of_the_same_model_are_removed() {
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
    fn concurrent_requests_create_the_model_once() {
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
    fn waiting_is_reported_and_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModelCache::at(folder.path());
        let lock = File::create(cache.path_of(&tiny(6)).with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let waited = cache
            .fetch(&tiny(6), WriteProgress { written: &written, stop: &stop }, || stop.store(true, Ordering::Relaxed));
        assert!(matches!(waited, Err(CacheError::Synth(SynthError::Interrupted))));
        drop(lock);
        assert!(fetch(&cache, 6, false).unwrap().made);
    }
}
