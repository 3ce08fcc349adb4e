//! The report as plain text for a terminal: no colours, no control codes, no line wider than requested.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::markdown::LONGEST;
use super::outline::{ReportOutline, TableColumn};
use super::terminal_head::TerminalHead;
use crate::record::Run;
use crate::text;

/// Longest text of a cell, in characters.
const LONGEST_CELL: usize = 400;

/// Narrower columns would be unreadable: smaller widths are raised to this one.
pub(super) const NARROWEST: usize = 40;

/// Spaces to the right of a column, and the total width between two columns.
const PADDING: u16 = 1;
const GAP: usize = 2;

/// Only a line below the heading.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How much of a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The answer, the figures, and what qualifies them.
    Figures,
    /// The conditions and the files too.
    All,
}

/// The report on `run` for a terminal of `width` columns, ending in a newline: at most six lines with the answer, the tables,
/// then everything else. Columns that do not fit are omitted, and named. What must be known before the figures are read
/// comes first.
#[must_use]
pub fn table(run: &Run, width: usize, detail: Detail) -> String {
    let width = width.max(NARROWEST);
    let outline = ReportOutline::of(run);
    let head = TerminalHead::of(&outline, width);
    let mut blocks = vec![head.lines.join("\n")];
    if !outline.rows.is_empty() {
        blocks.extend(figures(&outline.columns, &outline.rows, &outline.remarks, width));
    }
    for table in &outline.tables {
        blocks.push(paragraphs([table.title.as_str()].into_iter(), "", width));
        blocks.extend(figures(&table.columns, &table.rows, &table.remarks, width));
    }
    if !head.findings.is_empty() {
        blocks.push(paragraphs(head.findings.iter().map(String::as_str), "", width));
    }
    let shown = sections(&outline, &head, detail);
    for (heading, lines) in shown.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        blocks.push(format!("{heading}\n{}", paragraphs(lines.iter().map(String::as_str), "  ", width)));
    }
    if detail == Detail::Figures {
        blocks.push(wrapped("--verbose shows the conditions and the files.", "", width));
    }
    blocks.join("\n\n") + "\n"
}

/// The sections below the tables: heading and lines.
fn sections(outline: &ReportOutline, head: &TerminalHead, detail: Detail) -> Vec<(&'static str, Vec<String>)> {
    let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    let mut sections: Vec<(&str, Vec<String>)> = vec![
        ("Other figures", pairs(&outline.also)),
        ("Over time", pairs(&outline.timelines)),
        ("Warnings", head.marks.iter().chain(&outline.warnings).cloned().collect()),
        ("Notes", pairs(&outline.notes)),
    ];
    if detail == Detail::All {
        let conditions: Vec<String> = pairs(&outline.conditions);
        let run = [format!("run: {}", outline.subtitle)].into_iter().chain(outline.noise.clone());
        sections.push(("Conditions", run.chain(conditions).collect()));
        sections.push(("Files", pairs(&outline.files)));
    }
    sections
}

/// A table without the columns that do not fit, with its remarks.
pub(super) fn figures(columns: &[TableColumn], rows: &[Vec<String>], remarks: &[String], width: usize) -> Vec<String> {
    let rows = &safe(rows);
    let (kept, left_out) = fitting(columns, rows, width);
    let mut remarks = remarks.to_vec();
    if !left_out.is_empty() {
        remarks.push(format!("Omitted at this width: {}.", left_out.join(", ")));
    }
    let mut blocks = vec![grid(&kept, columns, rows, width)];
    if !remarks.is_empty() {
        blocks.push(paragraphs(remarks.iter().map(String::as_str), "", width));
    }
    blocks
}

/// The cells, each on one line and of limited length.
fn safe(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let cell = |cell: &String| text::shortened(&text::line(cell), LONGEST_CELL).into_owned();
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// The indices of the columns that fit into `width`, and the headings of those that do not.
fn fitting(columns: &[TableColumn], rows: &[Vec<String>], width: usize) -> (Vec<usize>, Vec<String>) {
    let needed = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([columns[at].heading.chars().count()]).max().unwrap_or(0) + GAP
    };
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    while kept.iter().map(|&at| needed(at)).sum::<usize>() > width + GAP {
        let Some(&first) = kept.iter().max_by_key(|&&at| columns[at].expendable) else { break };
        if columns[first].expendable == 0 {
            break;
        }
        kept.retain(|&at| at != first);
    }
    let left_out = (0..columns.len()).filter(|at| !kept.contains(at)).map(|at| columns[at].heading.clone()).collect();
    (kept, left_out)
}

fn grid(kept: &[usize], columns: &[TableColumn], rows: &[Vec<String>], width: usize) -> String {
    let cell = |text: &str, at: usize| {
        let side = if columns[at].numeric { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(kept.iter().map(|&at| cell(&columns[at].heading, at)));
    for row in rows {
        table.add_row(kept.iter().map(|&at| cell(&row[at], at)));
    }
    let last = kept.len() - 1;
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { PADDING }));
    }
    table.trim_fmt()
}

/// Each text in its own paragraph, wrapped at spaces to `width`; continuation lines are indented.
pub(super) fn paragraphs<'a>(texts: impl Iterator<Item = &'a str>, indent: &str, width: usize) -> String {
    texts.map(|text| wrapped(text, indent, width)).collect::<Vec<_>>().join("\n")
}

/// A text wrapped at spaces to `width`; continuation lines are indented.
pub(super) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let text = text::line(text);
    let text = text::shortened(&text, LONGEST);
    let mut lines = vec![indent.to_owned()];
    let mut used = indent.len();
    let mut is_fresh = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !is_fresh && used + 1 + length > width {
            lines.push(format!("{indent}  "));
            used = indent.len() + 2;
            is_fresh = true;
        }
        let line = lines.len() - 1;
        if !is_fresh {
            lines[line].push(' ');
            used += 1;
        }
        lines[line].push_str(word);
        used += length;
        is_fresh = false;
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample::tokens;
    use super::*;
    use crate::record::sample::run;

    #[test]
    fn report_at_80_columns() {
        insta::assert_snapshot!(table(&run(), 80, Detail::Figures));
    }

    #[test]
    fn report_at_120_columns() {
        insta::assert_snapshot!(table(&run(), 120, Detail::All));
    }

    #[test]
    fn report_without_medians_at_80_columns() {
        insta::assert_snapshot!(table(&tokens(), 80, Detail::Figures));
    }

    #[test]
    fn report_without_medians_at_120_columns() {
        insta::assert_snapshot!(table(&tokens(), 120, Detail::Figures));
    }

    #[test]
    fn lines_keep_the_width_and_have_no_control_codes() {
        for width in [40, 60, 80, 100, 120, 200] {
            let text = table(&run(), width, Detail::All) + &table(&tokens(), width, Detail::Figures);
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
                assert_eq!(line, line.trim_end());
            }
        }
        let narrowest = |width| table(&run(), width, Detail::All);
        assert_eq!(narrowest(0), narrowest(NARROWEST));
    }

    #[test]
    fn median_is_never_omitted_and_omissions_are_named() {
        let narrow = table(&run(), 60, Detail::Figures);
        assert!(narrow.contains("p50"), "{narrow}");
        assert!(narrow.contains("Omitted at this width: p90, mean ± sd, min..max."), "{narrow}");
        assert!(!table(&run(), 200, Detail::Figures).contains("Omitted"));
    }

    #[test]
    fn conditions_and_files_are_shown_on_request() {
        let (brief, all) = (table(&run(), 80, Detail::Figures), table(&run(), 80, Detail::All));
        for heading in ["\nConditions\n", "\nFiles\n", "fingerprint: ", "started 2026-01-02"] {
            assert!(!brief.contains(heading) && all.contains(heading), "{heading}");
        }
        assert!(brief.ends_with("--verbose shows the conditions and the files.\n"), "{brief}");
    }

    #[test]
    fn foreign_text_stays_in_its_cell() {
        let mut run = run();
        run.cases[0].path = "a\u{1b}[2Jb\nc\u{202e}".into();
        run.warnings = vec!["x\u{9b}31m ".repeat(90_000)];
        let text = table(&run, 120, Detail::All);
        assert!(!text.chars().any(|c| text::is_unsafe(c) && c != '\n'), "{text:?}");
        assert!(text.contains("a\\u001b[2Jb c\\u202e"), "{text}");
        assert!(text.len() < 20_000, "{}", text.len());
    }

    #[test]
    fn long_words_are_not_broken() {
        assert_eq!(wrapped("a bbbbbbbbbb c", "", 5), "a\n  bbbbbbbbbb\n  c");
        assert_eq!(wrapped("", "  ", 5), "  ");
    }
}
