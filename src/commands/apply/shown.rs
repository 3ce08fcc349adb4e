//! A change and the kept versions as they are shown.

use anstyle::{AnsiColor, Style};

use super::super::failure::Failure;
use crate::config::{Change, DiffMark, History};

/// The change line by line, as `diff -u` shows it.
pub(super) fn change(change: &Change) -> String {
    let name = change.path().display();
    let mut lines = vec![format!("--- {name}"), format!("+++ {name}, changed")];
    lines.extend(change.diff().into_iter().map(|(mark, text)| {
        let (sign, style) = match mark {
            DiffMark::Removed => ("-", AnsiColor::Red.on_default()),
            DiffMark::Added => ("+", AnsiColor::Green.on_default()),
            DiffMark::Same => (" ", Style::new()),
            DiffMark::Place => ("", AnsiColor::Cyan.on_default()),
        };
        format!("{style}{sign}{text}{style:#}")
    }));
    lines.join("\n")
}

/// The kept versions, the newest first: number, when it was replaced, and how far it is from what is there now.
pub(super) fn versions(history: &History) -> Result<String, Failure> {
    if history.versions().is_empty() {
        return Ok("no version is kept: nothing was changed yet, or all of it was undone".into());
    }
    let mut lines = Vec::new();
    for (number, version) in (1..).zip(history.versions()) {
        let diff = history.restore(number)?.diff();
        let count = |mark: DiffMark| diff.iter().filter(|(other, _)| *other == mark).count();
        lines.push(format!(
            "{number:>2}  replaced {}  undoing back to it: -{} +{} lines  {}",
            version.replaced.strftime("%Y-%m-%d %H:%M:%S UTC"),
            count(DiffMark::Removed),
            count(DiffMark::Added),
            version.path.display()
        ));
    }
    Ok(lines.join("\n"))
}
