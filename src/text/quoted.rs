//! Quotes paths for the shell in suggested command lines.

use std::path::Path;

use super::path as readable;

/// The path as it can be typed: in quotes if the shell would split it.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = readable(path);
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+=:@%,\\".contains(letter);
    // A backslash is part of Windows paths; elsewhere it is an escape.
    if !text.is_empty() && text.chars().all(is_plain) && (cfg!(windows) || !text.contains('\\')) {
        return text;
    }
    if cfg!(windows) { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_are_quoted_and_plain_ones_are_not() {
        for (path, typed) in [
            ("results/local/20260102T030405Z-recommend", "results/local/20260102T030405Z-recommend"),
            ("données/été.json", "données/été.json"),
            ("My Workly/data/config.json", "'My Workly/data/config.json'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            (r"back\slash", r"'back\slash'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(Path::new(path)), typed);
        }
    }
}

#[cfg(all(test, windows))]
mod tests_on_windows {
    use super::*;

    #[test]
    fn paths_with_spaces_are_quoted_with_backslashes() {
        for (path, typed) in [
            (r"results/local\20260102T030405Z-recommend", r"results\local\20260102T030405Z-recommend"),
            (r"\\?\C:\My Workly\config.json", r#""C:\My Workly\config.json""#),
        ] {
            assert_eq!(quoted(Path::new(path)), typed);
        }
    }
}
