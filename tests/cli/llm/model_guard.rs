//! A model file never crashes the program: only a separate trial process may crash. A test double crashes here.

use std::process::Output;

use serde_json::Value;

use super::model_files::COMMANDS;
use super::small_models::llama;
use crate::harness::run::Place;

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn place() -> Place {
    let place = Place::new();
    llama(&place.path("m.gguf"), 4_096);
    place
}

/// Number of trials of the model.
fn trials(place: &Place) -> usize {
    let asked = std::fs::read_to_string(place.path("asked")).unwrap_or_default();
    asked.lines().filter(|line| line.ends_with("model-check")).count()
}

#[test]
fn file_that_crashes_its_loader_is_rejected_by_name() {
    let place = place();
    for command in COMMANDS {
        let line = format!("{command} --model m.gguf --quiet --out out");
        let output = place.command_with_children("\"depth\"", &line).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{command}: {said}");
        for words in ["m.gguf cannot be used", "llama.cpp aborted the process", "standin.cpp:7: it was told to abort"] {
            assert!(said.contains(words), "{command}: {said}");
        }
        assert!(!said.contains("/build/"), "{command}: {said}");
        assert!(!place.path("out").exists(), "{command} started a record");
    }
    let output = place.command_with_children("\"depth\"", "doctor --model m.gguf --format json").output().unwrap();
    let checks: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let model = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "model").unwrap();
    assert_eq!((output.status.code(), &model["state"]), (Some(1), &"problem".into()));
    assert!(model["found"].as_str().unwrap().contains("m.gguf cannot be used"), "{model}");
    assert_eq!(trials(&place), COMMANDS.len() + 1, "a failed trial is not remembered as passed");
}

/// With layers on the GPU its driver is involved, and may crash just like a file.
#[test]
fn trial_uses_the_commands_gpu_layers() {
    let has_backend = cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal"));
    // A build without a GPU backend ignores the number of layers.
    let asks = format!("\"n_gpu_layers\":{}", if has_backend { 7 } else { 0 });
    for line in [
        "threads --gpu-layers 7 --sweep 1",
        "memory --gpu-layers 7",
        "warmup --gpu-layers 7",
        "pipeline --bridge embedded --before app,n_gpu_layers=7 --after none",
    ] {
        let place = place();
        let line = format!("{line} --model m.gguf --quiet --out out");
        let output = place.command_with_children(&asks, &line).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{line}: {said}");
        assert!(said.contains("llama.cpp aborted the process"), "{line}: {said}");
        assert_eq!(said.contains("m.gguf cannot be used with 7 layers on the GPU"), has_backend, "{line}: {said}");
    }
}

#[test]
fn passed_trial_is_remembered_until_the_file_changes() {
    let place = place();
    let project = || -> Output {
        let line = "gpu-profiles --project --vram 4GiB --model m.gguf --quiet --out out";
        let output = place.command_with_children("", line).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        std::fs::remove_dir_all(place.path("out")).unwrap();
        output
    };
    project();
    project();
    assert_eq!(trials(&place), 1);
    let line = format!("{} --model m.gguf --quiet --out out", COMMANDS[1]);
    for _ in 0..2 {
        assert!(place.command_with_children("", &line).status().unwrap().success());
        std::fs::remove_dir_all(place.path("out")).unwrap();
    }
    assert_eq!(trials(&place), 2, "computing needs a deeper trial");
    let bytes = std::fs::read(place.path("m.gguf")).unwrap();
    std::fs::remove_file(place.path("m.gguf")).unwrap();
    std::fs::write(place.path("m.gguf"), bytes).unwrap();
    project();
    assert_eq!(trials(&place), 3, "another file of that name");
}

/// A command whose trial hangs, once it has started, and the ID of the hanging process.
#[cfg(unix)]
fn hanging(place: &Place) -> (std::process::Child, String) {
    let line = format!("{} --model m.gguf --quiet --out out", COMMANDS[0]);
    let mut command = place.command_with_children("", &line);
    command.env("STANDIN_HANGS_ON", "\"depth\"").stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while trials(place) == 0 {
        assert!(std::time::Instant::now() < until, "no trial started");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let asked = std::fs::read_to_string(place.path("asked")).unwrap();
    (child, asked.split_whitespace().next().unwrap().to_owned())
}

#[cfg(unix)]
fn signal(name: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([name, pid]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_hanging_trial() {
    let place = place();
    let (child, _) = hanging(&place);
    signal("-INT", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(!place.path("out").exists());
}

#[cfg(unix)]
#[test]
fn trial_ended_by_memory_or_cpu_is_not_a_fault_of_the_file() {
    let ends = [
        ("-KILL", 4, "as the system does when memory runs out"),
        ("-ILL", 3, "this CPU cannot execute an instruction"),
    ];
    for (name, code, reason) in ends {
        let place = place();
        let (child, pid) = hanging(&place);
        signal(name, &pid);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains(reason) && said.contains("m.gguf") && !said.contains("shows the file's header"),
            "{said}"
        );
        assert!(!place.path("out").exists());
    }
}

#[test]
fn own_synthetic_models_need_no_trial() {
    let place = Place::new();
    let line = "gpu-profiles --project --vram 4GiB --model synth:tiny --quiet --out out";
    assert!(place.command_with_children("\"depth\"", line).status().unwrap().success());
    assert_eq!(trials(&place), 0);
}
