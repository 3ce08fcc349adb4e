//! The report on one run.

use hdrhistogram::Histogram;
use maud::{Markup, html as template};

use super::headline::{headline, more_findings};
use super::safe::safe;
use super::shell::{self, section};
use super::table::{definitions, grid, remarks};
use crate::record::Run;
use crate::report::outline::ReportOutline;
use crate::report::pictures::pictures;

/// Path of a case, and its latencies in nanoseconds, or why they could not be read.
pub type Distribution = (String, Result<Histogram<u64>, String>);

/// The report on `run` as a self-contained page: what must be known before the figures are read, the answer, pictures with their
/// figures, then all other figures and the details. Each histogram belongs to the case of its path; if one could not be read, the
/// page says so.
#[must_use]
pub fn html(run: &Run, histograms: &[Distribution]) -> String {
    let outline = ReportOutline::of(run);
    let pictures = pictures(run, histograms);
    let content = template! {
        (headline(run, &outline))
        @for picture in &pictures { (shell::picture(picture)) }
        (unread(histograms))
        (section("More findings", &list(more_findings(&outline))))
        @if !outline.rows.is_empty() {
            (section("Latencies", &template! { (grid(&outline.columns, &outline.rows)) (remarks(&outline.remarks)) }))
        }
        @for table in &outline.tables {
            @if !pictures.iter().any(|picture| picture.table.rows == table.rows) {
                (section(&table.title, &template! { (grid(&table.columns, &table.rows)) (remarks(&table.remarks)) }))
            }
        }
        (section("Other figures", &definitions(&outline.also)))
        (section("Warnings", &list(&outline.warnings)))
        (section("Notes", &definitions(&outline.notes)))
        (section("Conditions", &definitions(&outline.conditions)))
        (section("Files", &definitions(&outline.files)))
    };
    shell::page(&format!("{}: {}", outline.title, run.run_id), &content)
}

/// A remark for each histogram that could not be read.
fn unread(histograms: &[Distribution]) -> Markup {
    template! {
        @for (path, histogram) in histograms {
            @if let Err(reason) = histogram { p.remark { (safe(path)) ": no plot: " (safe(reason)) "." } }
        }
    }
}

fn list(texts: &[String]) -> Markup {
    template! {
        @if !texts.is_empty() {
            ul { @for text in texts { li { (safe(text)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;
    use crate::report::sample::tokens;
    use crate::stats::histogram_of;
    use crate::text;

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
    fn page_is_well_formed_and_self_contained() {
        let page = page(&run());
        let elements = opened(&page);
        assert_eq!(elements.iter().filter(|name| **name == "figure").count(), 2);
        assert_eq!(page.matches("<div class=\"plot\">").count(), 2);
        assert!(!elements.contains(&"script"));
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn page_has_rules_for_narrow_windows() {
        let page = page(&run());
        let (_, narrow) = page.split_once("@media (max-width: 40rem)").expect("rules for narrow windows");
        for rule in ["grid-template-columns: minmax(0, 1fr)", ".minor", ".wide tbody th", "attr(data-label)"] {
            assert!(narrow.contains(rule), "{rule}");
        }
        let tables = page.matches("<table>").count();
        assert!(tables > 0 && page.matches("<div class=\"wide").count() == tables, "every table becomes blocks");
        let cells = page.matches("<td").count() + page.matches("scope=\"row\"").count();
        assert_eq!(page.matches("data-label=").count(), cells, "each cell knows its heading");
    }

    #[test]
    fn figures_without_a_median_have_their_own_table() {
        let page = html(&tokens(), &[]).replace('\u{a0}', " ");
        assert_eq!(opened(&page).iter().filter(|name| **name == "tr").count(), 5);
        let missing = "<td class=\"figure\" data-label=\"itl_p99\">needs n ≥ 1,000</td>";
        assert!(page.contains("<h2>idle</h2>") && page.contains(missing), "{page}");
        assert!(page.contains("<p class=\"remark\">n is the sample size of avg_ts;"), "{page}");
    }

    #[test]
    fn warnings_come_first() {
        let page = page(&run());
        let page = page.replace('\u{a0}', " ");
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        let mark = "SIMULATED: embedded bridge (stock dialect, 60 fps): these figures do not describe your Unity.";
        let order =
            [mark, "<h1>", "How sure:", "<svg", "16.67 ms [16.64, 16.69]", "Warnings", "Notes", "Conditions", "Files"];
        assert!(order.map(place).is_sorted(), "{page}");
    }

    #[test]
    fn text_from_the_record_is_escaped() {
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
        let escaped = "&lt;/title&gt;&lt;script&gt;alert('1' &amp; &quot;2&quot;)&lt;/script&gt;";
        assert!(page.matches(escaped).count() >= 6, "{page}");
    }

    #[test]
    fn unreadable_histogram_is_a_remark() {
        let run = run();
        let page = html(&run, &[(run.cases[0].path.clone(), Err("a.hlog: no such file".into()))]);
        let remark = "applied/closed/100B: no plot: a.hlog: no such file.";
        assert!(page.contains(remark) && !opened(&page).contains(&"svg"), "{page}");
    }

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        let mut run = run();
        run.warnings = vec!["a\u{1b}]0;x\u{7}\u{202e}\u{fffe}\u{9b}".into()];
        let page = page(&run);
        assert!(!page.chars().any(|c| text::is_unsafe(c) && c != '\n'), "{page:?}");
        assert!(page.contains("a\\u001b]0;x\\u0007\\u202e\\ufffe\\u009b"), "{page}");
    }

    #[test]
    fn run_without_cases_has_a_page() {
        let mut run = run();
        run.cases.clear();
        let page = html(&run, &[]);
        assert!(!opened(&page).contains(&"table"));
    }
}
