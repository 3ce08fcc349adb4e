//! `compare` from the user's view: verdicts, refusals, exit codes, files.

use crate::harness::run::{Outcome, Place, in_one_of_several_runs};
use crate::harness::saved_runs::{HEADER, Saved, saved, text};

fn changed(mut runs: Vec<Saved>, change: impl Fn(usize, &mut Saved)) -> String {
    runs.iter_mut().enumerate().for_each(|(at, run)| change(at, run));
    text(&runs)
}

fn compared(base: &str, new: &str, flags: &str) -> Outcome {
    let place = Place::new();
    place.write("base.csv", base);
    place.write("new.csv", new);
    place.run(&format!("compare base.csv new.csv {flags}"))
}

#[test]
fn verdicts_set_text_and_exit_code() {
    let base = text(&saved("base", 0, 10.0));
    for (middle, flags, code, word) in [
        (10.0, "", 0, "compare: pass"),
        (10.1, "", 0, "compare: pass"),
        (12.0, "", 1, "compare: REGRESSED"),
        (8.0, "", 0, "compare: pass"),
        (12.0, "--fail-on 10%", 1, "REGRESSED"),
        (12.0, "--fail-on 30%", 0, "REGRESSED"),
        (12.0, "--fail-on never", 0, "REGRESSED"),
        (12.0, "--min-effect 30%", 0, "compare: pass"),
        (10.48, "", 0, "compare: INCONCLUSIVE"),
        (10.48, "--strict", 4, "compare: INCONCLUSIVE"),
        (12.0, "--metrics p50", 1, "REGRESSED"),
        (12.0, "--metrics applied/*:p50 --paired", 1, "REGRESSED"),
    ] {
        let outcome = compared(&base, &text(&saved("new", 20, middle)), flags);
        assert_eq!(outcome.code, Some(code), "{middle} {flags}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stdout.contains(word), "{middle} {flags}: {}", outcome.stdout);
    }
    let faster = compared(&base, &text(&saved("new", 20, 8.0)), "");
    assert!(faster.stdout.contains("20 % lower (better)"), "{}", faster.stdout);
    let inconclusive = compared(&base, &text(&saved("new", 20, 10.48)), "");
    assert!(inconclusive.stderr.contains("warning: inconclusive (not a pass)"), "{}", inconclusive.stderr);
}

/// Cases that must never pass: exit code not 0, and the word `pass` nowhere.
#[test]
#[allow(clippy::too_many_lines, clippy::semicolon_if_nothing_returned)] // A table.
fn incomparable_runs_never_pass() {
    let base = || saved("base", 0, 10.0);
    let new = || saved("new", 20, 10.0);
    let (good_base, good_new) = (text(&base()), text(&new()));
    let first = |value: &'static str| {
        changed(new(), move |at, run| {
            if at == 0 {
                run.value = value.into()
            }
        })
    };
    let one_liner = good_new.lines().take(2).collect::<Vec<_>>().join("\n") + "\n";
    let old_schema = |text: &str, cells: usize| {
        let cut = |line: &str| line.split(',').take(cells).collect::<Vec<_>>().join(",");
        text.replace("\n1.1,", "\n1.0,").lines().map(cut).collect::<Vec<_>>().join("\n") + "\n"
    };
    let table: Vec<(&str, String, String, i32, &str)> = vec![
        ("no number", good_base.clone(), first("NaN"), 5, "'NaN' is not a finite number"),
        ("infinite", good_base.clone(), first("inf"), 5, "not a finite number"),
        ("no value", good_base.clone(), first(""), 5, "status ok without a value"),
        ("zero", good_base.clone(), first("0"), 4, "figures above 0"),
        ("negative", good_base.clone(), first("-1"), 4, "figures above 0"),
        ("an empty file", good_base.clone(), String::new(), 5, "header"),
        ("a header alone", good_base.clone(), format!("{HEADER}\n"), 4, "NEW has no figures"),
        ("an empty baseline", format!("{HEADER}\n"), good_new.clone(), 4, "BASE has no figures"),
        (
            "another metric",
            good_base.clone(),
            changed(new(), |_, run| run.metric = "p90"),
            4,
            "the run does not have it",
        ),
        (
            "one run without the metric",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 3 {
                    run.metric = "p90"
                }
            }),
            4,
            "missing in run new-3",
        ),
        (
            "omitted",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 1 {
                    (run.value, run.status) = (String::new(), "too_few")
                }
            }),
            4,
            "too few",
        ),
        (
            "invalid figure",
            good_base.clone(),
            changed(new(), |_, run| (run.value, run.status) = (String::new(), "invalid")),
            4,
            "invalid",
        ),
        (
            "partial",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 1 {
                    run.status = "partial"
                }
            }),
            4,
            "partial",
        ),
        ("one run", good_base.clone(), text(&new()[..1]), 4, "could not be judged"),
        ("one run a side", text(&base()[..1]), text(&new()[..1]), 4, "too few runs"),
        ("swapped files", good_new.clone(), good_base.clone(), 4, "are the two swapped?"),
        ("the same file twice", good_base.clone(), good_base.clone(), 4, "cannot be compared with itself"),
        (
            "mixed units",
            good_base.clone(),
            changed(new(), |_, run| run.unit = "s"),
            4,
            "its unit is ms in some runs but s",
        ),
        ("a cut within a row", good_base.clone(), good_new[..good_new.len() - 5].into(), 5, "truncated"),
        ("a cut row", good_base.clone(), one_liner.replace(",1\n", "\n"), 5, "cells instead of"),
        ("a cut between rows", good_base.clone(), one_liner.replace(",1\n", ",2\n"), 5, "has 1 of 2 rows"),
        (
            "a newer schema",
            good_base.clone(),
            changed(new(), |_, run| run.schema = "2.0"),
            5,
            "newer than this build's",
        ),
        (
            "a newer schema below",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 5 {
                    run.schema = "2.0"
                }
            }),
            5,
            "newer",
        ),
        ("schema 1.0", old_schema(&good_base, 13), old_schema(&good_new, 13), 4, "(schema 1.0)"),
        (
            "another machine",
            good_base.clone(),
            changed(new(), |_, run| run.fingerprint = "b5bb9d80"),
            4,
            "machine: BASE has",
        ),
        (
            "one run on another machine",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 2 {
                    run.fingerprint = "b5"
                }
            }),
            4,
            "machine",
        ),
        (
            "another build",
            good_base.clone(),
            changed(new(), |_, run| run.profile = "debug"),
            4,
            "build profile: BASE has release",
        ),
        (
            "another subject",
            good_base.clone(),
            changed(new(), |_, run| run.subject = "header_hash=1"),
            4,
            "subject: BASE has",
        ),
        (
            "killed",
            good_base.clone(),
            changed(new(), |at, run| {
                if at == 7 {
                    run.state = "running"
                }
            }),
            4,
            "did not end as planned",
        ),
        ("interrupted", good_base.clone(), changed(new(), |_, run| run.state = "interrupted"), 4, "interrupted"),
        ("no CSV at all", good_base.clone(), "<html>404</html>\n".into(), 5, "header"),
    ];
    for (name, base, new, code, says) in table {
        let outcome = compared(&base, &new, "");
        assert_eq!(outcome.code, Some(code), "{name}: {}{}", outcome.stdout, outcome.stderr);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(says), "{name}: {said}");
        assert!(!outcome.stdout.contains("pass"), "{name}: {}", outcome.stdout);
    }
}

#[test]
fn missing_or_unmatched_figures_never_pass() {
    let place = Place::new();
    place.write("base.csv", &text(&saved("base", 0, 10.0)));
    place.write("new.csv", &text(&saved("new", 20, 10.0)));
    place.write("empty/readme.txt", "");
    place.write("bad.toml", "name = 'x'");
    for (line, code, says) in [
        ("compare base.csv nothing.csv", 5, "nothing.csv"),
        ("compare base.csv empty", 5, "summary.csv"),
        ("compare base.csv new.csv --metrics p75", 4, "no run has this figure"),
        ("compare base.csv new.csv --metrics p50,applied/closed/*:p50", 4, "no run has this figure"),
        ("compare base.csv new.csv --gate companion", 4, "no run of NEW has this figure"),
        ("compare base.csv new.csv --gate iron", 2, "built in: default, companion"),
        ("compare base.csv new.csv --gate bad.toml", 5, "the gate is invalid"),
        ("compare base.csv new.csv --gate none.toml", 5, "none.toml"),
        ("compare base.csv", 2, "<NEW>"),
        ("compare", 2, "BASE"),
        ("compare base.csv new.csv --self-test", 2, "cannot be used with"),
        ("compare base.csv new.csv --min-effect 5", 2, "not a share"),
        ("compare base.csv new.csv --write pdf=x", 2, "there is no kind 'pdf'"),
        ("compare --self-test --aa-pairs 20", 2, "do not fit into 12 pairs"),
        ("history empty", 5, "summary.csv"),
        ("history base.csv --metrics p75", 4, "none of 8 runs has a figure for p75"),
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
        assert!(!outcome.stdout.contains("compare: pass"), "{line}: {}", outcome.stdout);
    }
}

#[test]
fn differences_can_be_allowed_and_are_then_stated() {
    let base = text(&saved("base", 0, 10.0));
    let elsewhere = changed(saved("new", 20, 12.0), |_, run| run.fingerprint = "b5bb9d80");
    let outcome = compared(&base, &elsewhere, "--allow-different");
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("machine: BASE has 9f86d081884c7d65, NEW has b5bb9d80"), "{}", outcome.stdout);
    let twice = compared(&base, &base, "--allow-different");
    assert_eq!(twice.code, Some(4), "a run against itself cannot be allowed: {}", twice.stdout);
}

#[test]
fn budgets_judge_single_runs_and_fail_if_exceeded() {
    let gate = |max: f64| {
        format!(
            "name = 'mine'\nsummary = 'limits'\nmin_effect_percent = 5\n\
             [[budgets]]\nmetric = 'p50'\nunit = 'ms'\nmax = {max}\n"
        )
    };
    let place = Place::new();
    place.write("base.csv", &text(&saved("base", 0, 10.0)[..1]));
    place.write("new.csv", &text(&saved("new", 20, 10.0)[..1]));
    for (name, text, code, word) in [
        ("kept", gate(50.0), 0, "pass"),
        ("exceeded", gate(5.0), 1, "EXCEEDED"),
        ("of another unit", gate(50.0).replace("'ms'", "'s'"), 4, "the budget is in s, but the figure is in ms"),
        (
            "kept, besides a figure that a single run cannot judge",
            gate(50.0) + "[[metrics]]\nmetric = 'p50'\n",
            0,
            "INCONCLUSIVE",
        ),
    ] {
        place.write("gate.toml", &text);
        let outcome = place.run("compare base.csv new.csv --gate gate.toml");
        assert_eq!(outcome.code, Some(code), "{name}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stdout.contains(word), "{name}: {}", outcome.stdout);
    }
}

#[test]
fn alternating_variants_reveal_a_planted_slowdown() {
    // The machine may vary so much that twelve pairs are inconclusive; `compare_simulated` tests how often.
    let place = in_one_of_several_runs(|seed| {
        let place = Place::new();
        let outcome = place.run(&format!("compare --self-test --pairs 12 --out trial --seed {seed}"));
        assert!(outcome.stdout.starts_with("SIMULATED"), "{}", outcome.stdout);
        assert!(!outcome.stdout.contains("compare: pass"), "a planted slowdown never passes: {}", outcome.stdout);
        let is_caught = outcome.stdout.contains("compare: REGRESSED");
        assert_eq!(outcome.code == Some(0), is_caught, "{}{}", outcome.stdout, outcome.stderr);
        if is_caught { Ok(place) } else { Err(outcome.stdout) }
    });
    let again = place.run("compare trial/a trial/b --paired --allow-different --format json");
    assert_eq!(again.code, Some(1), "the runs are kept and can be compared again: {}", again.stderr);
    let json: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((json["outcome"].as_str(), json["design"].as_str()), (Some("regressed"), Some("paired")));
}

#[test]
fn failing_variant_is_named() {
    let place = Place::new();
    for (variant, code, says) in [
        ("ipc --bridge nowhere", 2, "no :PORT"),
        ("ipc --out x", 2, "must not contain --out"),
        ("completions bash", 2, "wrote no record"),
    ] {
        let mut command = place.command("compare --pairs 6 --quiet --out");
        let output =
            command.arg(place.path(&variant.replace(' ', "-"))).args(["--ab", variant, variant]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{variant}: {stderr}");
        assert!(stderr.contains(says), "{variant}: {stderr}");
    }
}
