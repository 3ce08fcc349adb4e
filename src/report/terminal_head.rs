//! The head of a report in a terminal: what must be known, what was run and the answer, in a few lines at any width.

use super::outline::ReportOutline;
use super::table::wrapped;

/// Longest head, in lines.
pub(super) const MOST_LINES: usize = 6;

/// The lines of the head that marks may take, so that a run and its answer have room.
const MOST_MARK_LINES: usize = 4;

/// Ends what is cut.
const CUT: &str = " …";

/// The head, and what it leaves for the sections below the tables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TerminalHead {
    /// Its lines.
    pub(super) lines: Vec<String>,
    /// Findings that it does not have, or not in full.
    pub(super) findings: Vec<String>,
    /// Marks that it does not have in full.
    pub(super) marks: Vec<String>,
}

impl TerminalHead {
    /// The head of a report of `width` columns.
    pub(super) fn of(outline: &ReportOutline, width: usize) -> Self {
        let mut head = Self::of_marks(&outline.marks, width);
        head.lines.push(first_line(&format!("{}: {}", outline.title, outline.run), width));
        for (at, finding) in outline.findings.iter().enumerate() {
            let room = MOST_LINES - head.lines.len();
            let in_full = lines_of(finding, width);
            // Findings keep their order: after the first without room, all are below.
            if head.findings.is_empty() && in_full.len() <= room {
                head.lines.extend(in_full);
            } else {
                if at == 0 {
                    head.lines.extend(cut(in_full, room, width));
                }
                head.findings.push(finding.clone());
            }
        }
        head
    }

    /// The marks in full if they fit, else one line for each, and which of them are not in full.
    fn of_marks(marks: &[String], width: usize) -> Self {
        let in_full: Vec<Vec<String>> = marks.iter().map(|mark| lines_of(mark, width)).collect();
        if in_full.iter().map(Vec::len).sum::<usize>() <= MOST_MARK_LINES {
            return Self { lines: in_full.concat(), findings: Vec::new(), marks: Vec::new() };
        }
        let is_cut = |at: &usize| in_full[*at].len() > 1 || *at >= MOST_MARK_LINES;
        let cut_marks = (0..marks.len()).filter(is_cut).map(|at| marks[at].clone()).collect();
        let lines = in_full.into_iter().take(MOST_MARK_LINES).flat_map(|lines| cut(lines, 1, width)).collect();
        Self { lines, findings: Vec::new(), marks: cut_marks }
    }
}

/// At most `room` lines of a text; the last one shows whether it goes on.
fn cut(mut lines: Vec<String>, room: usize, width: usize) -> Vec<String> {
    if lines.len() > room {
        lines.truncate(room);
        if let Some(last) = lines.last_mut() {
            let kept = last.chars().take(width - CUT.chars().count()).collect::<String>();
            *last = kept.trim_end().to_owned() + CUT;
        }
    }
    lines
}

fn first_line(text: &str, width: usize) -> String {
    cut(lines_of(text, width), 1, width).concat()
}

fn lines_of(text: &str, width: usize) -> Vec<String> {
    wrapped(text, "", width).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    fn head(marks: &[&str], findings: &[&str], width: usize) -> TerminalHead {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let outline = ReportOutline { marks: owned(marks), findings: owned(findings), ..ReportOutline::of(&run()) };
        let head = TerminalHead::of(&outline, width);
        assert!(head.lines.len() <= MOST_LINES, "{head:#?}");
        assert!(head.lines.iter().all(|line| line.chars().count() <= width), "{head:#?}");
        head
    }

    #[test]
    fn what_fits_is_shown_in_full() {
        let short = head(&["SIMULATED: a."], &["One.", "Two."], 60);
        assert_eq!(short.lines[0], "SIMULATED: a.");
        assert_eq!(short.lines[1], "workly-perf ipc: 20260102T030405Z-ipc, took 12.25 s");
        assert_eq!(short.lines[2..], ["One.", "Two."]);
        assert_eq!((short.findings.len(), short.marks.len()), (0, 0));
    }

    #[test]
    fn long_texts_are_cut_and_follow_in_full_below() {
        let long = "word ".repeat(120);
        let cut = head(&["A mark.", &long, &long, "d", "e", "f"], &[&long, "Two."], 60);
        assert_eq!(cut.lines[0], "A mark.");
        assert!(cut.lines[1].ends_with(" …") && cut.lines[5].ends_with(" …"), "{cut:#?}");
        assert_eq!(cut.marks, [long.clone(), long.clone(), "e".into(), "f".into()]);
        assert_eq!(cut.findings, [long, "Two.".into()]);
    }

    #[test]
    fn findings_keep_their_order() {
        let long = "word ".repeat(60);
        let later = head(&[], &["One.", &long, "Three."], 60);
        assert_eq!((later.lines.len(), later.findings), (2, vec![long, "Three.".into()]));
    }
}
