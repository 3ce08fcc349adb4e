//! What a command line starts, as far as can be known beforehand: whether it is a Python that reads `PYTHONPATH`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Options of Python whose value is the next argument.
const WITH_VALUE: [char; 3] = ['W', 'X', 'Q'];

/// What a command line starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A Python that reads `PYTHONPATH`.
    Python,
    /// A Python that does not read it.
    Unread(UnreadPath),
    /// Something else: a frozen application, or a program that may start Python itself.
    Other,
}

/// Why a Python does not read `PYTHONPATH` or imports no `sitecustomize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadPath {
    /// `-I`: isolated.
    Isolated,
    /// `-E`: without environment variables.
    NoEnvironment,
    /// `-S`: without `site`.
    NoSite,
}

impl UnreadPath {
    /// The option as typed.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::Isolated => "-I",
            Self::NoEnvironment => "-E",
            Self::NoSite => "-S",
        }
    }

    fn of(letter: char) -> Option<Self> {
        [Self::Isolated, Self::NoEnvironment, Self::NoSite].into_iter().find(|why| why.option().ends_with(letter))
    }
}

impl Program {
    /// What this command line starts. For a script, this is the interpreter named by its first line.
    #[must_use]
    pub fn of(program: &OsStr, arguments: &[OsString]) -> Self {
        if is_python(program) {
            return Self::with_options(arguments.iter().map(|argument| argument.to_string_lossy().into_owned()));
        }
        let Some(line) = found(program).and_then(|path| first_line(&path)) else { return Self::Other };
        let mut words = line.split_whitespace().map(String::from);
        let interpreter = words.by_ref().find(|word| is_python(OsStr::new(word)));
        if interpreter.is_some() { Self::with_options(words) } else { Self::Other }
    }

    /// The warning for a program to which the settings cannot apply.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Python => None,
            Self::Unread(why) => Some(format!(
                "the settings will not be in force: with {} Python does not load the shim; leave the option out",
                why.option()
            )),
            Self::Other => Some(
                "this is not a Python interpreter: settings are in force only in a Python that it starts; a frozen application does \
                 not load the shim (docs/LAUNCH.md says what its developer can do)"
                    .into(),
            ),
        }
    }

    fn with_options(mut arguments: impl Iterator<Item = String>) -> Self {
        while let Some(argument) = arguments.next() {
            let Some(letters) = argument.strip_prefix('-') else { break };
            if letters.is_empty() || letters == "-" {
                break;
            }
            if letters.starts_with('-') {
                if letters == "-check-hash-based-pycs" {
                    arguments.next();
                }
                continue;
            }
            // The launcher of Windows: -3.12, -V:3.12.
            if letters.starts_with(|letter: char| letter.is_ascii_digit()) || letters.starts_with("V:") {
                continue;
            }
            for (at, letter) in letters.char_indices() {
                if let Some(why) = UnreadPath::of(letter) {
                    return Self::Unread(why);
                }
                if letter == 'c' || letter == 'm' {
                    return Self::Python;
                }
                if WITH_VALUE.contains(&letter) {
                    if at + letter.len_utf8() == letters.len() {
                        arguments.next();
                    }
                    break;
                }
            }
        }
        Self::Python
    }
}

/// Whether a program is Python, by its name: `python`, `python3.12`, `pythonw.exe`, `pypy3`, and `py`, the launcher of Windows.
fn is_python(program: &OsStr) -> bool {
    // Records and shebangs of both systems are read on either.
    let text = program.to_string_lossy().to_lowercase();
    let name = text.rsplit(['/', '\\']).next().unwrap_or(&text);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let is_version = |rest: &str| {
        let rest = rest.strip_prefix('w').unwrap_or(rest);
        let rest = rest.strip_suffix(['t', 'd', 'm']).unwrap_or(rest);
        rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    ["python", "pypy", "py"].into_iter().any(|stem| name.strip_prefix(stem).is_some_and(is_version))
}

/// The file of a program: its path, or the first of that name in `PATH`.
fn found(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return Some(path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(path)).find(|path| path.is_file())
}

/// The text after `#!` on the first line of a script.
fn first_line(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).ok()?.take(512).read_to_end(&mut start).ok()?;
    let text = String::from_utf8_lossy(&start);
    text.strip_prefix("#!")?.lines().next().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(line: &str) -> Program {
        let mut words = line.split(' ').map(OsString::from);
        let first = words.next().unwrap();
        Program::of(&first, &words.collect::<Vec<_>>())
    }

    #[test]
    fn python_is_recognised_by_name() {
        for name in ["python", "python3", "python3.13t", "pythonw.exe", "PY", "pypy3.10", r"C:\V\Scripts\python.exe"] {
            assert!(is_python(OsStr::new(name)), "{name}");
        }
        for name in ["pythonista", "pytest", "Workly.exe", "sh", "python-config", "pyinstaller"] {
            assert!(!is_python(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn only_options_that_exclude_the_shim_are_reported() {
        let unread = |why| Program::Unread(why);
        for (line, expected) in [
            ("python -I main.py", unread(UnreadPath::Isolated)),
            ("python3 -uE main.py", unread(UnreadPath::NoEnvironment)),
            ("python3 -W error -S main.py", unread(UnreadPath::NoSite)),
            ("py -3.12 -I main.py", unread(UnreadPath::Isolated)),
            ("python --check-hash-based-pycs never -E main.py", unread(UnreadPath::NoEnvironment)),
            ("python -P -s -B main.py -I", Program::Python),
            ("python -X utf8 -Wignore main.py", Program::Python),
            ("python -m workly -E", Program::Python),
            ("python -cimport\u{a0}os -I", Program::Python),
            ("python - -I", Program::Python),
            ("pythonw.exe", Program::Python),
            ("./no/such/Workly", Program::Other),
        ] {
            assert_eq!(program(line), expected, "{line}");
        }
    }

    #[test]
    fn script_is_classified_by_its_interpreter() {
        let held = tempfile::tempdir().unwrap();
        let path = held.path().join("workly");
        for (text, expected) in [
            ("#!/usr/bin/env python3\nprint()", Program::Python),
            ("#!/usr/bin/python3 -E\n", Program::Unread(UnreadPath::NoEnvironment)),
            ("#!/bin/sh\nexec python", Program::Other),
            ("\u{7f}ELF", Program::Other),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Program::of(path.as_os_str(), &[]), expected, "{text}");
        }
    }
}
