//! A registry with one package: a wheel made here, a description of the model in it, and a test double of pip that
//! serves it.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::doubles;
use crate::harness::run::{Outcome, Place};

/// Path of the model in the wheel.
pub(crate) const MEMBER: &str = "standin_tiny/Tiny.gguf";

/// The wheel.
pub(crate) const WHEEL: &str = "standin_tiny-1.0-py3-none-any.whl";

/// Content of the model: larger than one read.
pub(crate) fn model_bytes() -> Vec<u8> {
    (0..1_500_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub(crate) fn sum(bytes: &[u8]) -> String {
    format!("{:064x}", Sha256::digest(bytes))
}

/// A wheel with these members.
pub(crate) fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A Python with each of these names, in a folder without anything else.
pub(crate) fn pythons(names: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("standin-{}", names.join("-")));
    let folder = std::path::absolute(folder).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| format!("standin-{}/{name}{}", names.join("-"), std::env::consts::EXE_SUFFIX);
    for name in names {
        doubles::built("pip.rs", &file(name), &[]);
    }
    folder
}

/// A folder with a cache, a wheel, and a description of the model in it.
pub(crate) struct Registry {
    pub(crate) place: Place,
    pub(crate) search_path: PathBuf,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self::of(&wheel(&[("standin_tiny/__init__.py", b"raise SystemExit('never run')"), (MEMBER, &model_bytes())]))
    }

    /// A registry that serves this wheel, valid or not.
    pub(crate) fn of(wheel: &[u8]) -> Self {
        let registry = Self { place: Place::new(), search_path: pythons(&["python3"]) };
        fs::write(registry.place.path(WHEEL), wheel).unwrap();
        registry.describe("", "");
        registry
    }

    /// Describes the wheel and the model, with one replacement in the text.
    pub(crate) fn describe(&self, from: &str, to: &str) {
        let (wheel, model) = (fs::read(self.place.path(WHEEL)).unwrap(), model_bytes());
        let text = format!(
            "name = \"Standin-Tiny\"\nsummary = \"for tests\"\nlicence = \"MIT\"\n\n[package]\nname = \"standin-tiny\"\n\
             version = \"1.0\"\nwheel = \"{WHEEL}\"\nbytes = {}\nsha256 = \"{}\"\n\n[file]\npath = \"{MEMBER}\"\nbytes = {}\n\
             sha256 = \"{}\"\n",
            wheel.len(),
            sum(&wheel),
            model.len(),
            sum(&model)
        );
        let changed = text.replacen(from, to, 1);
        assert!(from.is_empty() || changed != text, "{from}");
        self.place.write("tiny.toml", &changed);
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.place.command(line);
        command
            .env("PATH", &self.search_path)
            .env("WORKLY_PERF_CACHE", self.place.path("cache"))
            .env("STANDIN_WHEEL", self.place.path(WHEEL))
            .env("STANDIN_LOG", self.place.path("log"))
            .env("PIP_INDEX_URL", "the-user-s-own-index");
        command
    }

    pub(crate) fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        let output = self.command(line).envs(variables.iter().copied()).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn fetch(&self) -> Outcome {
        self.run_with("model fetch tiny.toml", &[])
    }

    pub(crate) fn spawn(&self, variables: &[(&str, &Path)]) -> Child {
        let mut command = self.command("model fetch tiny.toml");
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The requests to pip, one per line.
    pub(crate) fn downloads(&self) -> Vec<String> {
        let log = fs::read_to_string(self.place.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    pub(crate) fn model(&self) -> PathBuf {
        // With the separators of this system, as it is printed.
        ["cache", "models", "standin-tiny-1.0", "Tiny.gguf"]
            .iter()
            .fold(self.place.path(""), |path, name| path.join(name))
    }

    /// Files in the model's folder.
    pub(crate) fn kept(&self) -> Vec<String> {
        names(&self.place.path("cache/models/standin-tiny-1.0"))
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
