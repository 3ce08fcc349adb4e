//! `pipeline` against known truths: a paced speaker instead of the model, and a bridge with known delays instead of
//! Unity.

use serde_json::Value;
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place, case, figure};

const QUICK: &str = "pipeline --under-load none --no-contention --quiet --out out";

pub(crate) fn measured(place: &Place, line: &str) -> (Outcome, Run) {
    let outcome = place.run(&format!("{QUICK} {line}"));
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome, run)
}

fn waterfalls<'a>(run: &'a Run, path: &str) -> &'a [Value] {
    case(run, path).conditions["waterfalls"].as_array().unwrap()
}

#[test]
fn stages_add_up_and_none_is_shorter_than_planted() {
    let place = Place::new();
    let bridge = "embedded:fps=unpaced,received-delay=20ms,applied-delay=30ms";
    let (outcome, run) = measured(
        &place,
        &format!(
            "--paced 2000:200 --bridge {bridge} --turns 6 --reply-tokens 20 --before app,reaction=single --after none --seed 1"
        ),
    );
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((run.state, run.simulated.len()), (RunState::Complete, 2));
    assert!(outcome.stdout.contains("SIMULATED: model of known speed"), "{}", outcome.stdout);
    for waterfall in waterfalls(&run, "before/turns") {
        let stage = |name: &str| waterfall["stages_ms"][name].as_f64().unwrap();
        let names = ["prompt_build", "first_token", "reply", "emotion", "received", "applied"];
        let sum: f64 = names.into_iter().map(stage).sum();
        assert!((sum - waterfall["visible_ms"].as_f64().unwrap()).abs() < 1e-6, "{waterfall}");
        let prompt_ms = waterfall["prompt_tokens"].as_f64().unwrap() / 2.0;
        // The first token results from the prompt; 19 more follow. One reply is *received*, two are *applied*, one by
        // one.
        for (name, truth_ms) in [("first_token", prompt_ms), ("received", 20.0), ("applied", 60.0)] {
            assert!(stage(name) >= truth_ms, "{name}: {waterfall}");
        }
        // Paced tokens keep their schedule: if the first is observed late, the rest of the reply is shorter.
        assert!(stage("first_token") + stage("reply") >= prompt_ms + 95.0, "{waterfall}");
        assert_eq!(waterfall["reply_tokens"], 20);
    }
    assert_eq!(case(&run, "before/turns").metric("visible").unwrap().n, 6);
    let quantities: Vec<&str> =
        case(&run, "before/turns").histograms.iter().map(|files| files.quantity.as_str()).collect();
    assert_eq!(quantities, ["ttft", "visible", "ttlt"]);
    assert!(case(&run, "before/turns").histograms.iter().all(|files| place.path("out").join(&files.hlog).is_file()));
    let sum: f64 = ["prompt_build", "first_token", "reply", "emotion", "received", "applied"]
        .iter()
        .map(|stage| figure(&run, "before/turns", stage).unwrap())
        .sum();
    assert!((sum - figure(&run, "before/turns", "visible").unwrap()).abs() < 1e-6);
}

#[test]
fn early_reaction_shows_before_the_reply_is_complete() {
    let place = Place::new();
    // The early reaction waits for 8 tokens, the reply for 200: 0.04 s and 1 s.
    let line = "--paced 5000:200 --bridge embedded:fps=unpaced --turns 6 --reply-tokens 200 --before app --after \
                app,react=first-words";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for (before, after) in waterfalls(&run, "before/turns").iter().zip(waterfalls(&run, "after/turns")) {
        let of = |turn: &Value, what: &str| turn[what].as_f64().unwrap();
        assert!(of(before, "visible_ms") >= of(before, "ttlt_ms"), "{before}");
        assert!(of(after, "visible_ms") < of(after, "ttlt_ms"), "{after}");
        assert_eq!(before["prompt_tokens"], after["prompt_tokens"], "both get the same messages");
    }
    let ratio = case(&run, "after/before").metric("visible_ratio").unwrap();
    assert!(ratio.n == 6 && ratio.value.unwrap() < 1.0 && ratio.ci_high.unwrap() < 1.0, "{ratio:?}");
    assert!(run.findings.iter().any(|sentence| sentence.contains("reacting at the first words can gain")));
    assert_eq!(case(&run, "before/first-turn").metric("ttft").unwrap().n, 6);
}

#[test]
fn batch_reaction_is_one_message_confirmed_by_its_reply() {
    let place = Place::new();
    let line = "--paced 5000:500 --bridge embedded:dialect=instrumented,fps=200 --turns 2 --reply-tokens 4 --before \
                app,reaction=batch --after none";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(figure(&run, "before/turns", "commands_per_s").unwrap() > 0.0);
    let stock = place.run("pipeline --paced 5000:500 --bridge embedded --before app,reaction=batch --out other");
    assert_eq!(stock.code, Some(2));
    assert!(stock.stderr.contains("dialect stock has no batches that are applied"), "{}", stock.stderr);
    assert!(stock.stderr.contains("hint: reaction=pipelined"), "{}", stock.stderr);
}

#[test]
fn failed_bridge_leaves_the_turn_measured_and_marked() {
    let place = Place::new();
    // Each turn and first turn has three replies; the bridge stalls in the third turn of the conversation.
    let line = "--paced 5000:500 --bridge embedded:fps=unpaced,stall-after=16 --turns 3 --reply-tokens 4 --before \
                app,reaction=single --after none --timeout 300ms";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let turns = case(&run, "before/turns");
    assert_eq!((turns.state, run.state), (CaseState::Lossy, RunState::Failed));
    assert!(outcome.stderr.contains("1 of 3 reactions failed"), "{}", outcome.stderr);
    assert_eq!((turns.metric("ttlt").unwrap().n, turns.metric("visible").unwrap().n), (3, 2));
    assert_eq!(turns.metric("ttlt").unwrap().status, MetricStatus::Partial);
    let last = &waterfalls(&run, "before/turns")[2];
    assert!(last["ttlt_ms"].is_f64() && last["visible_ms"].is_null(), "{last}");
    assert!(last["bridge"].as_str().unwrap().contains("300"), "{last}");
}

#[test]
fn bridge_that_disconnects_serves_later_turns() {
    let place = Place::new();
    // Twelve replies belong to first turns; the sixteenth is cut in the middle of the second turn.
    let line = "--paced 5000:500 --bridge embedded:fps=unpaced,close-after=16 --turns 4 --reply-tokens 4 --before \
                app,reaction=single --after none";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let shown: Vec<bool> = waterfalls(&run, "before/turns").iter().map(|turn| turn["visible_ms"].is_f64()).collect();
    assert_eq!(shown, [true, false, true, true], "{:?}", waterfalls(&run, "before/turns"));
    assert_eq!(case(&run, "before/turns").metric("ttlt").unwrap().n, 4, "the model's part is measured nevertheless");
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_turn_keeps_earlier_turns() {
    let place = Place::new();
    // Every turn takes a second: the run is stopped during one.
    let line = format!("{QUICK} --paced 5000:40 --bridge embedded:fps=unpaced --turns 1000 --budget 20s --after none");
    let run = place.interrupted_once(&line, |run| run.cases.iter().any(|case| case.path == "before/turns"));
    let turns = case(&run, "before/turns");
    assert_eq!(turns.state, CaseState::Interrupted);
    assert_eq!(turns.metric("visible").unwrap().status, MetricStatus::Partial);
    assert!(!run.findings.iter().any(|sentence| sentence.starts_with("The budget")), "{:?}", run.findings);
}

#[test]
fn exhausted_budget_ends_the_turns_and_states_omissions() {
    let place = Place::new();
    let line = "pipeline --paced 5000:400 --bridge embedded:fps=unpaced --turns 9 --reply-tokens 40 --budget 1ms --under-load none \
                --quiet --out out";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let says = "The budget of 0.001 s, of which each part has a share, sufficed for 1 of 9 first turns, 1 of 9 turns, 0 of 6 \
                rounds of contention.";
    assert!(outcome.stdout.replace("\n  ", " ").contains(says), "{}", outcome.stdout);
}

#[test]
fn applications_reaction_is_one_command_without_waiting() {
    let place = Place::new();
    // The reply means *received* and is 200 ms late: the application does not wait, and the expression shows earlier.
    let line =
        "--paced 5000:500 --bridge embedded:fps=200,received-delay=200ms --turns 2 --reply-tokens 4 --after none";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let turns = case(&run, "before/turns");
    assert_eq!(turns.conditions["settings"]["reaction"], "expression");
    assert_eq!(turns.conditions["applied_by"]["by"], "account");
    for turn in waterfalls(&run, "before/turns") {
        let of = |what: &str| turn[what].as_f64().unwrap();
        assert!(of("visible_ms") < of("ttlt_ms") + 200.0, "the late reply is not included: {turn}");
        let sum: f64 = turn["stages_ms"].as_object().unwrap().values().map(|stage| stage.as_f64().unwrap()).sum();
        assert!((sum - of("visible_ms")).abs() < 1e-6, "{turn}");
    }
    assert_eq!(turns.metric("commands_per_s").unwrap().status, MetricStatus::Unsupported, "one command has no rate");
}

#[test]
fn bridge_without_applied_times_gives_bounds() {
    let place = Place::new();
    let bridge = EmbeddedBridge::start("fps=100".parse().unwrap(), 0).unwrap();
    let line = format!("--paced 5000:500 --bridge {} --turns 2 --reply-tokens 4 --after none", bridge.address());
    let (outcome, run) = measured(&place, &line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let turns = case(&run, "before/turns");
    assert_eq!(turns.metric("visible").unwrap().status, MetricStatus::Unsupported);
    assert_eq!(turns.conditions["applied_by"]["by"], "bounds");
    let frame_ms = turns.conditions["applied_by"]["frame_ms"].as_f64().unwrap();
    for turn in waterfalls(&run, "before/turns") {
        let of = |what: &str| turn[what].as_f64().unwrap();
        assert!((of("visible_latest_ms") - of("told_ms") - frame_ms).abs() < 1e-6, "{turn}");
    }
    assert_eq!(turns.metric("told").unwrap().n, 2);
    let says = run.findings.iter().any(|sentence| sentence.contains("this bridge does not report when"));
    assert!(says, "{:?}", run.findings);
}

#[test]
fn bridge_without_a_measurable_frame_gives_received_times_only() {
    let place = Place::new();
    // No reply of this dialect means *applied*.
    let bridge = EmbeddedBridge::start("dialect=founding,fps=100".parse().unwrap(), 0).unwrap();
    let line = format!(
        "--paced 5000:500 --bridge {} --dialect founding --turns 2 --reply-tokens 4 --after none",
        bridge.address()
    );
    let (outcome, run) = measured(&place, &line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let turns = case(&run, "before/turns");
    assert!(turns.conditions["applied_by"]["frame_ms"].is_null(), "{}", turns.conditions["applied_by"]);
    assert_eq!(turns.metric("visible_latest").unwrap().status, MetricStatus::Unsupported);
    assert_eq!(turns.metric("told").unwrap().n, 2);
    assert!(run.findings.iter().any(|sentence| sentence.contains("is unknown, since no frame")), "{:?}", run.findings);
}

#[test]
fn reactions_with_different_commands_are_not_compared() {
    let place = Place::new();
    let line =
        "--paced 5000:500 --bridge embedded:fps=unpaced --turns 6 --reply-tokens 4 --after app,reaction=pipelined";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for figure in ["reaction", "commands_per_s"] {
        let row = row(&run, figure);
        assert_eq!((&row["before"], &row["after"]), (&"1 command".into(), &"3 commands".into()), "{row}");
        assert_eq!(row["verdict"], "not comparable");
        assert!(case(&run, "after/before").metric(&format!("{figure}_ratio")).is_none());
    }
    assert!(case(&run, "after/before").metric("visible_ratio").is_some());
}

#[test]
fn settings_not_obeyed_are_not_gains() {
    let place = Place::new();
    let quick = "--paced 5000:500 --bridge embedded:fps=unpaced --turns 1 --reply-tokens 2";
    let (_, run) = measured(&place, &format!("{quick} --after app,n_threads=2,react=first-words"));
    let settings = &case(&run, "after/turns").conditions["settings"];
    assert_eq!(settings["not_obeyed"], serde_json::json!(["n_threads", "react"]));
    let says = |run: &Run| run.findings.iter().any(|sentence| sentence.contains("No published version of Workly"));
    assert!(says(&run), "{:?}", run.findings);
    let place = Place::new();
    // The profile `balanced`, which the application obeys.
    let (_, run) = measured(&place, &format!("{quick} --after app,n_gpu_layers=35,n_ctx=2048,n_batch=256"));
    assert!(!says(&run), "{:?}", run.findings);
}

#[cfg(feature = "llama")]
#[test]
fn application_settings_equal_those_read_back() {
    let place = Place::new();
    let line = "--model synth:tiny --bridge embedded:fps=unpaced --turns 2 --reply-tokens 2 --after none";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let settings = &case(&run, "before/turns").conditions["settings"];
    assert_eq!((&settings["flash_attn"], &settings["kv_type"]), (&"off".into(), &"f16".into()));
    assert_eq!((&settings["n_ubatch"], &settings["n_threads"]), (&settings["n_batch"], &6.into()));
    assert_eq!(settings["n_threads_batch"].as_u64(), run.machine.logical_cpus.value().copied());
    for turn in waterfalls(&run, "before/turns") {
        assert_eq!(turn["template"], "the application's own");
    }
}

/// The table's row for that figure.
fn row<'a>(run: &'a Run, figure: &str) -> &'a Value {
    let rows = case(run, "after/before").conditions["comparison"].as_array().unwrap();
    rows.iter().find(|row| row["figure"] == figure).unwrap_or_else(|| panic!("no row {figure}: {rows:?}"))
}

#[test]
fn table_has_every_row_of_the_founding_document() {
    let place = Place::new();
    let line = "--paced 5000:500 --bridge embedded:fps=unpaced --turns 8 --reply-tokens 4 --after app,n_threads=2";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    for figure in ["first_turn_ttlt", "tokens_per_s", "reaction"] {
        let row = row(&run, figure);
        assert!(row["before"].is_f64() && row["after"].is_f64() && row["interval"].is_array(), "{row}");
        assert_eq!(row["pairs"], 8, "{row}");
    }
    let rate = row(&run, "commands_per_s");
    assert_eq!(
        (&rate["before"], &rate["verdict"]),
        (&"1 command".into(), &"unchanged: one command has no rate".into())
    );
    let threads = row(&run, "n_threads");
    let of = |side: &str| threads[side].as_str().unwrap().to_owned();
    assert!(of("before").starts_with("6 / ") && of("after").starts_with("2 / "), "{threads}");
    assert_eq!(of("before")[4..], of("after")[4..], "prompts are processed by all CPUs of the machine");
    assert!(row(&run, "memory_growth")["before"].is_string());
    assert!(outcome.stdout.contains("Before and after") && outcome.stdout.contains("first generation"));
}

#[cfg(feature = "llama")]
#[test]
fn gpu_memory_is_projected_or_unsupported() {
    let place = Place::new();
    let line = "--model synth:tiny --bridge embedded:fps=unpaced --turns 1 --reply-tokens 2 --before app,n_threads=1 --after \
                app,n_threads=1,n_gpu_layers=0";
    let (outcome, run) = measured(&place, line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    if !cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal")) {
        assert_eq!(
            (&row(&run, "vram")["verdict"], &row(&run, "crash_risk")["verdict"]),
            (&"unsupported".into(), &"unsupported".into())
        );
        assert_eq!(case(&run, "before/turns").metric("vram").unwrap().status, MetricStatus::Unsupported);
        let notes = &case(&run, "after/before").notes;
        assert!(notes[2].contains("llama.cpp has no GPU here"), "{notes:?}");
    }
    let place = Place::new();
    let (outcome, run) = measured(&place, &format!("{line} --vram 1MiB --reserve 0.5MiB"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let vram = |side: &str| figure(&run, &format!("{side}/turns"), "vram").unwrap();
    assert!(vram("before") > vram("after"), "before {}, after {}", vram("before"), vram("after"));
    assert_eq!(row(&run, "vram")["verdict"], "less, estimated");
    assert!(row(&run, "crash_risk")["before"].as_str().unwrap().starts_with("high: "), "{}", row(&run, "crash_risk"));
    let notes = &case(&run, "after/before").notes;
    assert!(notes[2].contains("Crash risk is derived from it, not measured"), "{notes:?}");
}

#[test]
fn contention_is_measured_alone_and_together() {
    let place = Place::new();
    let line = "pipeline --paced 5000:300 --bridge embedded:fps=200 --turns 1 --reply-tokens 4 --under-load none --render \
                60:1ms --quiet --out out";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let parts = ["model", "bridge", "model+bridge", "model+render", "bridge+render", "model+bridge+render"];
    for part in parts {
        let case = case(&run, &format!("contention/{part}"));
        for (name, is_there) in [("tokens_per_s", part.contains("model")), ("applied_latency", part.contains("bridge"))]
        {
            assert_eq!(case.metric(name).is_some(), is_there, "{part}");
            assert!(case.metric(name).is_none_or(|metric| metric.n == 6 && metric.value.is_some()), "{part}: {case:?}");
        }
    }
    assert!(run.findings.iter().any(|sentence| sentence.starts_with("Effect of the render load on the model")));
}
