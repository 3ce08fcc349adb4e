//! Builds the test doubles from the sources in `tests/doubles`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The absolute path of the library or program `file`, built from `tests/doubles/SOURCE` with these options unless it is up to date. The
/// compiler that built these tests is available; a C compiler may not be. Under Wine no compiler is: scripts/test-windows builds the
/// doubles beforehand.
pub(crate) fn built(source: &str, file: &str, options: &[&str]) -> PathBuf {
    // One at a time per process: the compiler names its intermediate files after its output.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles").join(source);
    // The program runs in a folder of its own, under Wine on another drive.
    let double = std::path::absolute(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file)).unwrap();
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified());
    if changed(&double).is_ok_and(|built| sources(&source).iter().all(|source| built > changed(source).unwrap())) {
        return double;
    }
    // Renamed when complete: two test runs may build at the same time.
    let unfinished = double.with_extension(std::process::id().to_string());
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--edition", "2024", "-D", "warnings"])
        .args(options)
        .arg("-o")
        .arg(&unfinished)
        .arg(source)
        .output()
        .expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&unfinished, &double).unwrap();
    double
}

/// A source file and, if it has a folder of its own below `tests/doubles`, the files beside it.
fn sources(source: &Path) -> Vec<PathBuf> {
    let folder = source.parent().expect("a source lies in a folder");
    if folder.ends_with("doubles") {
        return vec![source.to_owned()];
    }
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
