//! Files read and written by `compare` and `history`: foreign files, files that cannot be written, runs in unusual
//! places.

use std::fs;

use crate::harness::run::Place;
use crate::harness::saved_runs::{HEADER, Saved, saved, text};

/// A folder with `base` and `new`, eight runs each in separate folders.
pub(crate) fn folders() -> Place {
    let place = Place::new();
    for (side, minute, middle) in [("base", 0, 10.0), ("new", 20, 12.0)] {
        for (at, run) in saved(side, minute, middle).into_iter().enumerate() {
            place.write(&format!("{side}/{at}/summary.csv"), &text(&[run]));
        }
    }
    place
}

fn with_case(runs: &[Saved], case: &str) -> String {
    text(runs).replace("applied/poisson:50/100B", case)
}

#[test]
fn refusal_suggests_a_fix() {
    let place = folders();
    place.write("none.csv", &text(&[]));
    for (line, hint) in
        [("compare base base", "BASE and NEW are the same"), ("compare base none.csv", "give runs with figures")]
    {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(4), "{line}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(hint) && !outcome.stderr.contains("--allow-different"),
            "{line}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn unwritable_file_is_reported_before_measuring() {
    let place = Place::new();
    place.write("notes.csv", "date,remark\n");
    fs::create_dir(place.path("folder")).unwrap();
    for (file, says) in [
        ("junit=no/such/folder/x.xml", "cannot write no/such/folder/x.xml"),
        ("md=folder", "cannot write folder"),
        ("history=notes.csv", "notes.csv is not a history"),
    ] {
        let outcome = place.run(&format!("compare --self-test --pairs 12 --out trial --write {file}"));
        assert_eq!(outcome.code, Some(5), "{file}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{file}: {}", outcome.stderr);
        assert!(!place.path("trial").exists(), "{file}: nothing was measured");
    }
}

#[test]
fn history_with_gaps_is_split_into_gapless_files() {
    let place = folders();
    for (at, run) in saved("other", 40, 5.0).into_iter().enumerate() {
        place.write(&format!("runs/other{at}/summary.csv"), &with_case(&[run], "received/closed/100B"));
    }
    for side in ["base", "new"] {
        fs::rename(place.path(side), place.path(&format!("runs/{side}"))).unwrap();
    }
    let wide = place.run("history runs --format csv");
    assert!(wide.stdout.contains(",,"), "the single wide file has gaps: {}", wide.stdout);
    place.write("wide.csv", &wide.stdout);
    for (line, folder) in [("history runs --split split", "split"), ("history wide.csv --split again", "again")] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
        let rows = |name: &str| {
            let text = fs::read_to_string(place.path(folder).join(name)).unwrap();
            let lines: Vec<Vec<String>> =
                text.lines().map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect();
            // The branch is unknown; no figure is missing.
            assert!(lines.iter().all(|cells| !cells[3..].iter().any(String::is_empty)), "{text}");
            (lines[0][3..].join(","), lines.len() - 1)
        };
        assert_eq!(rows("ipc.csv"), ("ipc applied/poisson:50/100B p50 (ms)".into(), 16));
        assert_eq!(rows("ipc-2.csv"), ("ipc received/closed/100B p50 (ms)".into(), 8));
        assert!(outcome.stdout.contains("1 figure x 16 rows"), "{}", outcome.stdout);
    }
    let taken = place.run("history runs --split split");
    assert_eq!(taken.code, Some(2), "{}", taken.stderr);
    assert!(taken.stderr.contains("give a new folder with --split"), "{}", taken.stderr);
}

/// A hostile case name, which is shown to the user of `compare` and must have no effect.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{202e}\u{fffe}|`<b>\u{9b}2J";

#[test]
fn hostile_names_are_harmless_in_every_output() {
    let place = Place::new();
    place.write("base.csv", &with_case(&saved("base", 0, 10.0), HOSTILE));
    place.write("new.csv", &with_case(&saved("new", 20, 12.0), HOSTILE));
    let write = "--write md=c.md --write json=c.json --write junit=c.xml --write history=h.csv --write bencher=b.json";
    for format in ["table", "md", "json", "github"] {
        let outcome = place.run(&format!("compare base.csv new.csv {write} --format {format}"));
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        for text in [&outcome.stdout, &outcome.stderr] {
            assert!(!text.chars().any(is_harmful), "{format}: {text:?}");
        }
        fs::remove_file(place.path("h.csv")).unwrap();
    }
    for file in ["c.md", "c.xml"] {
        let text = fs::read_to_string(place.path(file)).unwrap();
        assert!(!text.chars().any(is_harmful), "{file}: {text:?}");
        assert!(text.contains("u001b") && text.contains("ufffe"), "{file}: {text}");
    }
    let json: serde_json::Value = serde_json::from_slice(&fs::read(place.path("c.json")).unwrap()).unwrap();
    assert_eq!(json["judgements"][0]["case"], HOSTILE, "JSON keeps the full name");
}

/// Control characters, a mark that changes the text direction, and a noncharacter.
pub(crate) fn is_harmful(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{fffe}'))
}

#[test]
fn workflow_commands_in_text_are_only_shown() {
    let place = Place::new();
    let name = "::add-mask::p50";
    place.write("base.csv", &with_case(&saved("base", 0, 10.0), name));
    place.write("new.csv", &with_case(&saved("new", 20, 12.0), name));
    let said = place.run("compare base.csv new.csv --format github").stdout;
    let (before, after) = said.split_once("::stop-commands::").expect("commands are disabled");
    assert!(!before.lines().any(|line| line.starts_with("::add-mask")), "{before}");
    let token = after.lines().next().unwrap();
    assert!(after.trim_end().ends_with(&format!("::{token}::")), "{after}");
}

#[test]
fn job_summary_keeps_gating_figures_and_counts_the_rest() {
    let place = Place::new();
    let name = |at: usize| format!("applied/{}/{at:04}", "x".repeat(300));
    let many = |run: &Saved, worse: f64| {
        let row = text(std::slice::from_ref(run)).lines().nth(1).unwrap().to_owned();
        let rows = (0..4_000).map(|at| {
            let value = run.value.parse::<f64>().unwrap() * if at == 3_999 { worse } else { 1.0 };
            let row = row.replace("applied/poisson:50/100B", &name(at)).replace(&run.value, &value.to_string());
            format!("{},4000\n", row.rsplit_once(',').unwrap().0)
        });
        rows.collect::<String>()
    };
    for (side, minute, worse) in [("base", 0, 1.0), ("new", 20, 2.0)] {
        let rows: String = saved(side, minute, 10.0)[..4].iter().map(|run| many(run, worse)).collect();
        place.write(&format!("{side}.csv"), &format!("{HEADER}\n{rows}"));
    }
    place.write(
        "gate.toml",
        "name = 'mine'\nsummary = 'limits'\nmin_effect_percent = 5\n[[metrics]]\nmetric = 'p50'\n\
         [[budgets]]\nmetric = 'p50'\nunit = 'ms'\nmax = 15\n",
    );
    place.write("summary.md", &"already there\n".repeat(10_000));
    let mut command = place.command("compare base.csv new.csv --gate gate.toml --format github --write md=comment.md");
    let output = command.env("GITHUB_STEP_SUMMARY", place.path("summary.md")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = fs::read_to_string(place.path("summary.md")).unwrap();
    assert!(summary.len() <= 1024 * 1024, "{} bytes", summary.len());
    assert!(summary.len() > 500_000, "as many as fit: {} bytes", summary.len());
    let exceeded: Vec<&str> = summary.lines().filter(|line| line.contains("| EXCEEDED |")).collect();
    assert_eq!(exceeded.len(), 1, "failing figures are kept");
    assert!(exceeded[0].contains(&name(3_999)), "{}", exceeded[0]);
    assert!(summary.contains("Omitted because of GitHub's size limit: 3000 figures (3000 pass)."), "{summary:.200}");
    // Pull request comments have their own size limit.
    let comment = fs::read_to_string(place.path("comment.md")).unwrap();
    assert!(comment.chars().count() <= 65_536 && comment.len() > 20_000, "{} bytes", comment.len());
    assert!(comment.contains("| EXCEEDED |") && comment.contains("Omitted because"), "{comment:.200}");
}

#[test]
fn page_is_created_without_a_missing_histogram() {
    let place = Place::new();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records/v1.1");
    for entry in fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hlog") {
            place.write("run/x", "");
            fs::copy(&path, place.path("run").join(path.file_name().unwrap())).unwrap();
        }
    }
    let outcome = place.run("report run --format html");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("no plot: cannot read"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("warning: no plot of applied/closed/100B"), "{}", outcome.stderr);
}
