//! `threads` on a tiny synthetic model: the record, its output formats, and how a run ends.

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place, case, figure};

/// A folder with a model that is measured in milliseconds.
/// Every setting in every round, from an empty context, so that the result is predictable.
const BRIEF: &str =
    "threads --model tiny.gguf --prompt-tokens 16 --gen-tokens 12 --depth 0 --exhaustive --quiet --out out";

fn measured(place: &Place, line: &str) -> (Outcome, Run) {
    let outcome = place.run(&format!("{BRIEF} {line}"));
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome, run)
}

#[test]
fn every_count_is_measured_in_every_round_and_marked() {
    let place = Place::with_tiny_model();
    let (outcome, run) = measured(&place, "--sweep 1,2,400 --repetitions 2 --under-load none --format csv");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((run.state, run.command.as_str()), (RunState::Complete, "threads"));
    assert_eq!(run.simulated.len(), 1);
    assert_eq!(run.simulated[0].what, "synthetic weights");
    let paths: Vec<_> = run.cases.iter().map(|case| case.path.as_str()).collect();
    let expected = ["pp16", "tg12"].map(|test| [1, 2, 400].map(|count| format!("idle/{test}/threads={count}")));
    assert_eq!(paths, expected.concat());
    for count in [1, 2, 400] {
        let (prompt, generation) = (format!("idle/pp16/threads={count}"), format!("idle/tg12/threads={count}"));
        for path in [&prompt, &generation] {
            let case = case(&run, path);
            assert_eq!((case.state, case.metric("avg_ts").unwrap().n), (CaseState::Ok, 2));
            assert!(figure(&run, path, "avg_ts").unwrap() > 0.0);
            assert_eq!(case.conditions["samples_ns"].as_array().unwrap().len(), 2);
            assert_eq!(case.conditions["n_threads"], count);
        }
        assert!(figure(&run, &prompt, "ttft").unwrap() > 0.0);
        assert!(figure(&run, &generation, "itl_p50").unwrap() > 0.0);
        assert_eq!(figure(&run, &generation, "itl_p99"), None, "24 tokens are too few for a p99");
        assert_eq!(case(&run, &generation).histograms[0].quantity, "itl");
        assert!(place.path("out").join(&case(&run, &prompt).histograms[0].hlog).is_file());
    }
    assert_eq!(case(&run, "idle/pp16/threads=400").conditions["oversubscribed"], true);
    assert!(case(&run, "idle/pp16/threads=400").notes[0].contains("Oversubscribed"));
    assert_eq!(case(&run, "idle/pp16/threads=1").conditions["oversubscribed"], false);
    assert!(run.findings[0].contains("n_threads") && run.findings[0].contains("too few rounds"), "{:?}", run.findings);
    assert!(run.subject["system_info"].as_str().unwrap().contains("CPU"));
    assert!(std::fs::read_to_string(place.path("out/llama.log")).unwrap().contains("llama"));
}

#[test]
fn frames_of_the_render_like_load_are_counted() {
    let place = Place::with_tiny_model();
    let (outcome, run) = measured(&place, "--sweep 1 --repetitions 40 --render 500:0.5ms");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let paths: Vec<_> = run.cases.iter().map(|case| case.path.as_str()).collect();
    let expected = ["idle/pp16/threads=1", "idle/tg12/threads=1", "render/pp16/threads=1", "render/tg12/threads=1"];
    assert_eq!(paths, expected);
    let late = case(&run, "render/tg12/threads=1").metric("frames_late").unwrap();
    assert!(late.n > 0 && late.value.is_some(), "{late:?}");
    assert!(case(&run, "idle/tg12/threads=1").metric("frames_late").is_none());
    assert!(run.findings[0].starts_with("Beside a scene that takes 500:0.5ms"), "{:?}", run.findings);
    assert!(run.findings.iter().any(|finding| finding.starts_with("Without a load beside it")), "{:?}", run.findings);
}

#[test]
fn sweep_dimensions_are_in_paths_and_conditions() {
    let place = Place::with_tiny_model();
    let line = "--sweep 1 --repetitions 1 --under-load none --depth 0,64 --flash-attn off,on --priority normal,low \
                --cache-type f16,q8_0 --mmap on,off";
    let outcome = place.run(&format!("{} {line}", BRIEF.replace("--depth 0 ", "")));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    // Two tests at two depths; f16 with and without flash attention, q8_0 with it; two priorities; mapped or not.
    assert_eq!(run.cases.len(), 2 * 2 * 3 * 2 * 2);
    let deep = case(&run, "idle/tg12/depth=64/threads=1/fa=on/kv=q8_0/prio=low/mmap=off");
    for (key, value) in [("n_depth", "64"), ("flash_attn", "\"on\""), ("type_k", "\"q8_0\""), ("type_v", "\"q8_0\"")] {
        assert_eq!(deep.conditions[key].to_string(), value, "{key}");
    }
    for (key, value) in [("priority", "\"low\""), ("prio", "-1"), ("use_mmap", "false"), ("n_threads", "1")] {
        assert_eq!(deep.conditions[key].to_string(), value, "{key}");
    }
    assert!(figure(&run, &deep.path, "avg_ts").unwrap() > 0.0);
    assert_eq!(case(&run, "idle/pp16/threads=1/fa=off/kv=f16/prio=normal/mmap=on").conditions["n_depth"], 0);
    assert!(run.findings[0].contains("with 64 tokens in the context"), "the longest decides: {:?}", run.findings);
}

#[test]
fn the_applications_own_setting_has_a_spread_even_if_it_cannot_win() {
    let place = Place::with_tiny_model();
    // Six threads are the application's own; far more than the others need for a model of this size.
    let line = BRIEF.replace("--exhaustive ", "");
    let outcome = place.run(&format!("{line} --sweep 1,2,6 --repetitions 5 --under-load none"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let own = case(&run, "idle/tg12/threads=6");
    let of = |key: &str| own.conditions[key].as_u64();
    let kept = own.conditions["samples_ts"].as_array().unwrap().len() as u64;
    // Repetitions that were cut off count as well; they are in the figures only if there is no other.
    let is_partial = own.metric("avg_ts").unwrap().status == MetricStatus::Partial;
    let all = if is_partial { kept } else { kept + of("repetitions_cut_off").unwrap() };
    assert!(all >= 3, "{own:?}");
    let is_noted = own.notes.iter().any(|note| note.starts_with("Measured further: the application runs with it"));
    assert_eq!(is_noted, of("dropped_after_rounds").is_some_and(|rounds| rounds < all), "{own:?}");
}

#[test]
fn each_wait_policy_is_measured_in_a_separate_process() {
    let place = Place::with_tiny_model();
    let line = format!("{BRIEF} --sweep 1 --repetitions 2 --under-load none --wait active,passive --priority low");
    let outcome = place.run(&line);
    if outcome.code == Some(3) {
        // A build with ggml's own threads.
        assert!(outcome.stderr.contains("read no wait policy"), "{}", outcome.stderr);
        return;
    }
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.cases.len(), 2 * 2);
    for wait in ["active", "passive"] {
        let measured = case(&run, &format!("idle/tg12/threads=1/prio=low/wait={wait}"));
        assert_eq!(measured.conditions["wait"], wait);
        assert_eq!(measured.metric("avg_ts").unwrap().n, 2);
        assert!(measured.conditions["samples_ns"].as_array().unwrap().iter().all(|ns| ns.as_u64().unwrap() > 0));
    }
    let garbled = place.run("threads-worker");
    assert_eq!(garbled.code, Some(2), "{}", garbled.stderr);
    assert!(garbled.stderr.contains("threads uses this command internally"), "{}", garbled.stderr);
}

#[test]
fn default_engine_settings_are_the_applications() {
    let place = Place::with_tiny_model();
    let line = "threads --model tiny.gguf --prompt-tokens 16 --gen-tokens 12 --sweep 1 --repetitions 1 --under-load none --quiet";
    for (whose, path, flash, batch) in
        [("app", "idle/tg12/depth=1024/threads=1", "off", 512), ("llama-bench", "idle/tg12/threads=1", "auto", 2048)]
    {
        let outcome = place.run(&format!("{line} --engine {whose} --out {whose}"));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let run = RecordFolder::read(&place.path(whose)).unwrap();
        assert_eq!(case(&run, path).conditions["flash_attn"], flash);
        assert_eq!((run.plan["engine"].as_str(), run.plan["n_batch"].as_u64()), (Some(whose), Some(batch)));
    }
}

#[test]
fn llama_bench_formats_come_from_run_and_record() {
    let place = Place::with_tiny_model();
    let (csv, _) = measured(&place, "--sweep 1,2 --repetitions 2 --under-load none --format llama-bench-csv");
    assert_eq!(csv.code, Some(0), "{}", csv.stderr);
    let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap_or_else(|| panic!("no {name}"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cells: Vec<_> = rows
        .iter()
        .map(|row| ["n_threads", "n_prompt", "n_gen"].map(|name| row[column(name)].parse::<u32>().unwrap()))
        .collect();
    assert_eq!(cells, [[1, 16, 0], [1, 0, 12], [2, 16, 0], [2, 0, 12]]);
    assert!(rows.iter().all(|row| row[column("avg_ts")].parse::<f64>().unwrap() > 0.0));
    assert!(csv.stderr.contains("synthetic weights"), "{}", csv.stderr);
    assert_eq!(place.run("report out --format llama-bench-csv").stdout, csv.stdout);
    let table = place.run("report out --format llama-bench").stdout;
    assert!(table.starts_with("| model ") && table.contains("pp16") && table.contains("tg12"), "{table}");

    let ipc = place.run("ipc --bridge embedded --messages 20 --load closed --quiet --out ipc --format csv");
    assert_eq!(ipc.code, Some(0), "{}", ipc.stderr);
    assert_eq!(place.run("report ipc --format llama-bench").code, Some(2));
}

#[test]
fn budget_ends_between_repetitions_and_omissions_are_stated() {
    let place = Place::with_tiny_model();
    // Each repetition takes some milliseconds: far more rounds than the budget allows.
    let (outcome, run) = measured(&place, "--sweep 1,2,4 --budget 1500ms --under-load none");
    if outcome.code == Some(4) {
        // Not even the warm-up fits on this machine; another test covers that.
        assert!(outcome.stderr.contains("was spent on the warm-up"), "{}", outcome.stderr);
        return;
    }
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let of = |path: &str| run.cases.iter().find(|case| case.path == path).unwrap();
    for (path, test) in [("idle/pp16/threads=1", "pp"), ("idle/tg12/threads=4", "tg")] {
        let case = of(path);
        assert_eq!(case.conditions["test"], test);
        match case.state {
            CaseState::Ok => assert!(case.metric("avg_ts").unwrap().n >= 1),
            state => {
                assert_eq!(state, CaseState::NotMeasured);
                assert!(case.reason.as_deref().unwrap().contains("budget was spent"), "{case:?}");
            }
        }
    }
    assert_eq!(run.cases.len(), 6);
    assert!(run.findings.last().unwrap().contains("of every setting in random order"), "{:?}", run.findings);
}

#[test]
fn budget_used_up_by_the_warm_up_is_rejected_with_the_time_needed() {
    let place = Place::with_tiny_model();
    let outcome = place.run(&format!("{BRIEF} --sweep 1,2 --budget 1ms"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("was spent on the warm-up of 1 of 2 settings"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("a single round takes about"), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!((run.state, run.cases.len()), (RunState::Failed, 0));
}

#[test]
fn missing_model_suggests_both_ways_to_get_one() {
    let place = Place::new();
    place.write("data/config.json", r#"{"ai": {"model_path": "models/gone.gguf"}}"#);
    for line in ["threads", "threads --model gone.gguf"] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
        for hint in ["gone.gguf", "--model FILE", "--model synth:demo"] {
            assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
        }
    }
    std::fs::remove_file(place.path("data/config.json")).unwrap();
    assert_eq!(place.run("threads").code, Some(3));
    assert!(!place.path("results").exists(), "nothing was measured");
}

#[test]
fn non_model_file_never_reaches_the_engine() {
    let place = Place::with_tiny_model();
    let whole = std::fs::read(place.path("tiny.gguf")).unwrap();
    std::fs::write(place.path("cut.gguf"), &whole[..whole.len() / 2]).unwrap();
    place.write("text.gguf", "this is no model");
    for file in ["cut.gguf", "text.gguf"] {
        let outcome = place.run(&format!("threads --model {file} --sweep 1"));
        assert_eq!(outcome.code, Some(5), "{file}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint"), "{}", outcome.stderr);
    }
}

#[test]
fn bad_counts_are_usage_errors() {
    let place = Place::new();
    for line in [
        "--depth -1",
        "--flash-attn maybe",
        "--priority high",
        "--cache-type q9",
        "--late-frames 0",
        "--sweep 0",
        "--sweep 513",
        "--sweep two",
        "--render 60",
        "--repetitions 0",
        "--budget 1s --repetitions 2",
    ] {
        assert_eq!(place.run(&format!("threads {line}")).code, Some(2), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_measured_rounds() {
    let place = Place::with_tiny_model();
    let line = format!("{BRIEF} --sweep 1,2 --repetitions 10000 --under-load none");
    let run = place.interrupted_once(&line, |run| !run.cases.is_empty());
    assert!(run.cases.iter().all(|case| case.state == CaseState::Interrupted));
    assert!(figure(&run, "idle/tg12/threads=1", "avg_ts").unwrap() > 0.0);
}
