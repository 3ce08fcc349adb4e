//! What the fuzz targets share: a scratch file for the readers that take a path.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A folder of this process in memory where the system has such a place, else among the temporary files.
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

/// Writes a scratch file, replacing what was there, and says where it is.
pub fn scratch_file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch(name);
    fs::write(&path, bytes).expect("a scratch file can be written");
    path
}

/// Removes a scratch folder and all that is in it.
pub fn clear(path: &Path) {
    let _ = fs::remove_dir_all(path);
}
