//! `scripts/fetch-archive`, with a double of GitHub's `gh`: what it unpacks, and what it refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder of a release with one archive, whose program is a line of text.
struct Release(TempDir);

impl Release {
    fn new() -> Self {
        let release = Self(tempfile::tempdir().unwrap());
        let name = Self::name();
        let folder = release.0.path().join(&name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("workly-perf"), "#!/bin/sh\necho of the archive\n").unwrap();
        release.shell(&format!("chmod +x {name}/workly-perf && tar -cJf {name}.tar.xz {name} && rm -r {name}"));
        release.shell(&format!("sha256sum {name}.tar.xz >{name}.tar.xz.sha256"));
        release
    }

    fn name() -> String {
        format!("workly-perf-{VERSION}-x86_64-linux")
    }

    fn shell(&self, line: &str) {
        assert!(Command::new("sh").args(["-c", line]).current_dir(self.0.path()).status().unwrap().success(), "{line}");
    }

    /// Runs the script, with this release or with none.
    fn fetch(&self, there: bool) -> (Output, PathBuf) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let into = self.0.path().join("into");
        let search = format!("{}:{}", root.join("tests/doubles").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(root.join("scripts/fetch-archive"));
        command.args(["--repo", "owner/workly-perf", "--into"]).arg(&into).env("PATH", search).env("VERSION", VERSION);
        command.env("RELEASE", if there { self.0.path() } else { Path::new("") });
        (command.output().unwrap(), into.join(Self::name()).join("workly-perf"))
    }
}

#[test]
fn the_archive_of_a_release_is_unpacked_and_its_program_named() {
    let (output, program) = Release::new().fetch(true);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), program.display().to_string());
}

#[test]
fn a_fetched_program_runs() {
    let release = Release::new();
    let (_, program) = release.fetch(true);
    let said = Command::new(program).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&said), "of the archive\n");
}

#[test]
fn an_archive_with_another_checksum_is_not_unpacked() {
    let release = Release::new();
    release.shell(&format!("printf x >>{}.tar.xz", Release::name()));
    let (output, program) = release.fetch(true);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not have the checksum"), "{output:?}");
    assert!(!program.exists());
}

#[test]
fn a_checksum_of_another_file_is_refused() {
    let release = Release::new();
    let name = Release::name();
    release.shell(&format!("echo other >other && sha256sum other >{name}.tar.xz.sha256"));
    let (output, program) = release.fetch(true);
    assert!(String::from_utf8_lossy(&output.stderr).contains("is the checksum of another file"), "{output:?}");
    assert!(!program.exists());
}

#[test]
fn without_a_release_the_exit_code_says_that_a_build_is_the_way() {
    let (output, _) = Release::new().fetch(false);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no "), "{output:?}");
}
