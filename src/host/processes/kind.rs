//! Recognises the processes of Workly and Unity by what they were started from.

use std::ffi::OsStr;
use std::path::Path;

use serde::Serialize;

/// The role of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessKind {
    /// Workly's own: the Python program, or its packaged executable.
    Workly,
    /// A program built with Unity: the avatar.
    UnityPlayer,
    /// Unity's editor.
    UnityEditor,
    /// One that was selected.
    Named,
    /// Any other.
    Other,
}

/// The libraries next to a program built with Unity.
const PLAYER_LIBRARIES: [&str; 2] = ["UnityPlayer.dll", "UnityPlayer.so"];

/// The equivalent for a macOS program, relative to the folder of its executable.
const PLAYER_LIBRARY_OF_MACOS: &str = "../Frameworks/UnityPlayer.dylib";

impl ProcessKind {
    /// Its word in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Workly => "Workly",
            Self::UnityPlayer => "Unity player",
            Self::UnityEditor => "Unity editor",
            Self::Named => "named",
            Self::Other => "other",
        }
    }

    /// The role of a process, by its name, its executable and its arguments; `None` for all others, including crash
    /// handlers and the editor's hub, which use little memory.
    pub(super) fn of(name: &str, executable: Option<&Path>, arguments: &[&OsStr]) -> Option<Self> {
        let name = stem(name);
        if name.contains("crashhandler") || name.contains("unityhub") || name.contains("unity hub") || is_ours(&name) {
            return None;
        }
        if name == "unity" || name == "unity editor" {
            return Some(Self::UnityEditor);
        }
        if executable.and_then(Path::parent).is_some_and(holds_player) {
            return Some(Self::UnityPlayer);
        }
        let is_python = name.starts_with("python") || name == "py";
        let says_workly = |argument: &&OsStr| argument.to_string_lossy().to_lowercase().contains("workly");
        // The interpreter's own path is no evidence: a virtual environment may be anywhere. Development tools that run
        // on the project (a test, a linter) are started as modules and are not the application.
        let script = arguments.iter().skip(1).find(|argument| !argument.to_string_lossy().starts_with('-'));
        let module = arguments.iter().skip(1).take(1).any(|argument| *argument == "-m");
        let runs_workly = is_python && !module && script.is_some_and(says_workly);
        (name.contains("workly") || runs_workly).then_some(Self::Workly)
    }
}

/// A process of this program, whatever its file is called.
fn is_ours(name: &str) -> bool {
    name.contains("workly-perf") || name.contains("workly_perf")
}

/// The lower-case name without Windows's suffix.
pub(super) fn stem(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix(".exe").map_or(name.clone(), str::to_owned)
}

fn holds_player(folder: &Path) -> bool {
    PLAYER_LIBRARIES.iter().any(|library| folder.join(library).is_file())
        || folder.join(PLAYER_LIBRARY_OF_MACOS).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, command: &str) -> Option<ProcessKind> {
        let arguments: Vec<&OsStr> = command.split(' ').map(OsStr::new).collect();
        ProcessKind::of(name, Some(Path::new("/nowhere/at/all")), &arguments)
    }

    #[test]
    fn names_are_compared_without_platform_suffixes() {
        assert_eq!(stem("Workly.EXE"), "workly");
        assert_eq!(stem("exe"), "exe");
    }

    #[test]
    fn workly_is_recognised_by_script_or_name() {
        assert_eq!(kind("python.exe", "python.exe C:\\Apps\\Workly\\main.py"), Some(ProcessKind::Workly));
        assert_eq!(kind("python3.11", "python3.11 -u /home/kira/workly/main.py --dev"), Some(ProcessKind::Workly));
        assert_eq!(kind("Workly.exe", "Workly.exe"), Some(ProcessKind::Workly));
        assert_eq!(kind("python3", "python3 /srv/other/main.py"), None);
        assert_eq!(kind("python3", "/home/kira/workly/venv/bin/python3 /srv/other/main.py"), None);
        assert_eq!(kind("python3", "python3 -m pytest workly/tests"), None);
        assert_eq!(kind("vim", "vim workly/main.py"), None);
        assert_eq!(kind("workly-perf", "workly-perf watch"), None);
    }

    #[test]
    fn unity_editor_and_player_are_distinguished() {
        assert_eq!(kind("Unity.exe", "Unity.exe -projectPath C:\\Avatar"), Some(ProcessKind::UnityEditor));
        assert_eq!(kind("Unity Hub.exe", "Unity Hub.exe"), None);
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("Avatar.exe");
        assert_eq!(ProcessKind::of("Avatar.exe", Some(&program), &[]), None);
        std::fs::write(folder.path().join("UnityPlayer.dll"), "").unwrap();
        assert_eq!(ProcessKind::of("Avatar.exe", Some(&program), &[]), Some(ProcessKind::UnityPlayer));
        assert_eq!(ProcessKind::of("UnityCrashHandler64.exe", Some(&program), &[]), None);
    }
}
