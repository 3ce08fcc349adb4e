//! The Python shim, built into this program and unpacked to the user's cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::LaunchError;
use crate::llm::gguf::Fnv1a;
use crate::replacing::replace;

/// The files of the shim by their paths below its folder.
const FILES: [(&str, &str); 13] = [
    ("sitecustomize.py", include_str!("../../scripts/python/sitecustomize.py")),
    ("workly_settings/__init__.py", include_str!("../../scripts/python/workly_settings/__init__.py")),
    ("workly_settings/arguments.py", include_str!("../../scripts/python/workly_settings/arguments.py")),
    ("workly_settings/bridge.py", include_str!("../../scripts/python/workly_settings/bridge.py")),
    ("workly_settings/checks.py", include_str!("../../scripts/python/workly_settings/checks.py")),
    ("workly_settings/document.py", include_str!("../../scripts/python/workly_settings/document.py")),
    ("workly_settings/engine.py", include_str!("../../scripts/python/workly_settings/engine.py")),
    ("workly_settings/hook.py", include_str!("../../scripts/python/workly_settings/hook.py")),
    ("workly_settings/in_force.py", include_str!("../../scripts/python/workly_settings/in_force.py")),
    ("workly_settings/log.py", include_str!("../../scripts/python/workly_settings/log.py")),
    ("workly_settings/measure.py", include_str!("../../scripts/python/workly_settings/measure.py")),
    ("workly_settings/model_file.py", include_str!("../../scripts/python/workly_settings/model_file.py")),
    ("workly_settings/priority.py", include_str!("../../scripts/python/workly_settings/priority.py")),
];

/// The one file that only Windows imports.
const WINDOWS: (&str, &str) =
    ("workly_settings/windows.py", include_str!("../../scripts/python/workly_settings/windows.py"));

fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.into_iter().chain([WINDOWS])
}

/// The folder of the shim in `cache`, for `PYTHONPATH`. The first call writes it, under a name derived from its content, so that
/// versions of this program do not interfere. If two processes write it at once, both use the folder of the first. A damaged folder
/// is repaired file by file.
///
/// # Errors
/// [`LaunchError::Write`] if the cache cannot be written, [`LaunchError::Separator`] if its path cannot be used.
pub fn unpack(cache: &Path) -> Result<PathBuf, LaunchError> {
    // Python resolves relative entries against the working directory.
    let cache = std::path::absolute(cache).map_err(LaunchError::write(cache))?;
    let folder = cache.join(name());
    if std::env::join_paths([&folder]).is_err() {
        return Err(LaunchError::Separator { path: folder });
    }
    if is_whole(&folder) {
        return Ok(folder);
    }
    fs::create_dir_all(&cache).map_err(LaunchError::write(&cache))?;
    let part = tempfile::Builder::new().prefix(".shim-").tempdir_in(&cache).map_err(LaunchError::write(&cache))?;
    for (name, text) in files() {
        let path = part.path().join(name);
        write(&path, text).map_err(LaunchError::write(&path))?;
    }
    if fs::rename(part.path(), &folder).is_ok() {
        // Its folder was renamed: there is nothing left to remove.
        let _ = part.keep();
    } else if !is_whole(&folder) {
        for (name, text) in files() {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(&folder);
            // Another program may be importing the file.
            fs::create_dir_all(parent)
                .and_then(|()| replace(&path, text.as_bytes()))
                .map_err(LaunchError::write(&path))?;
        }
    }
    Ok(folder)
}

/// `shim-0123456789abcdef`: the hash of all names and texts.
fn name() -> String {
    let mut hash = Fnv1a::new();
    for part in files().flat_map(|(name, text)| [name, text]) {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    format!("shim-{:016x}", hash.value())
}

/// Whether every file is present and unchanged.
fn is_whole(folder: &Path) -> bool {
    files().all(|(name, text)| fs::read(folder.join(name)).is_ok_and(|found| found == text.as_bytes()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_shim_is_built_in() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python");
        let mut there = vec!["sitecustomize.py".to_owned()];
        for entry in fs::read_dir(root.join("workly_settings")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "py") {
                there.push(format!("workly_settings/{name}"));
            }
        }
        there.sort();
        let mut built_in: Vec<&str> = files().map(|(name, _)| name).collect();
        built_in.sort_unstable();
        assert_eq!(built_in, there);
    }

    #[test]
    fn shim_is_written_once_and_repaired_if_damaged() {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path().join("my cache");
        let folder = unpack(&cache).unwrap();
        assert!(is_whole(&folder) && folder.is_absolute());
        fs::write(folder.join("sitecustomize.py"), "raise SystemExit(3)").unwrap();
        fs::remove_file(folder.join("workly_settings/log.py")).unwrap();
        assert_eq!(unpack(&cache).unwrap(), folder);
        assert!(is_whole(&folder));
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [folder.file_name().unwrap()], "nothing half-written stays");
    }

    #[test]
    fn concurrent_unpacking_leaves_one_complete_folder() {
        let cache = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| unpack(cache.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|folder| *folder == folders[0] && is_whole(folder)));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn unwritable_cache_is_named() {
        let held = tempfile::tempdir().unwrap();
        let file = held.path().join("file");
        fs::write(&file, "").unwrap();
        let error = unpack(&file.join("cache")).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
    }
}
