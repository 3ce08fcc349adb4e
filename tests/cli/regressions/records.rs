//! Past bugs of saved runs, comparisons and the configuration.

use std::fs;

use crate::decide::apply::{config, fails, place, recommendation};
use crate::gate::files;
use crate::harness::run::Place;
use crate::harness::saved_runs::{Saved, saved, text};

/// Runs more than eight folders deep were ignored.
#[test]
fn compare_finds_runs_at_any_depth_and_names_unread_files() {
    let place = files::folders();
    fs::create_dir_all(place.path("new/a/b/c/d/e/f/g/h/i/j")).unwrap();
    fs::rename(place.path("new/7"), place.path("new/a/b/c/d/e/f/g/h/i/j/7")).unwrap();
    fs::rename(place.path("new/6/summary.csv"), place.path("new/6/SUMMARY.CSV")).unwrap();
    let outcome = place.run("compare base new");
    assert!(outcome.stdout.contains("8 runs of BASE and 8 runs of NEW"), "{}", outcome.stdout);

    place.write("new/more.csv", &text(&saved("more", 40, 12.0)));
    for line in ["compare base new", "history new"] {
        let outcome = place.run(line);
        let named = format!("new{}more.csv was not read", std::path::MAIN_SEPARATOR);
        assert!(outcome.stderr.contains(&named), "{line}: {}", outcome.stderr);
    }
}

/// `compare` called a `run.json` corrupt.
/// The file that users tend to name first; it contains the figures of its run.
#[test]
fn run_json_is_accepted_as_a_run() {
    let place = Place::new();
    let ran = place.run("ipc --bridge embedded:fps=unpaced --messages 20 --load closed --quiet --out out");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    fs::copy(place.path("out/run.json"), place.path("kept.json")).unwrap();
    let told = |what: &str| {
        let outcome = place.run(&format!("history {what} --format csv"));
        assert_eq!(outcome.code, Some(0), "{what}: {}", outcome.stderr);
        outcome.stdout
    };
    for json in ["out/run.json", "kept.json"] {
        assert_eq!(told(json), told("out/summary.csv"));
    }
    place.write("other.json", "{\"a\": 1}");
    let outcome = place.run("compare kept.json other.json");
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("other.json"), "{}", outcome.stderr);
}

/// Identical subjects with " and " in their names were refused.
#[test]
fn identical_subjects_match_whatever_their_names_contain() {
    let place = Place::new();
    let named = |name, minute| -> Vec<Saved> {
        saved(name, minute, 10.0).into_iter().map(|run| Saved { subject: "model Rock and Roll", ..run }).collect()
    };
    place.write("base.csv", &text(&named("base", 0)));
    place.write("new.csv", &text(&named("new", 20)));
    let outcome = place.run("compare base.csv new.csv");
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
}

/// Lines of files with CRLF were counted wrongly.
#[test]
fn line_numbers_are_the_same_with_windows_line_endings() {
    let place = Place::new();
    place.write("base.csv", &text(&saved("base", 0, 10.0)));
    let broken = text(&saved("new", 20, 10.0)).replacen(",ok,", ",okay,", 3).replacen(",okay,", ",ok,", 2);
    for (name, text) in [("unix.csv", broken.clone()), ("windows.csv", broken.replace('\n', "\r\n"))] {
        place.write(name, &text);
        let outcome = place.run(&format!("compare base.csv {name}"));
        assert_eq!(outcome.code, Some(5));
        assert!(outcome.stderr.contains("line 4: unknown status 'okay'"), "{name}: {}", outcome.stderr);
    }
}

/// A figure whose unit had changed was published with the old unit.
#[test]
fn figure_with_a_changed_unit_is_not_published() {
    let place = Place::new();
    place.write("base.csv", &text(&saved("base", 0, 10.0)));
    let in_us: Vec<Saved> = saved("new", 20, 10_000.0).into_iter().map(|run| Saved { unit: "us", ..run }).collect();
    place.write("new.csv", &text(&in_us));
    let line = "compare base.csv new.csv --write benchmark-smaller=s.json --write bencher=b.json --write history=h.csv";
    let outcome = place.run(&format!("{line} --write json=c.json"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stdout);
    for file in ["s.json", "b.json", "h.csv"] {
        assert!(!place.path(file).exists(), "{file}: {}", fs::read_to_string(place.path(file)).unwrap());
    }
    let json: serde_json::Value = serde_json::from_slice(&fs::read(place.path("c.json")).unwrap()).unwrap();
    let judgement = &json["judgements"][0];
    assert!(judgement["base"].is_number() && judgement["new"].is_null(), "{judgement}");
    assert!(outcome.stdout.contains("its unit is ms in some runs but us in others"), "{}", outcome.stdout);
}

/// An empty list of figures was written, and the next step of the CI failed.
#[test]
fn empty_benchmark_is_not_written_with_a_reason() {
    let place = files::folders();
    let outcome = place.run("compare base new --write benchmark-bigger=b.json --write benchmark-smaller=s.json");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(place.path("s.json").is_file() && !place.path("b.json").exists());
    let says = "warning: b.json was not written: NEW has no figure for which bigger is better";
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    let nothing = place.run("compare base base --write bencher=n.json --write history=h.csv");
    assert_eq!(nothing.code, Some(4));
    assert!(!place.path("n.json").exists() && !place.path("h.csv").exists(), "{}", nothing.stderr);
}

/// A file that could not be written hid the verdict.
#[test]
fn verdict_is_printed_even_if_files_fail() {
    let place = files::folders();
    let line = "compare base new --write junit=no/such/folder/x.xml --write md=kept.md";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("compare: REGRESSED"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("cannot write no/such/folder/x.xml"), "{}", outcome.stderr);
    assert!(place.path("kept.md").is_file(), "the other files are written nevertheless");
}

/// Suggested command lines did not quote paths with spaces.
#[test]
fn suggested_commands_quote_paths_with_spaces() {
    let place = Place::new();
    place.write("My Workly/config.json", "{}");
    place.write("r.json", &recommendation("balanced", 3).to_string());
    let output = place.command("apply r.json --yes --config").arg("My Workly/config.json").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let typed = if cfg!(windows) { r#""My Workly\config.json""# } else { "'My Workly/config.json'" };
    assert!(said.contains(&format!("workly-perf apply --undo --config {typed};")), "{said}");
}

/// `--undo` was suggested where nothing could be undone.
#[test]
fn undo_is_suggested_only_if_a_version_is_kept() {
    let place = place("{\"ai\": 5}");
    let refused = fails(&place, "apply r.json --yes", 5, &["ai is 5"]);
    assert!(!refused.stderr.contains("--undo"), "{}", refused.stderr);
    let none = fails(&place, "apply --undo --yes", 2, &["0 kept versions"]);
    assert!(!none.stderr.contains("--list"), "{}", none.stderr);
    place.write("data/config.json", "{}");
    assert_eq!(place.run("apply r.json --yes").code, Some(0));
    place.write("data/config.json", "{\"ai\": 5}");
    fails(&place, "apply r.json --yes", 5, &["ai is 5", "workly-perf apply --undo"]);
}

/// The newest recommendation was chosen by the name of its folder.
#[test]
fn newest_recommendation_is_chosen_by_time_not_name() {
    let place = place("{}");
    let made = |created: &str, threads: u32| {
        let mut made = recommendation("balanced", threads);
        made["created"] = created.into();
        made.to_string()
    };
    place.write("results/local/zzz/recommendation.json", &made("2026-01-01T00:00:00Z", 1));
    place.write("results/local/aaa/recommendation.json", &made("2026-03-01T00:00:00Z", 2));
    place.write("results/local/yyy/recommendation.json", "no recommendation");
    let outcome = place.run("apply --yes");
    assert!(outcome.stderr.contains("aaa"), "{}", outcome.stderr);
    assert!(config(&place).contains("\"n_threads\": 2"), "{}", config(&place));
}
