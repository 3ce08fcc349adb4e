//! Builds the NVML test double `tests/doubles/nvml`, and runs the program with it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::doubles::built;
use super::run::Place;

/// Version of the simulated driver.
#[derive(Clone, Copy)]
pub(crate) enum Driver {
    /// A current one.
    Current,
    /// One before 510, without later functions.
    Old,
    /// One before 450, with still fewer functions.
    Oldest,
}

/// Built once for all tests.
fn library(driver: Driver) -> &'static Path {
    static CURRENT: LazyLock<PathBuf> = LazyLock::new(|| build("current", &[]));
    static OLD: LazyLock<PathBuf> = LazyLock::new(|| build("old", &["--cfg", "old"]));
    static OLDEST: LazyLock<PathBuf> = LazyLock::new(|| build("oldest", &["--cfg", "old", "--cfg", "oldest"]));
    match driver {
        Driver::Current => &CURRENT,
        Driver::Old => &OLD,
        Driver::Oldest => &OLDEST,
    }
}

fn build(name: &str, options: &[&str]) -> PathBuf {
    let name = format!("standin_nvml_{name}");
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = [
        "--crate-type",
        "cdylib",
        "--crate-name",
        &name,
        "--check-cfg",
        "cfg(old, oldest)",
        "-A",
        "dead-code",
        "-A",
        "unused-imports",
    ];
    built("nvml/lib.rs", &file, &[&library[..], options].concat())
}

impl Place {
    /// The program with a command line, and a driver that follows `script`.
    pub(crate) fn command_with_gpu(&self, driver: Driver, script: &str, line: &str) -> Command {
        self.write("nvml.script", script);
        let mut command = self.command(line);
        command.env("WORKLY_PERF_NVML", library(driver)).env("STANDIN_NVML_SCRIPT", self.path("nvml.script"));
        command
    }
}
