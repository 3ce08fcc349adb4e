//! `warmup` on a tiny model: starts that differ by one step, steps that add up, costs per token, prefix reuse.

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState, Timeline};

use crate::harness::run::{Outcome, Place, case, figure};

/// A folder with a model that answers in milliseconds. Next to the build: temporary folders may be in memory, where no
/// page cache can be dropped.
fn place() -> Place {
    let place = Place::within(env!("CARGO_TARGET_TMPDIR"));
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    place
}

fn warmup(place: &Place, line: &str) -> (Outcome, Run) {
    let brief = "warmup --model tiny.gguf --threads 1 --n-ctx 512 --reply-tokens 4 --quiet --out out";
    let outcome = place.run(&format!("{brief} {line}"));
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome, run)
}

#[test]
fn each_start_has_one_more_step_ready_and_steps_add_up() {
    let (outcome, run) = warmup(&place(), "--study start --runs 2 --later 2");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((run.state, run.simulated[0].what.as_str()), (RunState::Complete, "synthetic weights"));
    let paths: Vec<&str> = run.cases.iter().map(|case| case.path.as_str()).collect();
    let starts = ["cold", "cached", "loaded", "context", "warmed"].map(|kind| format!("start/{kind}"));
    assert_eq!(paths[..5], starts);
    let chains = ["wait", "wait_first", "reply", "load"].map(|chain| format!("attribution/{chain}"));
    assert_eq!(paths[5..], chains);
    for chain in &chains {
        let case = case(&run, chain);
        let sum = |value: &serde_json::Value| value.as_str().unwrap().parse::<i128>().unwrap();
        let steps = case.conditions["sums_ns"].as_array().unwrap();
        let names: Vec<&str> =
            case.conditions["steps"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let given: Vec<f64> = names.iter().filter_map(|name| figure(&run, chain, name)).collect();
        assert_eq!(given.len(), steps.len(), "{chain}");
        assert_eq!(steps.iter().map(sum).sum::<i128>(), sum(&case.conditions["whole_sum_ns"]), "{chain}");
        let (from, to) = (figure(&run, chain, "from").unwrap(), figure(&run, chain, "to").unwrap());
        assert!((given.iter().sum::<f64>() - (from - to)).abs() < 1e-6 * from, "{chain}: {given:?}");
    }
    // Steps that are ready beforehand cost no waiting time.
    for (kind, has_load) in [("cached", true), ("loaded", false)] {
        let wait = figure(&run, &format!("start/{kind}"), "wait").unwrap();
        let parts =
            ["context", "reply"].map(|part| figure(&run, &format!("start/{kind}"), part).unwrap()).iter().sum::<f64>();
        let load = figure(&run, &format!("start/{kind}"), "load").unwrap();
        let expected = if has_load { parts + load } else { parts };
        assert!(wait >= expected, "{kind}: {wait} {expected}");
    }
    let warmed = case(&run, "start/warmed").metric("warm_generation").unwrap();
    assert_eq!((warmed.status, warmed.n), (MetricStatus::Ok, 2));
    assert_eq!(case(&run, "start/context").metric("warm_generation").unwrap().status, MetricStatus::NotMeasured);
    let histograms: Vec<&str> =
        case(&run, "start/cold").histograms.iter().map(|files| files.quantity.as_str()).collect();
    #[cfg(target_os = "linux")]
    {
        assert_eq!(histograms, ["wait", "later_reply"]);
        assert!(case(&run, "start/cold").conditions["cached_share_most"].as_f64().unwrap() <= 0.01);
        assert!(case(&run, "start/cached").conditions["cached_share_least"].as_f64().unwrap() >= 0.99);
        assert!(run.findings.iter().any(|text| text.contains("mincore, at most")), "{:?}", run.findings);
    }
    #[cfg(not(target_os = "linux"))]
    {
        assert!(histograms.is_empty());
        assert_eq!(case(&run, "start/cold").state, CaseState::NotMeasured);
    }
    assert!(outcome.stdout.contains("Where the time is saved: wait"), "{}", outcome.stdout);
}

#[test]
fn token_costs_are_fitted_and_prefix_reuse_changes_no_token() {
    let (outcome, run) = warmup(&place(), "--study lengths,prefix --length-runs 2 --turns 8 --context-limit 4");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(run.cases.iter().filter(|case| case.path.starts_with("start/")).count(), 0);
    assert_eq!(figure(&run, "prompt/505", "prompt"), Some(505.0));
    assert!(case(&run, "prompt/35-words").metric("ttft").unwrap().n == 2);
    for cost in ["prompt-token", "reply-token"] {
        let metric = case(&run, &format!("cost/{cost}")).metric("per_token").unwrap();
        assert!(metric.value.unwrap() > 0.0 && metric.ci_low.is_some() && metric.n >= 5, "{cost}: {metric:?}");
    }
    let growing = case(&run, "prefix/growing");
    assert_eq!(growing.conditions["same_tokens"], growing.conditions["turns"], "{growing:?}");
    assert_eq!(growing.conditions["turns"], 4);
    assert_eq!(case(&run, "prefix/rolling").conditions["turns"], 3);
    assert!(figure(&run, "prefix/growing", "kept").unwrap() > figure(&run, "prefix/rolling", "kept").unwrap());
    assert_eq!(Timeline::of(growing).unwrap().at.len(), 8);
    let ended = growing.metric("replies_ended").unwrap();
    let lengths = growing.metric("tokens_at_end").unwrap().n;
    assert_eq!((ended.n, ended.value), (4, Some(lengths as f64)));
}

#[test]
fn invalid_warmup_arguments_have_their_exit_codes() {
    let place = place();
    place.write("empty.txt", "\n");
    place.write("no.gguf", "no model");
    for (line, code, says) in [
        ("--model tiny.gguf --conversation empty.txt", 5, "no message"),
        ("--model tiny.gguf --conversation gone.txt", 5, "cannot read the conversation"),
        ("--model no.gguf", 5, "no.gguf"),
        ("--model gone.gguf", 3, "gone.gguf"),
        ("--model tiny.gguf --runs 0", 2, "--runs"),
        ("--model tiny.gguf --study warm", 2, "start, lengths, prefix"),
    ] {
        let outcome = place.run(&format!("warmup {line}"));
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
    }
    // A context too small for a reply is a failed start, with a record.
    let outcome = place.run("warmup --model tiny.gguf --study start --runs 1 --reply-tokens 5000 --quiet --out out");
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!((outcome.code, run.state), (Some(4), RunState::Failed), "{}", outcome.stderr);
    assert_eq!(case(&run, "start/warmed").state, CaseState::Failed);
    let alone = place.run("warmup-start");
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    assert!(alone.stderr.contains("warmup uses this command internally"), "{}", alone.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_completed_rounds() {
    let place = place();
    let line = "warmup --model tiny.gguf --threads 1 --n-ctx 256 --reply-tokens 2 --runs 1000 --quiet --out out";
    let has_a_round =
        |run: &Run| run.cases.iter().any(|case| case.path == "attribution/wait" && !case.metrics.is_empty());
    let run = place.interrupted_once(line, has_a_round);
    assert_eq!(case(&run, "start/warmed").state, CaseState::Interrupted);
    assert!(figure(&run, "attribution/wait", "saved").is_some());
}
