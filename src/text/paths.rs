//! Paths as people write them.

use std::path::Path;

/// A path for messages and for command lines that people copy. On Windows it has backslashes alone, and none of the
/// prefixes (`\\\\?\\`) that the system puts before a path that it has resolved.
#[must_use]
pub fn path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { as_windows_has_it(&text) } else { text.into_owned() }
}

fn as_windows_has_it(text: &str) -> String {
    let text = text.replace('/', "\\");
    if let Some(share) = text.strip_prefix(r"\\?\UNC\") {
        return format!(r"\\{share}");
    }
    match text.strip_prefix(r"\\?\") {
        // Only a drive has a shorter name: volumes without a letter have none.
        Some(plain) if plain.as_bytes().get(1) == Some(&b':') => plain.into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_paths_lose_their_prefix_and_mixed_separators() {
        for (given, shown) in [
            (r"\\?\C:\Users\Zoë\config.json", r"C:\Users\Zoë\config.json"),
            (r"\\?\UNC\nas\share\config.json", r"\\nas\share\config.json"),
            (r"\\?\Volume{0-1}\config.json", r"\\?\Volume{0-1}\config.json"),
            (r"results/local\20260102T030405Z-ipc", r"results\local\20260102T030405Z-ipc"),
            (r"\\nas\share", r"\\nas\share"),
            ("C:/a/b", r"C:\a\b"),
            ("", ""),
        ] {
            assert_eq!(as_windows_has_it(given), shown);
        }
    }

    #[test]
    fn paths_are_unchanged_on_other_systems() {
        let given = r"a/b\c";
        assert_eq!(path(Path::new(given)), if cfg!(windows) { r"a\b\c" } else { given });
    }
}
