//! `memory` on synthetic models: the life cycle's steps, their projections, and the verdict.

use workly_perf::llm::gguf::Gguf;
use workly_perf::llm::{ModelOutline, ModelRef};
use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState, Timeline};

use crate::harness::run::{Place, case, figure};

/// A folder with a model that answers in milliseconds.
fn run(place: &Place) -> Run {
    RecordFolder::read(&place.path("out")).unwrap()
}

#[test]
fn steps_have_memory_figures_and_the_conversation_a_verdict() {
    let place = Place::with_tiny_model();
    let line = "memory --model tiny.gguf --messages 40 --reply-tokens 4 --threads 1 --n-ctx 512 --quiet --out out";
    let outcome = place.run(line);
    // Forty messages of a model of a few megabytes may be too few for a verdict; but they are not a leak.
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let run = run(&place);
    assert_eq!(run.state, RunState::Complete);
    assert_eq!(run.simulated[0].what, "synthetic weights");
    let paths: Vec<&str> = run.cases.iter().map(|case| case.path.as_str()).collect();
    let steps = ["1-start", "2-backend", "3-model", "4-context", "5-first-reply", "6-second-reply"]
        .map(|step| format!("step/{step}"));
    assert_eq!(paths[..6], steps);
    assert_eq!(paths[6..], ["conversation"]);
    let conversation = case(&run, "conversation");
    assert_eq!(conversation.state, CaseState::Ok);
    assert_ne!(conversation.conditions["leak"]["verdict"], "leak");
    assert_eq!(conversation.conditions["template"], "zephyr");
    let timeline = Timeline::of(conversation).unwrap();
    assert_eq!((timeline.at.len(), timeline.along.as_str()), (40, "message"));
    let prompts = &timeline.series.iter().find(|series| series.name == "prompt").unwrap().values;
    // Ten exchanges are kept besides the question, so the eleventh prompt is longer than all before it. From the
    // twelfth on, the oldest exchange is dropped, and the same five messages with replies of equal length repeat.
    assert!((0..10).all(|turn| prompts[turn] < prompts[turn + 1]), "{prompts:?}");
    let most = prompts[11..].iter().flatten().fold(0.0_f64, |most, prompt| most.max(*prompt));
    assert!(most < prompts[10].unwrap() * 1.2, "{prompts:?}");
    #[cfg(target_os = "linux")]
    {
        assert!(figure(&run, "step/4-context", "projected").unwrap() > 0.0);
        assert!(figure(&run, "step/6-second-reply", "anonymous").unwrap() > 0.0);
        assert!(
            figure(&run, "step/3-model", "file_backed").unwrap()
                > figure(&run, "step/2-backend", "file_backed").unwrap()
        );
        assert!(outcome.stdout.contains("Over time") && outcome.stdout.contains('▁'), "{}", outcome.stdout);
        let page = place.run("report out --format html").stdout;
        assert!(page.contains("anonymous of conversation over 40 points"), "{page}");
    }
}

/// The weights and KV cache projected by llama.cpp match the process's memory: mapped weights are file-backed, read
/// ones anonymous. Buffers stay within their reservation.
#[cfg(target_os = "linux")]
#[test]
fn projection_matches_measured_memory_of_the_demo_model() {
    let place = Place::new();
    for mapped in ["", "--no-mmap"] {
        let out = format!("out{mapped}");
        let line =
            format!("memory --model synth:demo --messages 1 --reply-tokens 1 --threads 1 --quiet --out {out} {mapped}");
        let outcome = place.run(&line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let run = RecordFolder::read(&place.path(&out)).unwrap();
        let of = |step: &str, name: &str| figure(&run, &format!("step/{step}"), name).unwrap();
        let taken = |step: &str| of(step, "anonymous") + of(step, "file_backed");
        let expected = &run.subject["expected"];
        let foreseen: f64 =
            ["mapped_bytes", "weights_bytes", "kv_bytes"].map(|part| expected[part].as_f64().unwrap()).iter().sum();
        let ratio = (taken("4-context") - taken("2-backend")) / foreseen;
        assert!((0.95..=1.05).contains(&ratio), "{mapped}: {ratio}, {expected}");
        assert_eq!(expected["mapped_bytes"].as_u64() == Some(0), mapped == "--no-mmap", "{expected}");
        let buffers = of("5-first-reply", "anonymous") - of("4-context", "anonymous");
        assert!(buffers > 0.0 && buffers < expected["compute_bytes"].as_f64().unwrap(), "{buffers}, {expected}");
        // The KV cache is touched completely at once.
        let touched = of("4-context", "anonymous") - of("3-model", "anonymous");
        assert!((touched / expected["kv_bytes"].as_f64().unwrap() - 1.0).abs() < 0.05, "{touched}, {expected}");
    }
}

/// Weights repacked for the CPU are anonymous memory, in addition to the mapped file's pages, and a lock holds only those.
#[cfg(target_os = "linux")]
#[test]
fn repacked_weights_are_counted_as_anonymous_memory() {
    let place = Place::new();
    let outline = ModelOutline::of(&"synth:demo-q4".parse::<ModelRef>().unwrap()).unwrap();
    let tensors = Gguf::open(outline.path()).unwrap().tensors;
    let largest = tensors.iter().map(|tensor| tensor.bytes).max().unwrap() as f64;
    for how in ["", "--mlock", "--no-mmap"] {
        let is_mapped = how != "--no-mmap";
        let out = format!("out{how}");
        let line = format!(
            "memory --model synth:demo-q4 --messages 1 --reply-tokens 1 --threads 1 --n-ctx 256 --quiet --out {out} {how}"
        );
        let outcome = place.run(&line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let run = RecordFolder::read(&place.path(&out)).unwrap();
        let expected = |name: &str| run.subject["expected"][name].as_f64().unwrap();
        let of = |step: &str, name: &str| figure(&run, &format!("step/{step}"), name).unwrap();
        // llama.cpp decides what is repacked on this CPU; if nothing is, all weights stay file-backed.
        let is_repacked = expected("repacked_bytes") > 0.0;
        let said = run.findings.iter().any(|text| text.contains("repacked for this CPU"));
        assert_eq!(said, is_repacked, "{:?}", run.findings);
        let lock = &run.subject["memory_lock"];
        let is_partly_locked = lock["state"] == "partly_locked";
        match lock["state"].as_str() {
            Some("not_requested") => assert_ne!(how, "--mlock", "{lock}"),
            Some("failed") => assert!(lock["reason"].is_string() && how == "--mlock", "{lock}"),
            state => assert_eq!(state, Some(if is_repacked { "partly_locked" } else { "locked" }), "{lock}"),
        }
        assert_eq!(lock["unlocked_bytes"].as_f64(), is_partly_locked.then(|| expected("repacked_bytes")));
        assert_eq!(run.warnings.iter().any(|text| text.contains("does not lock the copy")), is_partly_locked);
        assert_eq!(run.findings.iter().any(|text| text.contains("the lock keeps the file's pages")), is_partly_locked);
        // Without a mapping, a tensor is read before it is repacked, and the allocator may keep the pages of the largest one. It is among
        // them if the rest is too small to have it.
        let has_largest = expected("weights_bytes") - expected("repacked_bytes") < largest;
        let kept = if has_largest && !is_mapped { largest } else { 0.0 };
        if is_repacked {
            let own = of("3-model", "anonymous") - of("2-backend", "anonymous");
            // The vocabulary is anonymous memory, too, and takes some MiB.
            let beside = own - expected("weights_bytes");
            assert!((-2e6..=16e6 + kept).contains(&beside), "{how}: {beside}, {}", run.subject["expected"]);
            assert!(expected("weights_bytes") >= expected("repacked_bytes"), "{}", run.subject["expected"]);
        }
        assert_eq!(expected("mapped_bytes") > 0.0, is_mapped, "{}", run.subject["expected"]);
        let held = |step: &str| of(step, "anonymous") + of(step, "file_backed");
        let taken = held("4-context") - held("2-backend");
        let foreseen = expected("weights_bytes") + expected("mapped_bytes") + expected("kv_bytes");
        let possible = 0.9 * foreseen..=1.15 * foreseen + kept;
        assert!(possible.contains(&taken), "{how}: {taken}, {}", run.subject["expected"]);
    }
}

#[test]
fn users_conversation_is_used_and_an_invalid_one_named() {
    let place = Place::with_tiny_model();
    place.write("said.txt", "system: Sois bref.\nBonjour\nÇa va ?\n");
    place.write("empty.txt", "\n\n");
    let brief = "memory --model tiny.gguf --messages 2 --reply-tokens 2 --threads 1 --n-ctx 256 --quiet --out out";
    let outcome = place.run(&format!("{brief} --conversation said.txt"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = run(&place);
    assert_eq!(run.plan["script"]["system"], "Sois bref.");
    assert!(run.findings[0].starts_with("Inconclusive: the run is too short"), "{:?}", run.findings);
    assert!(run.findings[0].contains("messages more would be enough"), "{:?}", run.findings);
    for (file, says) in [("empty.txt", "no message"), ("gone.txt", "cannot read the conversation")] {
        let outcome = place.run(&format!("memory --model tiny.gguf --conversation {file}"));
        assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(says) && outcome.stderr.contains("hint"), "{}", outcome.stderr);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_messages_so_far() {
    let place = Place::with_tiny_model();
    let line = "memory --model tiny.gguf --messages 100000 --reply-tokens 2 --threads 1 --n-ctx 256 --quiet --out out";
    let run = place.interrupted_once(line, |run| run.cases.len() == 7);
    assert_eq!(case(&run, "conversation").state, CaseState::Interrupted);
    assert!(Timeline::of(case(&run, "conversation")).is_some());
}

#[test]
fn gpu_memory_is_recorded_per_step_on_request() {
    use crate::harness::standin_nvml::Driver;

    let place = Place::with_tiny_model();
    let line =
        "memory --model tiny.gguf --messages 6 --reply-tokens 2 --threads 1 --n-ctx 256 --vram --quiet --out out";
    // The driver does not list this process, and the GPU fills up from reading to reading.
    let script =
        "gpu name=Card total=4096\nrow used=100\nrow used=100\nrow used=200\nrow used=300\nprocess pid=1 used=7";
    let output = place.command_with_gpu(Driver::Current, script, line).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = run(&place);
    for step in ["1-start", "2-backend", "3-model", "4-context", "5-first-reply", "6-second-reply"] {
        let whole = figure(&told, &format!("step/{step}"), "vram_whole_gpu").unwrap() / 1_048_576.0;
        assert!([100.0, 200.0, 300.0].contains(&whole), "{step}: {whole}");
    }
    for case in &told.cases {
        let process = case.metric("vram_process").unwrap();
        assert_eq!((process.value, process.status), (None, MetricStatus::NotMeasured), "{}", case.path);
    }
    assert_eq!(figure(&told, "conversation", "vram_whole_gpu_max"), Some(300.0 * 1_048_576.0));
    let without = place.run(&line.replace(" --vram", "").replace("--out out", "--out plain"));
    assert_eq!(without.code, Some(0), "{}", without.stderr);
    let plain = RecordFolder::read(&place.path("plain")).unwrap();
    assert!(plain.cases.iter().all(|case| case.metric("vram_process").is_none()), "nobody asked");
}
