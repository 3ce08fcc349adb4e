//! Files of a comparison, read by independent implementations.

use serde_json::json;

use crate::harness::python::read;
use crate::harness::run::Place;
use crate::harness::saved_runs::{Saved, saved, text};

#[test]
fn other_programs_read_all_comparison_files() {
    let place = Place::new();
    place.write("base.csv", &text(&saved("base", 0, 10.0)));
    place.write("new.csv", &text(&saved("new", 20, 12.0)));
    place.write(
        "gate.toml",
        "name = 'mine'\nsummary = 'limits'\nmin_effect_percent = 5\n[[metrics]]\nmetric = 'p50'\n\
         [[budgets]]\nmetric = 'p50'\nunit = 'ms'\nmax = 20\n[[budgets]]\nmetric = 'p99'\nunit = 'ms'\nmax = 20\n",
    );
    let kinds = [
        ("md", "comparison.md"),
        ("json", "comparison.json"),
        ("junit", "junit.xml"),
        ("benchmark-smaller", "smaller.json"),
        ("benchmark-bigger", "bigger.json"),
        ("bencher", "bencher.json"),
        ("history", "history.csv"),
    ];
    let flags: Vec<String> = kinds.iter().map(|(kind, file)| format!("--write {kind}={file}")).collect();
    let line = format!("compare base.csv new.csv --gate gate.toml --commit 89abcde --branch main {}", flags.join(" "));
    for _ in 0..2 {
        let outcome = place.run(&line);
        assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    }
    let found = read("read_comparison.py", &place.path(""));

    assert_eq!(found["outcome"], "regressed");
    let markdown = &found["markdown"];
    assert_eq!(markdown["headings"], json!(["workly-perf compare: REGRESSED", "Budgets", "Warnings"]));
    let row = &markdown["tables"][0][1];
    assert_eq!((row[0].as_str(), row[1].as_str()), (Some("applied/poisson:50/100B"), Some("p50")));
    assert_eq!(row[6], "REGRESSED");
    assert!(row[4].as_str().unwrap().starts_with("+20.0 % [+"), "{row}");
    assert_eq!(
        found["junit"],
        json!({
            "ipc": {
                "applied/poisson:50/100B p50": ["failure"],
                "applied/poisson:50/100B p50 budget": [],
            },
            "budgets": {"* p99 budget": ["error"]},
        })
    );
    let name = "ipc applied/poisson:50/100B p50";
    assert_eq!(found["smaller"][0]["name"], name);
    assert_eq!(found["smaller"][0]["unit"], "ms");
    let middle = found["smaller"][0]["value"].as_f64().unwrap();
    assert!((middle - 12.0).abs() < 0.02, "{middle}");
    assert_eq!(found["bigger"], json!(null), "an empty list would fail github-action-benchmark");
    assert_eq!(found["bencher"]["ipc applied/poisson:50/100B"]["p50 (ms)"]["value"], middle);
    // Two comparisons, two rows.
    let history = found["history"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[1]["commit"].as_str(), history[1]["branch"].as_str()), (Some("89abcde"), Some("main")));
    assert_eq!(history[1][format!("{name} (ms)")].as_str(), Some(middle.to_string().as_str()));
}

#[test]
fn documented_query_gives_the_medians_of_a_folder() {
    let place = Place::new();
    for (at, run) in saved("base", 0, 10.0).into_iter().chain(saved("new", 20, 12.0)).enumerate() {
        place.write(&format!("results/machine/{at}/summary.csv"), &text(&[run]));
    }
    // A machine whose fingerprint consists of digits must not become a number.
    for (at, run) in saved("digits", 40, 11.0).into_iter().enumerate() {
        let run = Saved { fingerprint: "0123456789012345", ..run };
        place.write(&format!("results/digits/{at}/summary.csv"), &text(&[run]));
    }
    // A file of the first schema next to them.
    let old = "schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status\n\
               1.0,old,ipc,applied/poisson:50/100B,p50,ms,9,1000,,,,lower,ok\n";
    place.write("results/old/summary.csv", old);
    let rows = read("query_history.py", &place.path(""));
    let rows = rows.as_array().unwrap();
    let known = rows.iter().find(|row| row["fingerprint"] == "9f86d081884c7d65").expect("the machine");
    assert_eq!((known["runs"].as_u64(), known["unit"].as_str()), (Some(16), Some("ms")));
    let middle = known["middle"].as_f64().unwrap();
    assert!((10.0..12.0).contains(&middle), "{middle}");
    let digits = rows
        .iter()
        .find(|row| row["fingerprint"] == "0123456789012345")
        .expect("the machine with a numeric fingerprint");
    assert_eq!(digits["runs"].as_u64(), Some(8));
    let nameless = rows.iter().find(|row| row["fingerprint"].is_null()).expect("the old file");
    assert_eq!((nameless["runs"].as_u64(), nameless["middle"].as_f64()), (Some(1), Some(9.0)));
}
