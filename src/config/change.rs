//! What a change would do, to show before it is made.

use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::error::ConfigError;
use super::history::KeptVersion;
use super::write;

/// Unchanged lines around a change.
const CONTEXT: usize = 2;

/// A file with only one line shows its changes by key instead.
const LONGEST_LINE: usize = 300;

/// One value that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The key, with its section.
    pub key: String,
    /// The previous value, as written.
    pub before: Option<String>,
    /// The new value, as JSON.
    pub after: String,
}

/// The type of a diff line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffMark {
    /// Removed.
    Removed,
    /// Added.
    Added,
    /// Unchanged.
    Same,
    /// Describes the following lines.
    Place,
}

/// A change that has not been made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    pub(super) path: PathBuf,
    pub(super) target: PathBuf,
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
    pub(super) edits: Vec<Edit>,
    pub(super) keeps_unproven_auto: bool,
}

impl ConfigChange {
    /// Whether the file already has this content.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.before == self.after
    }

    /// The path of the file, as given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The new content of the file.
    #[must_use]
    pub fn after(&self) -> &[u8] {
        &self.after
    }

    /// The values that are set; none if a version is restored.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Whether the new file sets the GPU profile `auto` without showing that its application supports it.
    #[must_use]
    pub fn keeps_unproven_auto(&self) -> bool {
        self.keeps_unproven_auto
    }

    /// The number of other hard links of the file, which keep the old content. 0 if the system does not report it.
    #[must_use]
    pub fn other_names(&self) -> u64 {
        #[cfg(unix)]
        let names = std::fs::metadata(&self.target).map_or(1, |file| std::os::unix::fs::MetadataExt::nlink(&file));
        #[cfg(not(unix))]
        let names = 1_u64;
        names.saturating_sub(1)
    }

    /// Makes the change: the previous version is kept, then the file is replaced. Afterwards the file is the old or the
    /// new one, whatever happens in between.
    pub fn write(&self) -> Result<KeptVersion, ConfigError> {
        write::replace(&self.path, &self.target, &self.before, &self.after)
    }

    /// The change line by line, without line ends. Nearby lines that look like passwords are hidden.
    #[must_use]
    pub fn diff(&self) -> Vec<(DiffMark, String)> {
        let (before, after) = (visible(&self.before), visible(&self.after));
        let is_long = |text: &str| text.lines().any(|line| line.len() > LONGEST_LINE);
        if !self.edits.is_empty() && (is_long(&before) || is_long(&after)) {
            return self.edits.iter().flat_map(by_key).collect();
        }
        let diff = TextDiff::from_lines(&before, &after);
        let mut lines = Vec::new();
        for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
            lines.push((DiffMark::Place, hunk.header().to_string().trim_end().to_owned()));
            for change in hunk.iter_changes() {
                let text = change.value().trim_end_matches(['\n', '\r']);
                lines.push(match change.tag() {
                    ChangeTag::Delete => (DiffMark::Removed, text.to_owned()),
                    ChangeTag::Insert => (DiffMark::Added, text.to_owned()),
                    ChangeTag::Equal => (DiffMark::Same, without_secret(text)),
                });
            }
        }
        lines
    }
}

/// A text with its byte order mark made visible.
fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.strip_prefix('\u{feff}') {
        Some(rest) => format!("<U+FEFF>{rest}"),
        None => text.into_owned(),
    }
}

fn by_key(edit: &Edit) -> Vec<(DiffMark, String)> {
    let line = |mark, value: &str| (mark, format!("{}: {value}", edit.key));
    let before = edit.before.as_ref().map(|before| line(DiffMark::Removed, before));
    before.into_iter().chain([line(DiffMark::Added, &edit.after)]).collect()
}

/// A line of the file whose text must not be shown: the file also has tokens of services.
fn without_secret(line: &str) -> String {
    let Some((key, value)) = line.split_once(':') else { return line.into() };
    let name = key.to_ascii_lowercase();
    let is_secret = ["token", "secret", "password", "api_key", "apikey"].iter().any(|word| name.contains(word));
    if is_secret && value.trim_start().starts_with('"') { format!("{key}: \"…\"") } else { line.into() }
}

#[cfg(test)]
mod tests {
    use super::DiffMark::{Added, Place, Removed, Same};
    use super::*;

    fn change(before: &str, after: &str, edits: Vec<Edit>) -> ConfigChange {
        let (before, after) = (before.into(), after.into());
        ConfigChange { path: "c".into(), target: "c".into(), before, after, edits, keeps_unproven_auto: false }
    }

    #[test]
    fn removed_byte_order_mark_is_visible_in_the_diff() {
        let lines = change("\u{feff}{\n}", "{\n}", Vec::new()).diff();
        assert_eq!(lines[1..3], [(Removed, "<U+FEFF>{".to_owned()), (Added, "{".to_owned())]);
    }

    #[test]
    fn diff_shows_changes_without_nearby_secrets() {
        let before = "{\r\n  \"discord\": {\r\n    \"token\": \"abc\",\r\n    \"x\": 1\r\n  }\r\n}";
        let after = before.replace("1\r", "2\r");
        let lines = change(before, &after, Vec::new()).diff();
        let marks: Vec<_> = lines.iter().map(|(mark, _)| *mark).collect();
        assert_eq!(marks, [Place, Same, Same, Removed, Added, Same, Same]);
        assert_eq!(lines[2].1, "    \"token\": \"…\"");
        assert_eq!((lines[3].1.as_str(), lines[4].1.as_str()), ("    \"x\": 1", "    \"x\": 2"));
        assert_eq!(without_secret("\"max_tokens\": 512"), "\"max_tokens\": 512");
        assert!(change("a", "a", Vec::new()).is_none());
    }

    #[test]
    fn single_line_file_shows_changes_by_key() {
        let edit =
            |before: Option<&str>| Edit { key: "a.b".into(), before: before.map(String::from), after: "2".into() };
        let line = "x".repeat(LONGEST_LINE + 1);
        let lines = change(&line, "y", vec![edit(Some("1")), edit(None)]).diff();
        let shown: Vec<_> = lines.iter().map(|(mark, text)| (*mark, text.as_str())).collect();
        assert_eq!(shown, [(DiffMark::Removed, "a.b: 1"), (DiffMark::Added, "a.b: 2"), (DiffMark::Added, "a.b: 2")]);
    }
}
