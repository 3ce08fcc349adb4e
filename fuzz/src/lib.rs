//! Shared by the fuzz targets: a scratch file for readers that take a path.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A folder for this process, in memory if the system has such a place, otherwise among the temporary files.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let base = Some(PathBuf::from("/dev/shm")).filter(|shared| shared.is_dir()).unwrap_or_else(std::env::temp_dir);
    let folder = base.join(format!("workly-perf-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a scratch folder can be made");
    folder
});

/// A path in the scratch folder.
pub fn scratch(name: &str) -> PathBuf {
    FOLDER.join(name)
}

/// Writes a scratch file, replacing an existing one, and returns its path.
pub fn scratch_file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch(name);
    fs::write(&path, bytes).expect("a scratch file can be written");
    path
}

/// Removes a scratch folder and its content.
pub fn clear(path: &Path) {
    let _ = fs::remove_dir_all(path);
}
