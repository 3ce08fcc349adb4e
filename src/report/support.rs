//! The checks of a machine as Markdown, to be pasted into an issue.

use super::conditions::{build_line, machine};
use super::markdown::grid;
use super::outline::TableColumn;
use crate::record::{Build, Machine};

/// One check: its subject, its result, and what was found.
pub type CheckLine = [String; 3];

/// The block, ending in a newline: build, machine, `more` labelled facts, and the checks. Every text passes through
/// `hide`, which replaces what identifies people.
#[must_use]
pub fn support(
    (build, on): (&Build, &Machine),
    more: &[(String, String)],
    checks: &[CheckLine],
    hide: impl Fn(&str) -> String,
) -> String {
    let mut facts = vec![("build".to_owned(), build_line(build))];
    facts.extend(machine(on));
    facts.extend(more.iter().cloned());
    let facts: Vec<Vec<String>> = facts.into_iter().map(|(label, text)| vec![label, hide(&text)]).collect();
    let checks: Vec<Vec<String>> =
        checks.iter().map(|[name, state, found]| vec![name.clone(), state.clone(), hide(found)]).collect();
    let columns = |headings: &[&str]| -> Vec<TableColumn> {
        headings.iter().map(|heading| TableColumn::kept(*heading, false)).collect()
    };
    [
        "### workly-perf doctor --report".to_owned(),
        grid(&columns(&["fact", "value"]), &facts),
        grid(&columns(&["check", "result", "found"]), &checks),
    ]
    .join("\n\n")
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    #[test]
    fn all_facts_are_listed_with_texts_hidden_and_escaped() {
        let run = run();
        let more = [("timers".to_owned(), "1 ms | ada".to_owned())];
        let checks = [["model".to_owned(), "PROBLEM".to_owned(), r"C:\models\ada".to_owned()]];
        let text = support((&run.build, &run.machine), &more, &checks, |text| text.replace("ada", "USER"));
        assert!(
            text.starts_with(
                "### workly-perf doctor --report\n\n| fact | value |\n| --- | --- |\n| build | workly-perf "
            )
        );
        assert!(text.contains("| timers | 1 ms \\| USER |\n\n| check | result | found |\n"), "{text}");
        assert!(text.ends_with("| model | PROBLEM | C:\\\\models\\\\USER |\n"), "{text}");
        for fact in ["CPU", "memory", "GPU", "system", "power", "fingerprint"] {
            assert!(text.contains(&format!("| {fact} |")), "{fact}: {text}");
        }
        assert!(!text.contains("ada"));
    }
}
