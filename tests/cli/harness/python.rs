//! Runs the scripts of `tests/python`, which read our files with third-party packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use serde_json::Value;

/// Variable with the interpreter that has the packages of `tests/python/requirements.txt`.
const PYTHON_VARIABLE: &str = "WORKLY_PERF_TEST_PYTHON";

fn python() -> PathBuf {
    if let Some(python) = std::env::var_os(PYTHON_VARIABLE) {
        return python.into();
    }
    let inside = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-venv").join(inside);
    assert!(
        python.exists(),
        "no Python with the packages of tests/python/requirements.txt: {} does not exist\n\
         hint: run scripts/test, which makes it, or set {PYTHON_VARIABLE}",
        python.display()
    );
    bring_up_to_date(&python);
    python
}

/// Installs packages added to `requirements.txt` since `scripts/test` last did so.
fn bring_up_to_date(python: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (wanted, installed) =
            (root.join("tests/python/requirements.txt"), root.join("target/test-venv/installed.txt"));
        let text = std::fs::read(&wanted).expect("requirements.txt is readable");
        if std::fs::read(&installed).is_ok_and(|installed| installed == text) {
            return;
        }
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        let status = Command::new(python).args(install).arg(&wanted).status();
        assert!(status.is_ok_and(|status| status.success()), "pip failed\nhint: run scripts/test");
        // If it cannot be written, the next run repeats the installation, which finds everything in place.
        let _ = std::fs::write(&installed, text);
    });
}

/// The script's output for a file, as JSON.
pub(crate) fn read(script: &str, file: &Path) -> Value {
    let (python, script) = (python(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script));
    let output = Command::new(&python).arg(script).arg(file).output();
    let output =
        output.unwrap_or_else(|error| panic!("cannot run {}: {error}\nhint: run scripts/test", python.display()));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed\nhint: run scripts/test\n{complaint}", python.display());
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}
