//! Builds the stand-in for NVML of `tests/doubles/nvml.rs`, and runs the program against it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::run::Place;

/// Which driver stands in.
#[derive(Clone, Copy)]
pub(crate) enum Driver {
    /// One of today.
    Current,
    /// One from before 510: it lacks what came later.
    Old,
}

/// Built once for all tests. The compiler that built these tests is there; a C compiler need not be.
fn library(driver: Driver) -> &'static Path {
    static CURRENT: LazyLock<PathBuf> = LazyLock::new(|| build("current", &[]));
    static OLD: LazyLock<PathBuf> = LazyLock::new(|| build("old", &["--cfg", "old"]));
    match driver {
        Driver::Current => &CURRENT,
        Driver::Old => &OLD,
    }
}

fn build(name: &str, options: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles/nvml.rs");
    let name = format!("standin_nvml_{name}");
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified());
    if changed(&library).is_ok_and(|built| built > changed(&source).unwrap()) {
        return library;
    }
    // Whole or absent: two runs of the tests may build at the same time.
    let unfinished = library.with_extension(std::process::id().to_string());
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", &name, "--check-cfg", "cfg(old)"])
        .args(["-D", "warnings", "-A", "dead-code"])
        .args(options)
        .arg("-o")
        .arg(&unfinished)
        .arg(source)
        .output()
        .expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&unfinished, &library).unwrap();
    library
}

impl Place {
    /// The program with a command line, and with a driver that follows `script`.
    pub(crate) fn command_with_gpu(&self, driver: Driver, script: &str, line: &str) -> Command {
        self.write("nvml.script", script);
        let mut command = self.command(line);
        command.env("WORKLY_PERF_NVML", library(driver)).env("STANDIN_NVML_SCRIPT", self.path("nvml.script"));
        command
    }
}
