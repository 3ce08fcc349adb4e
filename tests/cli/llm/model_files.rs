//! Files that are not exactly one model: parts of a split one, encoders, adapters, recurrent models.

use std::sync::atomic::AtomicBool;

use serde_json::Value;
use workly_perf::llm::ModelFacts;
use workly_perf::plan::model_needs;
use workly_perf::record::{MetricStatus, RecordFolder, Run};

use super::small_models::{Tensor, llama, llama_entries, llama_tensors, mamba, split_llama, write};
use crate::harness::run::{Place, case};

/// Every command that runs a conversation with a model, as short as possible.
pub(super) const COMMANDS: [&str; 7] = [
    "threads --sweep 1 --under-load none --repetitions 1 --prompt-tokens 70 --gen-tokens 2",
    "memory --messages 1 --reply-tokens 2 --threads 1 --n-ctx 256",
    "warmup --study prefix --turns 3 --reply-tokens 2 --threads 1 --n-ctx 512",
    "pipeline --turns 1 --reply-tokens 2 --under-load none --no-contention --bridge embedded --before app,n_ctx=512 \
     --after app,n_ctx=512",
    "gpu-profiles --layers 0 --ctx-size 512 --prompt-tokens 4 --gen-tokens 2 --repetitions 1",
    "gpu-profiles --project --vram 4GiB",
    "recommend --no-measure --vram 0",
];

fn run(place: &Place) -> Run {
    RecordFolder::read(&place.path("out")).unwrap()
}

fn inspect(place: &Place, file: &str) -> Value {
    let outcome = place.run(&format!("model inspect {file} --format json"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn split_model_is_described_and_run_as_one() {
    let place = Place::new();
    split_llama(&place.path(""), "m");
    llama(&place.path("whole.gguf"), 2_048);
    let (split, whole) = (inspect(&place, "m-00001-of-00002.gguf"), inspect(&place, "whole.gguf"));
    for key in ["parameters", "types", "parts", "blocks", "kv_bytes_per_token"] {
        assert_eq!(split[key], whole[key], "{key}");
    }
    let length = |name: &str| std::fs::metadata(place.path(name)).unwrap().len();
    let bytes = length("m-00001-of-00002.gguf") + length("m-00002-of-00002.gguf");
    assert_eq!((&split["file_bytes"], &split["split"]), (&bytes.into(), &serde_json::json!([1, 2])));
    let facts = ModelFacts::read(&place.path("m-00001-of-00002.gguf"), &[]).unwrap();
    let needs = model_needs("m", &place.path("m-00001-of-00002.gguf"), &facts, None, &AtomicBool::new(false)).unwrap();
    assert_eq!(needs.file_bytes, bytes, "the size that a recommendation compares with the machine's memory");
    for command in ["gpu-profiles --project --vram 4GiB", COMMANDS[1]] {
        let place = Place::new();
        split_llama(&place.path(""), "m");
        let outcome = place.run(&format!("{command} --model m-00001-of-00002.gguf --quiet --out out"));
        assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
        assert_eq!(run(&place).subject["model_n_params"], whole["parameters"], "{command}");
        assert_eq!(run(&place).subject["header_hash"], split["header_hash"], "{command}");
    }
}

#[test]
fn every_command_names_the_missing_and_the_first_part() {
    let place = Place::new();
    split_llama(&place.path(""), "m");
    split_llama(&place.path(""), "half");
    std::fs::remove_file(place.path("half-00002-of-00002.gguf")).unwrap();
    let inspect = "model inspect";
    for (file, says) in [
        ("m-00002-of-00002.gguf", "is part 2 of 2 of a split model: name its first part, m-00001-of-00002.gguf"),
        ("half-00001-of-00002.gguf", "part 2 of 2 of the model is missing: there is no half-00002-of-00002.gguf"),
    ] {
        for command in COMMANDS {
            let outcome = place.run(&format!("{command} --model {file} --quiet --out out"));
            assert_eq!(outcome.code, Some(5), "{command}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(says), "{command}: {}", outcome.stderr);
            assert!(!place.path("out").exists(), "{command} started a record");
        }
        let outcome = place.run(&format!("{inspect} {file}"));
        assert!(outcome.code == Some(5) && outcome.stderr.contains(says), "{}", outcome.stderr);
        let doctor = place.run(&format!("doctor --model {file} --format json"));
        let checks: Value = serde_json::from_str(&doctor.stdout).unwrap();
        let model = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "model").unwrap();
        assert_eq!((doctor.code, &model["state"]), (Some(1), &"problem".into()));
        assert!(model["found"].as_str().unwrap().contains(says), "{model}");
    }
}

fn others(place: &Place) {
    let weights: [Tensor; 1] = [("token_embd.weight".into(), vec![32, 2])];
    for (name, architecture, kind) in
        [("encoder", "bert", None), ("lora", "llama", Some("adapter")), ("mmproj", "clip", Some("mmproj"))]
    {
        let entries = |header: &mut workly_perf::llm::gguf::HeaderBuilder| {
            header.text("general.architecture", architecture);
            if let Some(kind) = kind {
                header.text("general.type", kind);
            }
            header.u32(&format!("{architecture}.block_count"), 2);
        };
        write(&place.path(&format!("{name}.gguf")), entries, &weights);
    }
    write(&place.path("vocabulary.gguf"), |header| llama_entries(header, 2_048), &[]);
}

const OTHERS: [(&str, &str, &str); 4] = [
    ("encoder.gguf", "encoder", "is an encoder"),
    ("lora.gguf", "adapter", "is an adapter (LoRA)"),
    ("mmproj.gguf", "projector", "is a projector (mmproj)"),
    ("vocabulary.gguf", "vocabulary", "is a vocabulary without weights"),
];

#[test]
fn non_chat_models_are_rejected_by_every_command() {
    let place = Place::new();
    others(&place);
    for (file, kind, says) in OTHERS {
        let facts = inspect(&place, file);
        assert_eq!(facts["kind"], kind);
        let reason = facts["kv_bytes_per_token"]["not_known"]["reason"].as_str().unwrap();
        assert!(reason.contains(&says["is ".len()..]), "{file} has no KV cache: {reason}");
        assert_eq!(facts["profiles"], serde_json::json!([]));
        for command in COMMANDS {
            let outcome = place.run(&format!("{command} --model {file} --quiet --out out"));
            assert_eq!(outcome.code, Some(5), "{command}: {}", outcome.stderr);
            let told = outcome.stderr.contains(&format!("{file} {says}"));
            assert!(told && outcome.stderr.contains("Workly cannot chat with it"), "{command}: {}", outcome.stderr);
            assert!(!place.path("out").exists(), "{command} started a record");
        }
        let doctor = place.run(&format!("doctor --model {file}"));
        assert!(doctor.code == Some(1) && !doctor.stdout.contains("is sound"), "{}", doctor.stdout);
    }
}

#[test]
fn recurrent_model_is_projected_without_prefix_reuse() {
    let place = Place::new();
    mamba(&place.path("m.gguf"));
    let outcome = place.run("gpu-profiles --project --vram 4GiB --model m.gguf --quiet --out out");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let projected = run(&place);
    let state = |layers: u32| {
        let projection = &case(&projected, &format!("project/ngl={layers}")).conditions["projection"];
        (projection["devices"][0]["bytes"]["context_bytes"].clone(), projection["host"]["context_bytes"].clone())
    };
    // Two blocks, each with a state of 128 × 16 and 3 × 128 numbers of 4 bytes.
    let of_block = (128 * 16 + 3 * 128) * 4;
    assert_eq!(state(0), (0.into(), (2 * of_block).into()));
    assert_eq!(state(3), ((2 * of_block).into(), 0.into()));

    let place = Place::new();
    mamba(&place.path("m.gguf"));
    let outcome = place.run(
        "warmup --study prefix --turns 6 --context-limit 1 --reply-tokens 4 --threads 1 --n-ctx 512 --model m.gguf --quiet --out out",
    );
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = run(&place);
    // When the oldest message is dropped, a prompt shares only the start of the previous one.
    let change = case(&run, "prefix/rolling").metric("change").unwrap();
    assert_eq!((change.value, change.status), (None, MetricStatus::Unsupported));
    assert!(
        run.findings.iter().any(|text| text.contains("nothing of the context could be reused")),
        "{:?}",
        run.findings
    );
    assert!(run.warnings.iter().any(|text| text.contains("the model is recurrent")), "{:?}", run.warnings);
}

#[test]
fn file_rejected_by_llama_cpp_is_rejected_with_the_cause() {
    let place = Place::new();
    let foo = |header: &mut workly_perf::llm::gguf::HeaderBuilder| header.text("general.architecture", "foo");
    write(&place.path("foo.gguf"), foo, &llama_tensors());
    let mut tensors = llama_tensors();
    tensors.retain(|(name, _)| name != "blk.1.ffn_up.weight");
    write(&place.path("lacking.gguf"), |header| llama_entries(header, 2_048), &tensors);
    for (file, cause) in [
        ("foo.gguf", "unknown model architecture: 'foo'"),
        ("lacking.gguf", "gguf: tensor 'blk.1.ffn_up.weight' not found"),
    ] {
        for command in COMMANDS {
            let outcome = place.run(&format!("{command} --model {file} --quiet --out out"));
            assert_eq!(outcome.code, Some(5), "{command}: {}", outcome.stderr);
            let told = outcome.stderr.contains(cause) && !outcome.stderr.contains("failed to load model");
            assert!(told && outcome.stderr.contains(file), "{command}: {}", outcome.stderr);
        }
    }
}

#[test]
fn every_command_warns_of_a_context_beyond_the_trained_one() {
    for command in COMMANDS {
        let place = Place::new();
        llama(&place.path("m.gguf"), 64);
        let outcome = place.run(&format!("{command} --model m.gguf --quiet --out out"));
        assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
        let warnings = run(&place).warnings;
        assert!(warnings.iter().any(|text| text.contains("longer than the 64")), "{command}: {warnings:?}");
    }
}

#[test]
fn contradictory_vocabulary_is_rejected_before_llama_cpp() {
    let place = Place::new();
    let lacking = |header: &mut workly_perf::llm::gguf::HeaderBuilder| {
        header.text("general.architecture", "llama");
        header.text("tokenizer.ggml.model", "llama");
        header.texts("tokenizer.ggml.tokens", ["a", "b", "c"].into_iter());
        header.f32s("tokenizer.ggml.scores", [0.0].into_iter());
    };
    write(&place.path("m.gguf"), lacking, &[("token_embd.weight".into(), vec![32, 3])]);
    let says = "m.gguf: tokenizer.ggml.scores has 1 entries for 3 tokens";
    for command in COMMANDS {
        let outcome = place.run(&format!("{command} --model m.gguf --quiet --out out"));
        assert!(outcome.code == Some(5) && outcome.stderr.contains(says), "{command}: {}", outcome.stderr);
    }
    let inspected = place.run("model inspect m.gguf");
    assert!(inspected.code == Some(0) && inspected.stderr.contains(says), "{}", inspected.stderr);
}
