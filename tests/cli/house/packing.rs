//! How `scripts/package` packs and checks: the functions of `scripts/lib`, on folders made for the test.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a line of bash with those functions, in a folder that has `stage`, and `out` for archives.
fn run(folder: &Path, line: &str) -> Output {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lib");
    let parts = ["prepare", "package", "archive"].map(|name| format!(". {}/{name}.sh; ", lib.display())).concat();
    let script =
        format!("set -euo pipefail; {parts} out=$PWD/out work=$PWD SOURCE_DATE_EPOCH=1700000000; mkdir -p out; {line}");
    Command::new("bash").args(["-c", &script]).current_dir(folder).output().unwrap()
}

fn succeeds(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder `stage/app` with these files, written in this order, all with these permissions.
fn stage(names: &[&str], mode: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("stage/app");
    std::fs::create_dir_all(app.join("licenses")).unwrap();
    for name in names {
        std::fs::write(app.join(name), format!("contents of {name}")).unwrap();
    }
    succeeds(folder.path(), &format!("find stage -type f -exec chmod {mode} {{}} + && chmod 700 stage/app/licenses"));
    folder
}

/// Compiles the double of a backend, with the name of a ggml in it.
fn backend(folder: &Path, name: &str, ggml: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles/backend.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-DAPI_VERSION=3", "-DSCORE=1"]).arg(format!("-DGGML=\"{ggml}\""));
    assert!(compiler.arg("-o").arg(folder.join(name)).arg(source).status().unwrap().success());
}

#[test]
fn equal_folders_give_equal_archives_whatever_their_times_and_permissions() {
    let first = stage(&["a.exe", "licenses/b.txt"], "600");
    let second = stage(&["licenses/b.txt", "a.exe"], "644");
    for (pack, file) in [("archive stage/app app", "app.tar.xz"), ("zip_archive stage/app app", "app.zip")] {
        let bytes = [&first, &second].map(|folder| {
            succeeds(folder.path(), pack);
            succeeds(folder.path(), &format!("cd out && sha256sum --check {file}.sha256"));
            std::fs::read(folder.path().join("out").join(file)).unwrap()
        });
        assert!(bytes[0] == bytes[1], "{file}");
    }
}

#[test]
fn bill_of_materials_lists_parts_and_files_and_is_the_same_each_time() {
    let folder = stage(&["a.exe", "licenses/b.txt"], "600");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lib/sbom.py");
    let line = format!(
        "printf 'crate|serde|1.0.0|MIT/Apache-2.0\\nother|ggml|0.26.0|MIT\\n' | python3 {} stage/app 0.1.0 1700000000",
        script.display()
    );
    let text = succeeds(folder.path(), &line);
    assert_eq!(text, succeeds(folder.path(), &line));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let of = |at: usize, key: &str| document["components"][at][key].clone();
    assert_eq!(of(0, "purl"), "pkg:cargo/serde@1.0.0");
    assert_eq!(of(0, "licenses")[0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(of(1, "name"), "ggml");
    assert_eq!(of(3, "name"), "licenses/b.txt");
    let digest = succeeds(folder.path(), "sha256sum stage/app/licenses/b.txt | cut -c 1-64");
    assert_eq!(of(3, "hashes")[0]["content"], digest.trim_end());
}

#[test]
fn a_backend_says_which_ggml_it_was_built_with_and_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    backend(folder.path(), "libggml-cpu-x64.so", "0.26.0-0123456789ab");
    assert_eq!(succeeds(folder.path(), "ggml_of libggml-cpu-x64.so"), "0.26.0-0123456789ab");
    std::fs::write(folder.path().join("BUILD.txt"), "ggml: 0.26.0-0123456789ff\n").unwrap();
    let output = run(folder.path(), "check_files .");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("libggml-cpu-x64.so was built with ggml '0.26.0-0123456789ab'"), "{said}");
}

#[test]
fn a_library_that_is_neither_in_the_archive_nor_on_every_system_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(
        folder.path(),
        "echo 'int other(void) { return 1; }' | cc -shared -fPIC -x c - -o libother.so -Wl,-soname,libother.so",
    );
    succeeds(
        folder.path(),
        "echo 'int other(void); int used(void) { return other(); }' | cc -shared -fPIC -x c - -o libused.so -x none libother.so",
    );
    std::fs::write(folder.path().join("BUILD.txt"), "ggml: none\n").unwrap();
    let refused = |line: &str| {
        let output = run(folder.path(), line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refused("check_files .");
    assert!(
        said.contains("libused.so needs libother.so from its own folder, but its RUNPATH is not $ORIGIN"),
        "{said}"
    );
    let said = refused("rm libother.so; check_files .");
    assert!(
        said.contains("libused.so needs libother.so, which is neither in the archive nor on every system"),
        "{said}"
    );
}

#[test]
fn a_debian_package_has_the_files_of_the_archive_and_is_the_same_each_time() {
    let packages = ["600", "644"].map(|mode| {
        let folder = stage(&["LICENSE", "README.md", "licenses/b.txt"], mode);
        backend(&folder.path().join("stage/app"), "libggml-cpu-x64.so", "0.26.0-0123456789ab");
        let root = env!("CARGO_MANIFEST_DIR");
        succeeds(folder.path(), &format!("app=$PWD/stage/app; cd {root}; debian_package 0.1.0 $app"));
        let listed = succeeds(folder.path(), "dpkg-deb --contents out/workly-perf_0.1.0_amd64.deb");
        assert!(listed.contains("./usr/bin/workly-perf -> ../lib/workly-perf/workly-perf"), "{listed}");
        assert!(listed.contains("./usr/share/doc/workly-perf/copyright"), "{listed}");
        assert!(listed.contains("./usr/share/man/man1/workly-perf.1.gz"), "{listed}");
        std::fs::read(folder.path().join("out/workly-perf_0.1.0_amd64.deb")).unwrap()
    });
    assert!(packages[0] == packages[1], "equal folders give equal packages");
}

#[test]
fn a_program_for_linux_is_no_program_for_windows() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "check_windows_program /bin/sh");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/bin/sh is not a program for Windows"), "{output:?}");
}
