//! Past bugs of what is read from the machine: processes, GPUs, files.

use std::process::{Command, Stdio};

use workly_perf::llm::gguf::TensorType;
use workly_perf::record::{Fact, RecordFolder, RunState};

use crate::gpu::facts;
use crate::harness::run::{Outcome, Place, figure};
use crate::harness::standin_nvml::Driver;
use crate::llm::model_command;
use crate::studies::{doctor, memory_of_process};
use crate::watch::command;

/// A rotated log was lost, and the verdict was *no leak*.
#[cfg(target_os = "linux")]
#[test]
fn leak_is_found_while_the_log_is_rotated() {
    for log in ["rename", "truncate"] {
        let (outcome, run) = memory_of_process::watched_with(("leak", log), 20 << 10, 300);
        assert_eq!(
            (outcome.code, memory_of_process::verdict(&run)),
            (Some(1), "leak"),
            "{log}: {}\n{}",
            outcome.stdout,
            outcome.stderr
        );
        let found = figure(&run, "watched/memory_user", "growth").unwrap();
        // Lines truncated between two readings cannot be counted, so fewer messages seem to leak more each.
        let (low, high) = if log == "rename" { (0.8, 1.25) } else { (0.8, 2.5) };
        assert!((low..high).contains(&(found / f64::from(20 << 10))), "{log}: {found}");
        assert!(run.warnings.iter().any(|warning| warning.contains("messages.log was")), "{log}: {:?}", run.warnings);
    }
}

/// A pipe as the message log blocked the run.
/// A pipe delivers each line to one reader only, and opening it waits for its writer: it is rejected by name, at once.
#[cfg(unix)]
#[test]
fn pipe_as_message_log_is_rejected_by_name() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.path("messages")).status().unwrap().success());
    let own = std::process::id();
    let outcome = place.run(&format!("memory --pid {own} --count-lines messages --for 1s --out out"));
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("messages: it is a pipe") && outcome.stderr.contains("hint"), "{}", outcome.stderr);
    assert!(!place.path("out").exists(), "nothing was measured");
}

/// More free GPU memory than total was recorded.
#[test]
fn inconsistent_memory_figures_are_rejected() {
    let machine = facts::with(Driver::Current, "gpu name=A total=4096\nrow used=100 free=9000");
    let reason = "the driver's figures are inconsistent: 100 MiB used and 9000 MiB free of 4096 MiB";
    assert_eq!(machine.gpus.devices[0].vram_bytes, Fact::Failed(reason.into()));
}

/// A link to itself was reported as a missing configuration.
#[cfg(unix)]
#[test]
fn circular_link_is_not_reported_as_absent() {
    let place = Place::new();
    std::fs::create_dir(place.path("data")).unwrap();
    std::os::unix::fs::symlink("config.json", place.path("data/config.json")).unwrap();
    let (_, found) = doctor::check_up(&place, "");
    let configuration = doctor::check(&found, "configuration");
    assert_eq!(configuration["state"], "problem", "{configuration}");
    assert!(!configuration["found"].as_str().unwrap().contains("no data/config.json"), "{configuration}");
}

/// `watch` ran forever after its terminal was closed.
#[test]
fn watch_ends_when_its_output_is_closed() {
    let place = Place::new();
    let mut command = place.command("watch --plain --quiet --interval 10ms --out out");
    let mut child =
        command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
    drop(reader);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(command::record(&place).state, RunState::Complete);
}

/// A path that is not Unicode removed the plan from the record.
/// A record is Unicode; a path may not be.
#[cfg(target_os = "linux")]
#[test]
fn non_unicode_configuration_path_is_recorded() {
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let config = place.path(".").join(std::ffi::OsStr::from_bytes(b"c\xff.json"));
    std::fs::write(&config, "{}").unwrap();
    let mut command = place.command("ipc --bridge embedded --messages 5 --load closed --sizes 100 --quiet --out out");
    assert!(command.arg("--config").arg(&config).status().unwrap().success());
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert!(run.plan["config"].as_str().is_some_and(|path| path.ends_with("c\u{fffd}.json")), "{}", run.plan);
}

/// Names with line ends broke the lines of `model inspect`.
#[test]
fn names_from_a_file_are_escaped_for_the_terminal() {
    let place = Place::new();
    let sneaky = model_command::header(|header| {
        header.text("general.architecture", "ll\u{1b}[2Jama");
        header.text("general.name", "\u{1b}]0;owned\u{7} and more\r\n");
        header.tensor("\u{1b}[31mred", &[8], TensorType::by_name("F32").unwrap());
    });
    std::fs::write(place.path("sneaky.gguf"), &sneaky).unwrap();
    std::fs::write(place.path("cut.gguf"), &sneaky[..sneaky.len() - 1]).unwrap();
    let is_clean =
        |outcome: &Outcome| !outcome.stdout.contains(['\u{1b}', '\u{7}', '\r']) && !outcome.stderr.contains('\u{1b}');
    let outcome = place.run("model inspect sneaky.gguf");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(is_clean(&outcome) && outcome.stdout.contains("unknown for this architecture"), "{:?}", outcome.stdout);
    let outcome = place.run("model inspect cut.gguf");
    assert!(outcome.code == Some(5) && is_clean(&outcome), "{:?}", outcome.stderr);
}
