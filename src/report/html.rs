//! The report as one HTML file: styles and plots are embedded; no scripts, no external resources.

use std::collections::HashMap;

use hdrhistogram::Histogram;

use super::markdown::LONGEST;
use super::outline::{Column, Outline};
use super::{figure, plot, timeline};
use crate::plural::noun_for;
use crate::record::{Case, Run};
use crate::text;

const STYLE: &str = include_str!("report.css");

/// Path of a case, and its latencies in nanoseconds, or why they could not be read.
pub type Distribution = (String, Result<Histogram<u64>, String>);

/// The report on `run` as a self-contained page. Each histogram is drawn under the case of that path; if one could not be read,
/// the page says so. What must be known before the figures are read comes first.
#[must_use]
pub fn html(run: &Run, histograms: &[Distribution]) -> String {
    let outline = Outline::of(run);
    let mut body: String =
        outline.marks.iter().map(|mark| element("p", " class=\"mark\" role=\"note\"", mark)).collect();
    let findings: String = outline.findings.iter().map(|finding| element("p", " class=\"finding\"", finding)).collect();
    let noise = outline.noise.as_deref().map_or_else(String::new, |noise| element("p", "", noise));
    let header = element("h1", "", &outline.title) + &element("p", "", &outline.subtitle) + &noise + &findings;
    body += &wrapped("header", &header);
    if !outline.rows.is_empty() {
        body += &section("Latencies", &(grid(&outline.columns, &outline.rows) + &remarks(&outline.remarks)));
    }
    for table in &outline.tables {
        body += &section(&table.title, &(grid(&table.columns, &table.rows) + &remarks(&table.remarks)));
    }
    body += &section("Distributions", &plots(run, histograms));
    body += &section("Over time", &run.cases.iter().flat_map(timeline::drawings).map(drawn).collect::<String>());
    body += &section("Other figures", &definitions(&outline.also));
    let warnings: String = outline.warnings.iter().map(|warning| element("li", "", warning)).collect();
    body += &section("Warnings", &wrapped("ul", &warnings));
    body += &section("Notes", &definitions(&outline.notes));
    body += &section("Conditions", &definitions(&outline.conditions));
    body += &section("Files", &definitions(&outline.files));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         {}<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        element("title", "", &format!("{}: {}", outline.title, run.run_id))
    )
}

fn remarks(remarks: &[String]) -> String {
    remarks.iter().map(|remark| element("p", " class=\"remark\"", remark)).collect()
}

fn grid(columns: &[Column], rows: &[Vec<String>]) -> String {
    let class = |at: usize| if columns[at].numeric { " class=\"figure\"" } else { "" };
    let heading =
        |(at, column): (usize, &Column)| element("th", &format!(" scope=\"col\"{}", class(at)), &column.heading);
    let row = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| match at {
            0 => element("th", " scope=\"row\"", cell),
            _ => element("td", class(at), cell),
        });
        format!("<tr>\n{}</tr>\n", cells.collect::<String>())
    };
    let head: String = columns.iter().enumerate().map(heading).collect();
    let rows: String = rows.iter().map(row).collect();
    format!("<div class=\"wide\"><table>\n<thead><tr>\n{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

/// A plot for each histogram of a case of the run, and a remark for each that could not be read.
fn plots(run: &Run, histograms: &[Distribution]) -> String {
    let cases: HashMap<&str, &Case> = run.cases.iter().map(|case| (case.path.as_str(), case)).collect();
    let drawn = histograms.iter().filter_map(|(path, histogram)| {
        let case = *cases.get(path.as_str())?;
        let histogram = match histogram {
            Ok(histogram) => histogram,
            Err(reason) => return Some(element("p", " class=\"remark\"", &format!("{path}: no plot: {reason}."))),
        };
        let svg = plot::distribution(case, histogram);
        let samples = format!(" {} {}", figure::count(histogram.len()), noun_for(&histogram.len(), "sample"));
        let caption = element("strong", "", path) + &element("span", "", &samples);
        (!svg.is_empty()).then(|| format!("<figure><figcaption>{caption}</figcaption>{svg}</figure>\n"))
    });
    drawn.collect()
}

/// A plot with its caption.
fn drawn((caption, svg): (String, String)) -> String {
    format!("<figure><figcaption>{}</figcaption>{svg}</figure>\n", element("strong", "", &caption))
}

/// A section with its heading; nothing if it would be empty.
fn section(heading: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<section>\n{}{content}</section>\n", element("h2", "", heading))
}

fn definitions(pairs: &[(String, String)]) -> String {
    let items: String = pairs.iter().map(|(name, text)| element("dt", "", name) + &element("dd", "", text)).collect();
    wrapped("dl", &items)
}

/// `content`, which is HTML, inside an element; nothing if it is empty.
fn wrapped(name: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<{name}>\n{content}</{name}>\n") }
}

/// `text`, escaped, inside an element.
fn element(name: &str, attributes: &str, text: &str) -> String {
    format!("<{name}{attributes}>{}</{name}>\n", escaped(text))
}

/// Escaped text of limited length, which cannot be markup or end an attribute.
pub(super) fn escaped(text: &str) -> String {
    let text = text::line(text);
    let text = text::shortened(&text, LONGEST);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::sample::tokens;
    use super::*;
    use crate::record::sample::run;
    use crate::stats::histogram_of;

    fn page(run: &Run) -> String {
        let samples: Vec<u64> = (0..100).map(|i| 16_000_000 + i * 20_000).collect();
        let none = ("no/such/case".into(), Ok(histogram_of(&[1])));
        html(run, &[(run.cases[0].path.clone(), Ok(histogram_of(&samples))), none])
    }

    /// Names of the elements of a page in the order in which they open, each checked to be closed by its own name.
    fn opened(page: &str) -> Vec<&str> {
        let (mut opened, mut open) = (Vec::new(), Vec::new());
        for tag in page.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').expect("a tag ends");
            let name = tag.split([' ', '/']).next().unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "in {page}");
            } else if !(tag.ends_with('/') || matches!(name, "!DOCTYPE" | "meta")) {
                open.push(name);
                opened.push(name);
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
        opened
    }

    #[test]
    fn every_element_is_closed_and_nothing_is_fetched() {
        let page = page(&run());
        let elements = opened(&page);
        assert_eq!(elements.iter().filter(|name| **name == "tr").count(), 4);
        assert_eq!(elements.iter().filter(|name| **name == "svg").count(), 1);
        assert!(!elements.contains(&"script"));
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_narrow_window_has_rules_of_its_own() {
        let page = page(&run());
        let narrow = page.split("@media (max-width: 40rem)").nth(1).expect("rules for narrow windows");
        for rule in ["position: sticky", "grid-template-columns: minmax(0, 1fr)", "svg text"] {
            assert!(narrow.contains(rule), "{rule}");
        }
        let tables = page.matches("<table>").count();
        assert!(
            tables > 0 && page.matches("<div class=\"wide\"><table>").count() == tables,
            "every table scrolls by itself"
        );
    }

    #[test]
    fn figures_without_a_median_have_a_table_under_their_own_heading() {
        let page = html(&tokens(), &[]);
        assert_eq!(opened(&page).iter().filter(|name| **name == "tr").count(), 5);
        assert!(page.contains("<h2>idle</h2>") && page.contains("<td class=\"figure\">needs n ≥ 1,000</td>"), "{page}");
        assert!(page.contains("<p class=\"remark\">n is the sample size of avg_ts;"), "{page}");
    }

    #[test]
    fn what_must_be_known_first_comes_first() {
        let page = page(&run());
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        let mark = "SIMULATED: embedded bridge (stock dialect, 60 fps): these figures do not describe your Unity.";
        let order = [mark, "<h1>", "16.67 ms [16.64, 16.69]", "<svg", "Warnings", "Notes", "Conditions", "Files"];
        assert!(order.map(place).is_sorted(), "{page}");
    }

    #[test]
    fn text_of_the_record_is_never_markup() {
        let mut run = run();
        let hostile = "</title><script>alert('1' & \"2\")</script>";
        run.run_id = hostile.into();
        run.cases[0].path = hostile.into();
        run.cases[0].metrics[0].name = "p50".into();
        run.cases[0].notes = vec![hostile.into()];
        run.warnings = vec![hostile.into()];
        run.simulated[0].parameters = hostile.into();
        let page = page(&run);
        assert!(!opened(&page).contains(&"script"));
        let escaped = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;";
        assert!(page.matches(escaped).count() >= 6, "{page}");
    }

    #[test]
    fn a_histogram_that_cannot_be_read_is_a_remark_on_the_page() {
        let run = run();
        let page = html(&run, &[(run.cases[0].path.clone(), Err("a.hlog: no such file".into()))]);
        let remark = "applied/closed/100B: no plot: a.hlog: no such file.";
        assert!(page.contains(remark) && !opened(&page).contains(&"svg"), "{page}");
    }

    #[test]
    fn what_steers_a_terminal_or_turns_text_around_is_written_out() {
        let mut run = run();
        run.warnings = vec!["a\u{1b}]0;x\u{7}\u{202e}\u{fffe}\u{9b}".into()];
        let page = page(&run);
        assert!(!page.chars().any(|c| text::is_unsafe(c) && c != '\n'), "{page:?}");
        assert!(page.contains("a\\u001b]0;x\\u0007\\u202e\\ufffe\\u009b"), "{page}");
    }

    #[test]
    fn a_run_without_cases_is_a_page_all_the_same() {
        let mut run = run();
        run.cases.clear();
        let page = html(&run, &[]);
        assert!(!opened(&page).contains(&"table"));
    }
}
