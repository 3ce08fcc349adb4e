//! The report as GitHub-flavoured Markdown.

use super::outline::{ReportOutline, TableColumn};
use crate::record::Run;
use crate::text;

/// Longest text of a cell, remark or note, in characters.
pub(super) const LONGEST: usize = 4_000;

/// The report on `run` as Markdown, ending in a newline. What must be known before the figures are read comes first.
#[must_use]
pub fn markdown(run: &Run) -> String {
    let outline = ReportOutline::of(run);
    let mut blocks: Vec<String> = outline.marks.iter().map(|mark| format!("> **{}**", escaped(mark))).collect();
    blocks.push(format!("# {}", escaped(&outline.title)));
    blocks.push(escaped(&outline.subtitle));
    blocks.extend(outline.noise.as_deref().map(escaped));
    blocks.extend(outline.findings.iter().map(|finding| escaped(finding)));
    if !outline.rows.is_empty() {
        blocks.push(grid(&outline.columns, &outline.rows));
        blocks.push(lines(&outline.remarks, |remark| format!("- {}", escaped(remark))));
    }
    for table in &outline.tables {
        blocks.push(format!("## {}", escaped(&table.title)));
        blocks.push(grid(&table.columns, &table.rows));
        if !table.remarks.is_empty() {
            blocks.push(lines(&table.remarks, |remark| format!("- {}", escaped(remark))));
        }
    }
    let pair = |(name, text): &(String, String)| format!("- {}: {}", escaped(name), escaped(text));
    if !outline.also.is_empty() {
        let rows: Vec<Vec<String>> =
            outline.also.iter().map(|(case, figures)| vec![case.clone(), figures.clone()]).collect();
        let column = |heading: &str| TableColumn::kept(heading, false);
        blocks.push("## Other figures".into());
        blocks.push(grid(&[column("case"), column("figures")], &rows));
    }
    let sections = [
        ("Over time", lines(&outline.timelines, |(name, bars)| format!("- {}: `{}`", escaped(name), code(bars)))),
        ("Warnings", lines(&outline.warnings, |warning| format!("- {}", list_item(warning)))),
        ("Notes", lines(&outline.notes, pair)),
        ("Conditions", lines(&outline.conditions, pair)),
        ("Files", lines(&outline.files, |(name, holds)| format!("- `{}`: {}", code(name), escaped(holds)))),
    ];
    for (heading, text) in sections.into_iter().filter(|(_, text)| !text.is_empty()) {
        blocks.push(format!("## {heading}"));
        blocks.push(text);
    }
    blocks.join("\n\n") + "\n"
}

pub(super) fn lines<T>(items: &[T], line: impl Fn(&T) -> String) -> String {
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn grid(columns: &[TableColumn], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(columns.iter().map(|column| escaped(&column.heading)).collect()),
        line(columns.iter().map(|column| if column.numeric { "---:" } else { "---" }.to_owned()).collect()),
    ];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| escaped(cell)).collect())));
    lines.join("\n")
}

/// Text on one line, of limited length, that no Markdown reader interprets as markup.
pub(super) fn escaped(text: &str) -> String {
    let text = text::line(text);
    let text = text::shortened(&text, LONGEST);
    let mut escaped = String::with_capacity(text.len());
    let mut previous = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let is_markup = match c {
            '\\' | '|' | '`' | '*' | '<' | '~' => true,
            // A link needs a target or a definition; "[16.6, 16.7]" has neither.
            ']' => matches!(next, '(' | '[' | ':'),
            // An underscore within a word is literal.
            '_' => !(previous.is_alphanumeric() && next.is_alphanumeric()),
            // It only starts an entity before a name.
            '&' => next == '#' || next.is_ascii_alphabetic(),
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
        previous = c;
    }
    escaped
}

/// Text within backquotes, which must not end there.
fn code(text: &str) -> String {
    text::line(text).replace('`', "'")
}

/// Escaped text at the start of a list item, where it could also start a heading, a quote or another list.
pub(super) fn list_item(text: &str) -> String {
    let escaped = escaped(text.trim_start());
    if escaped.starts_with(['#', '>', '+', '-', '=']) {
        return format!("\\{escaped}");
    }
    let digits = escaped.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    if digits > 0 && escaped[digits..].starts_with(['.', ')']) {
        return format!("{}\\{}", &escaped[..digits], &escaped[digits..]);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::sample::tokens;
    use super::*;
    use crate::record::sample::run;

    #[test]
    fn complete_report() {
        insta::assert_snapshot!(markdown(&run()));
    }

    #[test]
    fn complete_report_of_a_run_without_medians() {
        insta::assert_snapshot!(markdown(&tokens()));
    }

    #[test]
    fn every_table_row_has_as_many_cells_as_the_heading() {
        let text = markdown(&run()) + "\n" + &markdown(&tokens());
        let tables: Vec<Vec<&str>> =
            text.split("\n\n").filter(|block| block.starts_with('|')).map(|block| block.lines().collect()).collect();
        assert_eq!(tables.len(), 4);
        for lines in tables {
            let cells = |line: &str| line.replace("\\|", "").matches('|').count();
            assert!(lines.iter().all(|line| cells(line) == cells(lines[0])), "{lines:#?}");
        }
    }

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escaped("a | b <c> *d* `e` \\ ~~f~~"), "a \\| b \\<c> \\*d\\* \\`e\\` \\\\ \\~\\~f\\~\\~");
        assert_eq!(escaped("snake_case _emphasis_"), "snake_case \\_emphasis\\_");
        assert_eq!(escaped("16.67 [16.6, 16.7] [a](b)"), "16.67 [16.6, 16.7] [a\\](b)");
        assert_eq!(escaped("R&D &lt; 1 & 2"), "R\\&D \\&lt; 1 & 2");
        assert_eq!(escaped("two\nlines"), "two lines");
        assert_eq!(escaped("a\u{1b}[31m|\u{202e}b"), "a\\\\u001b[31m\\|\\\\u202eb");
        assert!(escaped(&"x".repeat(900_000)).len() < LONGEST + 40, "a long error message is truncated");
    }

    #[test]
    fn list_items_start_no_other_block() {
        let items = ["# a", "- a", "1. a", "12) a", "> a", "12 a", "a"].map(list_item);
        assert_eq!(items, ["\\# a", "\\- a", "1\\. a", "12\\) a", "\\> a", "12 a", "a"]);
    }

    #[test]
    fn absent_parts_have_no_section() {
        let mut run = run();
        run.warnings.clear();
        run.cases.clear();
        run.simulated.clear();
        let text = markdown(&run);
        assert!(text.starts_with("# workly-perf ipc\n"), "{text}");
        assert!(!text.contains("## Warnings") && !text.contains("## Notes") && !text.contains("| case"), "{text}");
    }
}
