//! Whether what a page shows has the shape of what the program prints: the same words, rows and columns, whatever the
//! figures, times and paths.

/// What a page writes where it leaves something out.
const CUT: &str = "[…]";

/// What a run says of the model that the tests use in place of every other.
const REPLACED_MODEL: &str = "SIMULATED: synthetic weights";

/// The shape of a line.
#[derive(Debug, Clone)]
struct Shape {
    /// Its words; without figures unless it is the heading of a table.
    words: String,
    /// Its first cell.
    first_cell: String,
    /// Whether it is a row of a table: then the other cells are figures and what follows from them.
    is_row: bool,
}

impl Shape {
    /// Whether a printed line has the shape of this one. A page may show rows without the heading of their table.
    fn fits(&self, printed: &Self) -> bool {
        if printed.is_row { self.first_cell == printed.first_cell } else { !self.is_row && self.words == printed.words }
    }
}

/// Why the shown lines do not have the shape of the printed ones. Without `[…]` nothing may be missing between two shown
/// lines, before the first or after the last; blank lines and what a busy machine adds do not count.
pub(crate) fn difference(shown: &[String], printed: &str) -> Option<String> {
    let printed = shapes(printed.lines());
    let groups: Vec<Vec<Shape>> =
        shown.split(|line| line.trim() == CUT).map(|lines| shapes(lines.iter().map(String::as_str))).collect();
    if groups.iter().all(Vec::is_empty) {
        return Some("the block shows nothing".to_owned());
    }
    let last = groups.len() - 1;
    let mut from = 0;
    for (at, group) in groups.iter().enumerate().filter(|(_, group)| !group.is_empty()) {
        let fits = |start: &usize| {
            let there = printed.get(*start..start + group.len());
            there.is_some_and(|there| group.iter().zip(there).all(|(shown, printed)| shown.fits(printed)))
        };
        let found = match (at == 0, at == last) {
            (true, true) => Some(0).filter(|_| printed.len() == group.len()).filter(fits),
            (true, false) => Some(0).filter(fits),
            (false, true) => printed.len().checked_sub(group.len()).filter(|start| *start >= from).filter(fits),
            (false, false) => (from..printed.len()).find(fits),
        };
        let Some(start) = found else {
            let text = |shapes: &[Shape]| shapes.iter().map(|shape| shape.words.clone()).collect::<Vec<_>>().join("\n");
            return Some(format!("shown, but not printed like this:\n{}\nprinted:\n{}", text(group), text(&printed)));
        };
        from = start + group.len();
    }
    None
}

/// The shapes of the lines that count.
fn shapes<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    let (mut is_row, mut disturbed, mut before) = (false, false, "");
    for line in lines {
        let is_rule = line.trim_start().starts_with("───");
        if is_rule && let Some(heading) = shapes.last_mut() {
            heading.words = before.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        if line.trim().is_empty() {
            (is_row, disturbed) = (false, false);
        } else if line.starts_with(REPLACED_MODEL) {
            // Not on the page, which has run a real one.
        } else if line.starts_with("DISTURBED") {
            disturbed = true;
        } else if !disturbed {
            let first_cell = line.trim_start().split("  ").next().unwrap_or_default().trim_end().to_owned();
            shapes.push(Shape { words: words(line), first_cell, is_row });
        }
        is_row |= is_rule;
        before = line;
    }
    shapes
}

/// The words of a line, without figures and their units.
fn words(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut after_figure = false;
    for word in line.split_whitespace() {
        let inner = word.trim_matches(|character: char| "()[],;:.".contains(character));
        let figure = inner.chars().any(|character| character.is_ascii_digit()) || inner == "–";
        let unit = after_figure && UNITS.contains(&inner);
        if figure && !after_figure {
            words.push("#");
        } else if !figure && !unit && !word.chars().all(|character| "─█░│┌┐└┘▁▂▃▄▅▆▇±".contains(character))
        {
            words.push(word);
        }
        after_figure = figure || (after_figure && unit);
    }
    words.join(" ")
}

/// Units after a figure.
const UNITS: [&str; 18] = [
    "ns", "µs", "ms", "s", "min", "B", "KiB", "MiB", "GiB", "kB", "MB", "GB", "%", "W", "MHz", "°C", "points", "tok/s",
];

#[cfg(test)]
mod tests {
    use super::difference;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn figures_may_differ_and_words_may_not() {
        let printed =
            "SIMULATED: x\nnote one\ncase  n  p50\n────\na/b   10  1.5 ms [1, 2]\nc     10  3 µs\n\ntook 3.5 s\n";
        for shown in [
            "SIMULATED: x\nnote one\ncase  n  p50\n───\na/b  99  7 µs\nc  5  –\n\ntook 12 ms",
            "SIMULATED: x\n[…]\ncase n p50\n───\na/b  1\n[…]",
            "[…]\nc  5\ntook 1 min",
        ] {
            assert_eq!(difference(&lines(shown), printed), None, "{shown}");
        }
        for shown in [
            "SIMULATED: x\nnote one\ncase  n  p50\n───\na/b  99  7 µs\n\ntook 12 ms",
            "SIMULATED: y\n[…]",
            "SIMULATED: x\n[…]\ncase n p90\n[…]",
            "note one\n[…]",
            "[…]\nnote one",
            "[…]\nc  5\n[…]\nnote one\n[…]",
            "",
        ] {
            assert!(difference(&lines(shown), printed).is_some(), "{shown}");
        }
    }

    #[test]
    fn a_busy_machine_adds_no_difference() {
        let printed = "title\nDISTURBED: other programs used 1.5 of\nthe 2 CPUs.\n\nend";
        assert_eq!(difference(&lines("title\nend"), printed), None);
    }
}
