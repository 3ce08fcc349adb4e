//! `model`: synthetic files that independent readers accept, and headers that need not be trusted.

use std::process::Stdio;

use serde_json::{Value, json};
use workly_perf::llm::gguf::HeaderBuilder;

use crate::harness::python;
use crate::harness::run::Place;

fn inspect(place: &Place, file: &str) -> Value {
    let outcome = place.run(&format!("model inspect {file} --format json"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A header with these entries, and space for its tensors.
pub(crate) fn header(fill: impl FnOnce(&mut HeaderBuilder)) -> Vec<u8> {
    let mut header = HeaderBuilder::new();
    fill(&mut header);
    let (mut bytes, data) = header.finish();
    bytes.resize(bytes.len() + usize::try_from(data).unwrap(), 0);
    bytes
}

#[test]
fn synthetic_model_is_written_inspected_and_not_overwritten() {
    let place = Place::new();
    let written = place.run("model synth tiny");
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert_eq!(written.stdout, "synth-tiny-seed1.gguf\n");
    assert!(written.stderr.contains("synthetic weights"), "{}", written.stderr);
    assert_eq!(names(&place), ["synth-tiny-seed1.gguf"]);
    let first = std::fs::read(place.path("synth-tiny-seed1.gguf")).unwrap();

    let refused = place.run("model synth tiny --seed 2 -o synth-tiny-seed1.gguf");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--force") && refused.stdout.is_empty(), "{}", refused.stderr);
    assert_eq!(std::fs::read(place.path("synth-tiny-seed1.gguf")).unwrap(), first);

    assert_eq!(place.run("model synth tiny --seed 2 -o synth-tiny-seed1.gguf --force --quiet").stderr, "");
    assert_ne!(std::fs::read(place.path("synth-tiny-seed1.gguf")).unwrap(), first);
    assert_eq!(inspect(&place, "synth-tiny-seed1.gguf")["synthetic"]["seed"], 2);
    place.run("model synth tiny -o again.gguf");
    assert_eq!(std::fs::read(place.path("again.gguf")).unwrap(), first, "a seed always gives the same bytes");
}

#[test]
fn inspection_describes_the_model_and_profile_differences() {
    let place = Place::new();
    place.run("model synth tiny -o m.gguf");
    let facts = inspect(&place, "m.gguf");
    assert_eq!(facts["schema"], "1.1");
    assert_eq!(facts["file_bytes"], std::fs::metadata(place.path("m.gguf")).unwrap().len());
    assert_eq!((&facts["blocks"], &facts["offloadable_layers"]), (&json!(4), &json!(5)));
    assert_eq!(facts["quantisation"], "Q8_0");
    // 4 blocks × 2 heads × (64 + 64) values.
    assert_eq!(facts["kv_bytes_per_token"], json!({"known": {"f16": 2_048, "q8_0": 1_088, "q4_0": 576}}));
    assert_eq!(facts["profiles"][1]["name"], "balanced");
    assert_eq!(facts["profiles"][1]["resolved_gpu_layers"], 5);
    assert_eq!(facts["profile_differences"][0]["same_placement"], true);
    assert_eq!(facts["profile_differences"][0]["differ_in"], json!(["n_ctx", "n_batch"]));
    assert_eq!(facts["header_hash"].as_str().unwrap().len(), 16);

    let table = place.run("model inspect m.gguf").stdout;
    for line in [
        "SYNTHETIC WEIGHTS: shape tiny, seed 1",
        "offloadable layers  5",
        "5 (asks for 35)",
        "performance and balanced place the same layers; they differ only in n_ctx, n_batch",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
}

#[test]
fn shapes_are_listed_with_their_sizes() {
    let place = Place::new();
    let table = place.run("model shapes");
    assert_eq!(table.code, Some(0));
    assert!(table.stdout.contains("zephyr-7b") && table.stdout.contains("5.13 GB"), "{}", table.stdout);
    let rows: Value = serde_json::from_str(&place.run("model shapes --format json").stdout).unwrap();
    let demo = rows.as_array().unwrap().iter().find(|row| row["name"] == "demo").unwrap();
    assert_eq!(demo["parameters"], 134_105_856);
}

#[test]
fn unusable_model_arguments_have_their_exit_codes() {
    let place = Place::new();
    place.write("notes.txt", "no model");
    std::fs::write(place.path("empty.gguf"), "").unwrap();
    std::fs::write(place.path("big.gguf"), b"GGUF\0\0\0\x03").unwrap();
    std::fs::write(place.path("adapter.gguf"), header(|header| header.text("general.name", "x"))).unwrap();
    let wrong = header(|header| {
        header.text("general.architecture", "llama");
        header.text("llama.block_count", "many");
    });
    std::fs::write(place.path("wrong.gguf"), wrong).unwrap();
    std::fs::create_dir(place.path("folder")).unwrap();
    for (line, code, named) in [
        ("model", 2, "inspect"),
        ("model inspect", 2, "FILE"),
        ("model synth huge", 2, "zephyr-7b"),
        ("model inspect synth:huge", 2, "zephyr-7b"),
        ("model inspect synth:tiny@x", 2, "not a seed"),
        ("model synth tiny --seed x", 2, "x"),
        ("model synth tiny -o folder", 2, "is a folder"),
        ("model synth tiny -o no/such/m.gguf", 5, "no"),
        ("model inspect no.gguf", 5, "no.gguf"),
        ("model inspect folder", 5, "not a file"),
        ("model inspect notes.txt", 5, "begins with \"no m\""),
        ("model inspect empty.gguf", 5, "truncated: magic number"),
        ("model inspect big.gguf", 5, "big-endian"),
        ("model inspect adapter.gguf", 5, "no architecture"),
        ("model inspect wrong.gguf", 5, "\"llama.block_count\" is a text"),
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named), "{line}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{line}");
    }
}

#[test]
fn missing_weights_name_the_tensor() {
    let place = Place::new();
    place.run("model synth tiny -o m.gguf");
    let whole = std::fs::read(place.path("m.gguf")).unwrap();
    for (length, named) in
        [(whole.len() - 1, "\"output.weight\""), (100_000, "tensor"), (40_000, "truncated"), (7, "version")]
    {
        std::fs::write(place.path("cut.gguf"), &whole[..length]).unwrap();
        let outcome = place.run("model inspect cut.gguf");
        assert_eq!(outcome.code, Some(5), "{length}");
        assert!(outcome.stderr.contains(named) && outcome.stderr.contains("hint:"), "{length}: {}", outcome.stderr);
    }
}

#[test]
fn large_vocabulary_is_counted_but_not_kept() {
    let place = Place::new();
    let tokens: Vec<String> = (0..128_000).map(|at| format!("token {at}")).collect();
    let large = header(|header| {
        header.text("general.architecture", "qwen2");
        header.texts("tokenizer.ggml.tokens", tokens.iter().map(String::as_str));
        header.f32s("tokenizer.ggml.scores", (0..128_000).map(|_| 0.0));
    });
    std::fs::write(place.path("large.gguf"), large).unwrap();
    let facts = inspect(&place, "large.gguf");
    assert_eq!(facts["vocabulary"], 128_000);
    assert_eq!(facts["parameters"], 0);
    assert!(facts["blocks"].is_null());
    let reason = facts["kv_bytes_per_token"]["not_known"]["reason"].as_str().unwrap();
    assert_eq!(reason, "none: this is a vocabulary without weights");
}

#[test]
fn synthetic_models_are_cached_and_concurrent_runs_share_them() {
    let place = Place::new();
    let started = |line: &str| {
        let mut command = place.command(line);
        command.env("WORKLY_PERF_CACHE", place.path("cache")).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let line = "model inspect synth:tiny@4 --format json";
    let racing: Vec<_> = (0..4).map(|_| started(line)).collect();
    let outputs: Vec<_> = racing.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    let makers =
        outputs.iter().filter(|output| String::from_utf8_lossy(&output.stderr).contains("written to the cache"));
    assert!(makers.count() >= 1);
    let entries = std::fs::read_dir(place.path("cache/models")).unwrap();
    let models: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let models: Vec<_> = models
        .iter()
        .filter(|name| std::path::Path::new(name.as_str()).extension().is_none_or(|ending| ending != "lock"))
        .collect();
    assert_eq!(models, ["tiny-seed4-v1.gguf"]);

    let kept = started(line).wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert!(told.contains("in the cache") && told.contains("4.5 MB"), "{told}");
    std::fs::write(place.path("cache/models/tiny-seed4-v1.gguf"), "half").unwrap();
    let mended = started(line).wait_with_output().unwrap();
    assert!(mended.status.success() && String::from_utf8_lossy(&mended.stderr).contains("written to the cache"));
    assert_eq!(mended.stdout, kept.stdout);
}

#[test]
fn python_reads_the_same_model_facts() {
    let place = Place::new();
    place.run("model synth tiny --seed 9 -o m.gguf");
    let found = python::read("read_gguf.py", &place.path("m.gguf"));
    let expected = json!({
        "general.architecture": "llama",
        "general.file_type": 7,
        "llama.block_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.freq_base": 10_000.0,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.add_bos_token": true,
        "workly_perf.synthetic": true,
        "workly_perf.synthetic.seed": 9,
    });
    assert_eq!(found["metadata"], expected);
    assert_eq!(found["tokens"], 2_048);
    assert_eq!(found["first_tokens"], json!(["<unk>", "<s>", "</s>", "<0x00>"]));
    let tensors = found["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), 39);
    for tensor in tensors {
        let (mean, mean_square) = (tensor["mean"].as_f64().unwrap(), tensor["mean_square"].as_f64().unwrap());
        if tensor["type"] == "F32" {
            assert_eq!((mean, mean_square), (1.0, 1.0), "{tensor}");
        } else {
            let row = tensor["shape"][0].as_f64().unwrap();
            assert!((0.9..1.1).contains(&(mean_square * row)) && mean.abs() * row.sqrt() < 0.02, "{tensor}");
        }
    }
}
