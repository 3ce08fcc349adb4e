//! Which of the files in a folder are backends, and which of them to use.

use std::path::Path;

use super::ffi::OpenBackend;
use super::file::{PREFIX, SUFFIX};
use super::{BackendFile, BackendFileState};

/// What a file beside the program must match to be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The version of ggml's backend interface.
    pub(super) api_version: i32,
    /// The ggml of this program; `None` if its build did not name it, and any is accepted.
    pub(super) ggml: Option<&'static str>,
    /// The names of the files that were built with this program; `None` if others may be added.
    pub(super) only: Option<&'static str>,
}

/// A file and what it reports about itself.
#[derive(Debug)]
pub(super) struct ProbedBackend {
    /// What is known of it. A file that could be used is [`BackendFileState::Outscored`] until it is loaded.
    pub(super) file: BackendFile,
    /// Open until it is chosen, or the choice is over.
    opened: Option<OpenBackend>,
}

/// Opens each backend file of a folder, in the order of their names.
pub(super) fn try_all(folder: &Path, wanted: Wanted) -> Vec<ProbedBackend> {
    names(folder).into_iter().map(|name| try_one(folder, name, wanted)).collect()
}

/// Opens a file that the user named. It need not be of this project: as in ggml, only the version of the interface counts.
pub(super) fn try_named(path: &Path, api_version: i32) -> ProbedBackend {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut tried = try_one(folder, name, Wanted { api_version, ggml: None, only: None });
    tried.file.named = true;
    tried
}

/// The positions of the files to load: the best of each family, the CPU last, as ggml itself has it. One that has another version
/// of the interface than this program is refused, and the next best takes its place.
pub(super) fn choose(tried: &mut [ProbedBackend], api_version: i32) -> Vec<usize> {
    let mut families: Vec<String> = tried.iter().map(|one| one.file.family().to_owned()).collect();
    families.sort_by_key(|family| (family == "cpu", family.clone()));
    families.dedup();
    families.iter().filter_map(|family| best_of(family, tried, api_version)).collect()
}

/// The best usable file of a family; of equals, the first. One without a score is second to all that have one.
fn best_of(family: &str, tried: &mut [ProbedBackend], api_version: i32) -> Option<usize> {
    let mut of_family: Vec<usize> = (0..tried.len()).filter(|at| tried[*at].file.family() == family).collect();
    of_family.sort_by_key(|at| -tried[*at].file.score.unwrap_or(0));
    of_family.into_iter().find(|at| {
        let one = &mut tried[*at];
        if one.file.state != BackendFileState::Outscored {
            return false;
        }
        match one.opened.take().map_or(Ok(()), |opened| opened.check(api_version)) {
            Ok(()) => true,
            Err(reason) => {
                one.file.state = BackendFileState::Refused;
                one.file.reason = Some(reason);
                false
            }
        }
    })
}

fn try_one(folder: &Path, name: String, wanted: Wanted) -> ProbedBackend {
    let opened = expected(&name, wanted)
        .and_then(|()| OpenBackend::open(&folder.join(&name)).map_err(|reason| without_folder(&reason, folder)))
        .and_then(|opened| of_this_ggml(&opened, wanted).map(|()| opened));
    let (state, score, reason, opened) = match opened {
        Ok(opened) if opened.score == Some(0) => (BackendFileState::Unsupported, Some(0), None, None),
        Ok(opened) => (BackendFileState::Outscored, opened.score, None, Some(opened)),
        Err(reason) => (BackendFileState::Refused, None, Some(reason), None),
    };
    ProbedBackend { file: BackendFile { file: name, state, score, devices: None, reason, named: false }, opened }
}

/// Checks that a file belongs to the build of this program, and was not left in the folder by another one.
fn expected(name: &str, wanted: Wanted) -> Result<(), String> {
    match wanted.only {
        Some(only) if !only.split(',').any(|known| known == name) => {
            Err("it is left from another build: this program was built without it".into())
        }
        _ => Ok(()),
    }
}

/// Checks that a file was built with the ggml of this program. ggml itself compares only the version of an interface, and would call
/// into a file whose data is laid out differently.
fn of_this_ggml(opened: &OpenBackend, wanted: Wanted) -> Result<(), String> {
    let Some(own) = wanted.ggml else { return Ok(()) };
    match opened.ggml() {
        Some(ggml) if ggml == own => Ok(()),
        Some(ggml) => Err(format!("it was built with ggml {ggml}; this program has {own}")),
        None => Err(format!("it does not say which ggml it was built with; this program has {own}")),
    }
}

/// The names of backend files in a folder, sorted. `ggml-base` is the library that all backends use, not one of them.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)).is_some_and(|it| it != "base")
        })
        .collect();
    names.sort_unstable();
    names
}

/// The reason without the folder, which may name the user: records are shared.
fn without_folder(reason: &str, folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        return reason.to_owned();
    }
    reason.replace(&format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR), "")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::super::ffi::api_version;
    use super::*;

    /// Compiles `tests/doubles/backend.c` into a folder, as a backend of that name.
    fn backend(folder: &Path, name: &str, flags: &[&str]) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles/backend.c");
        let output = folder.join(format!("libggml-{name}.so"));
        let done = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(output).arg(source).args(flags).status();
        assert!(done.expect("cc runs").success(), "the double {name} compiles");
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    /// All files of a folder, tried and chosen from, and the names of those to load.
    fn chosen(folder: &Path) -> (Vec<BackendFile>, Vec<String>) {
        chosen_as(folder, Wanted { api_version: 3, ggml: None, only: None })
    }

    fn chosen_as(folder: &Path, wanted: Wanted) -> (Vec<BackendFile>, Vec<String>) {
        let mut tried = try_all(folder, wanted);
        let chosen = choose(&mut tried, wanted.api_version);
        let names = chosen.into_iter().map(|at| tried[at].file.file.clone()).collect();
        (tried.into_iter().map(|one| one.file).collect(), names)
    }

    fn reason(file: &BackendFile) -> &str {
        assert_eq!(file.state, BackendFileState::Refused, "{file}");
        file.reason.as_deref().expect("a reason")
    }

    #[test]
    fn this_ggml_has_a_version_of_the_backend_interface() {
        assert!(api_version() > 0);
    }

    #[test]
    fn the_cpu_variant_with_the_highest_score_is_chosen_and_comes_after_the_gpu() {
        let folder = folder();
        backend(folder.path(), "cpu-fast", &["-DAPI_VERSION=3", "-DSCORE=64"]);
        backend(folder.path(), "cpu-plain", &["-DAPI_VERSION=3", "-DSCORE=1"]);
        backend(folder.path(), "cpu-toonew", &["-DAPI_VERSION=3", "-DSCORE=0"]);
        backend(folder.path(), "vulkan", &["-DAPI_VERSION=3"]);
        backend(folder.path(), "base", &["-DAPI_VERSION=3"]);
        let (files, names) = chosen(folder.path());
        assert_eq!(names, ["libggml-vulkan.so", "libggml-cpu-fast.so"]);
        assert_eq!(files[2].state, BackendFileState::Unsupported);
        assert_eq!((files.len(), files[0].score, files[3].score), (4, Some(64), None));
    }

    #[test]
    fn file_of_another_ggml_version_is_refused_and_the_next_best_used() {
        let folder = folder();
        backend(folder.path(), "vulkan", &["-DAPI_VERSION=2"]);
        backend(folder.path(), "cpu-fast", &["-DAPI_VERSION=4", "-DSCORE=64"]);
        backend(folder.path(), "cpu-plain", &["-DAPI_VERSION=3", "-DSCORE=1"]);
        let (files, names) = chosen(folder.path());
        assert_eq!(names, ["libggml-cpu-plain.so"]);
        assert_eq!(reason(&files[0]), "it has version 4 of ggml's backend interface; this program has 3");
        assert_eq!(reason(&files[2]), "it has version 2 of ggml's backend interface; this program has 3");
    }

    #[test]
    fn a_file_of_another_ggml_with_the_same_interface_is_refused_by_the_version_it_was_built_with() {
        let folder = folder();
        backend(folder.path(), "cuda", &["-DAPI_VERSION=3"]);
        backend(folder.path(), "sycl", &["-DAPI_VERSION=3", "-DGGML=\"0.25.0-aaaa\""]);
        backend(folder.path(), "vulkan", &["-DAPI_VERSION=3", "-DGGML=\"0.26.0-bbbb\""]);
        let wanted = Wanted { api_version: 3, ggml: Some("0.26.0-bbbb"), only: None };
        let (files, names) = chosen_as(folder.path(), wanted);
        assert_eq!(names, ["libggml-vulkan.so"]);
        assert_eq!(reason(&files[0]), "it does not say which ggml it was built with; this program has 0.26.0-bbbb");
        assert_eq!(reason(&files[1]), "it was built with ggml 0.25.0-aaaa; this program has 0.26.0-bbbb");
    }

    #[test]
    fn a_file_left_from_an_earlier_build_is_refused_without_opening_it() {
        let folder = folder();
        backend(folder.path(), "cpu-plain", &["-DAPI_VERSION=3", "-DSCORE=1"]);
        std::fs::write(folder.path().join("libggml-vulkan.so"), "no library").expect("a file");
        let only = Some("libggml-cpu-fast.so,libggml-cpu-plain.so");
        let (files, names) = chosen_as(folder.path(), Wanted { api_version: 3, ggml: None, only });
        assert_eq!(names, ["libggml-cpu-plain.so"]);
        assert_eq!(reason(&files[1]), "it is left from another build: this program was built without it");
    }

    #[test]
    fn a_file_that_the_user_names_is_judged_by_its_interface_alone() {
        let folder = folder();
        backend(folder.path(), "own", &["-DAPI_VERSION=3"]);
        backend(folder.path(), "old", &["-DAPI_VERSION=2"]);
        let mut tried = ["own", "old"].map(|name| try_named(&folder.path().join(format!("libggml-{name}.so")), 3));
        assert_eq!(choose(&mut tried, 3), [0]);
        assert_eq!(reason(&tried[1].file), "it has version 2 of ggml's backend interface; this program has 3");
        let missing = try_named(&folder.path().join("libggml-none.so"), 3).file;
        assert!(reason(&missing).contains("No such file"), "{missing}");
        assert!(missing.to_string().starts_with("libggml-none.so (GGML_BACKEND_PATH): not loaded: "), "{missing}");
    }

    #[test]
    fn loader_message_is_kept_without_the_folder() {
        let folder = folder();
        std::fs::write(folder.path().join("libggml-cuda.so"), "no library").expect("a file");
        backend(folder.path(), "sycl", &["-DAPI_VERSION=3", "-DNEEDS_MISSING"]);
        let (files, names) = chosen(folder.path());
        assert!(names.is_empty(), "{names:?}");
        let broken = reason(&files[0]);
        assert!(broken.contains("invalid ELF header") || broken.contains("file too short"), "{broken}");
        assert!(reason(&files[1]).contains("workly_missing_function"), "{}", reason(&files[1]));
        let shown = folder.path().display().to_string();
        assert!(files.iter().all(|file| !reason(file).contains(&shown)), "{files:?}");
    }

    #[test]
    fn missing_driver_differs_from_a_non_backend_library() {
        let folder = folder();
        backend(folder.path(), "cuda", &["-DNO_DRIVER"]);
        backend(folder.path(), "vulkan", &["-DNO_INIT"]);
        let (files, _) = chosen(folder.path());
        assert!(reason(&files[0]).contains("no driver"), "{}", reason(&files[0]));
        assert!(reason(&files[1]).contains("does not export ggml_backend_init"), "{}", reason(&files[1]));
    }
}
