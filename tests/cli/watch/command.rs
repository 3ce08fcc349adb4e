//! `watch` with a test double of the driver, and without any: the processes it finds, its output, and its end.

use std::process::{Command, Output, Stdio};

use workly_perf::record::{Case, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place, figure};
use crate::harness::standin_nvml::Driver;

/// Rules that decide at every sample and change state at once, with the gap of the steady rules.
pub(crate) fn rules(decide_every_s: &str, stay_s: &str) -> String {
    include_str!("../../../profiles/watch/steady.toml")
        .replace("name = \"steady\"", "name = \"quick\"")
        .replace("decide_every_s = 5.0", &format!("decide_every_s = {decide_every_s}"))
        .replace("stay_s = 15.0", &format!("stay_s = {stay_s}"))
}

/// The same, with all memory thresholds multiplied.
#[cfg(feature = "vulkan")]
pub(crate) fn scaled_rules(decide_every_s: &str, stay_s: &str, by: f64) -> String {
    let scaled = |line: &str| match line.split_once(" = ") {
        Some((name, percent)) if name.ends_with("_percent") && !name.starts_with("use_") => {
            format!("{name} = {:?}", by * percent.parse::<f64>().unwrap())
        }
        _ => line.to_owned(),
    };
    rules(decide_every_s, stay_s).lines().map(scaled).collect::<Vec<_>>().join("\n")
}

/// Runs the command to its end.
fn outcome(mut command: Command) -> Outcome {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

pub(crate) fn with_gpu(place: &Place, driver: Driver, script: &str, line: &str) -> Outcome {
    outcome(place.command_with_gpu(driver, script, line))
}

fn without_gpu(place: &Place, line: &str) -> Outcome {
    let mut command = place.command(line);
    command.env("WORKLY_PERF_NVML", "none");
    outcome(command)
}

pub(crate) fn record(place: &Place) -> Run {
    RecordFolder::read(&place.path("out")).unwrap()
}

/// `kind subject from to` of each event of these kinds, as in `events.csv`.
pub(crate) fn events(place: &Place, kinds: &[&str]) -> Vec<String> {
    let mut reader = csv::Reader::from_path(place.path("out/events.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap).filter(|row| kinds.contains(&&row[2]));
    rows.map(|row| format!("{} {} {} {}", &row[2], &row[3], &row[4], &row[5]).trim_end().to_owned()).collect()
}

/// A GPU of 1000 MiB and its readings: used memory in MiB (tenths of a percent) and utilisation in percent. The initial
/// survey takes the first.
pub(crate) fn card(looks: &[(u32, u32)]) -> String {
    let rows = looks.iter().map(|(full, busy)| format!("row used={full} use={busy} temp=50 power=30000"));
    let first = "gpu name=Card total=1000 limit=60000\nrow used=100 use=1".to_owned();
    [first].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

pub(crate) const LOOKS: &str = "watch --plain --quiet --interval 20ms --rules rules.toml --out out";

#[test]
fn processes_are_found_with_their_memory() {
    let place = Place::new();
    let mut child = sleeper();
    let (pid, own) = (child.id(), std::process::id());
    let script = format!(
        "gpu name=Card total=4096\nprocess pid={pid} used=512\nprocess pid={own} used=none\nrow used=1000 use=5"
    );
    let line = format!("watch --once --format json --process {pid} --process {own}");
    let look = with_gpu(&place, Driver::Current, &script, &line);
    let look: serde_json::Value = serde_json::from_str(&look.stdout).unwrap();
    let process =
        |pid: u32| look["processes"].as_array().unwrap().iter().find(|process| process["pid"] == pid).unwrap();
    assert_eq!(process(pid)["vram_bytes"], 512 << 20);
    assert_eq!(process(own)["vram_bytes"]["missing"], "unsupported", "as on Windows");
    assert!(process(pid)["threads"].as_u64().unwrap() >= 1);
    assert_eq!(process(pid)["cpu_percent"]["missing"], "not measured");

    let line = format!("watch --plain --quiet --interval 20ms --for 60ms --out out --process {pid}");
    assert_eq!(with_gpu(&place, Driver::Current, &script, &line).code, Some(0));
    let run = record(&place);
    let is_vram = |case: &&Case| case.path.ends_with(&format!("-{pid}/vram"));
    let vram = run.cases.iter().find(is_vram).unwrap();
    assert_eq!(vram.metric("max").unwrap().value, Some(f64::from(512 << 20)));
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = without_gpu(&place, &format!("watch --once --process {pid}"));
    assert_eq!(gone.code, Some(3), "{}", gone.stderr);
    assert!(gone.stderr.contains(&format!("there is no process '{pid}'")), "{}", gone.stderr);
}

/// A sleeping process.
fn sleeper() -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workly-perf"));
    command.args(["bridge", "--port", "0", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn ambiguous_process_name_lists_the_choices() {
    let mut both = [sleeper(), sleeper()];
    let place = Place::new();
    let outcome = without_gpu(&place, "watch --once --process workly-perf");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    for child in &mut both {
        assert!(outcome.stderr.contains(&child.id().to_string()), "{}", outcome.stderr);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(outcome.stderr.contains("hint: choose one of them by its ID"), "{}", outcome.stderr);
}

#[test]
fn missing_gpu_is_reported_and_the_rest_watched() {
    let place = Place::new();
    let outcome = without_gpu(&place, "watch --plain --interval 20ms --for 60ms --out out");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: no GPU is available"), "{}", outcome.stderr);
    assert!(outcome.stdout.lines().all(|line| line.contains("machine") && !line.contains("gpu")), "{}", outcome.stdout);
    let run = record(&place);
    assert_eq!(run.findings, ["No GPU is available: only the processes and the machine were watched."]);
    assert!(figure(&run, "machine/ram", "mean").unwrap() > 0.0);
    assert!(run.cases.iter().all(|case| !case.path.starts_with("gpu")));
    assert!(without_gpu(&place, "watch --once").stdout.starts_with("No GPU is available"));
    for line in ["watch --require-gpu", "watch --once --require-gpu", "watch --gpu 0 --for 1ms"] {
        let outcome = without_gpu(&place, line);
        assert_eq!(outcome.code, Some(3), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint"), "{line}: {}", outcome.stderr);
    }
    assert!(!place.path("results").exists(), "nothing was watched");
}

#[test]
fn invalid_watch_arguments_are_named() {
    let place = Place::new();
    place.write("there.csv", "precious");
    place.write("bad.toml", "name = 'bad'");
    for (line, code, says) in [
        ("watch --saturate 100%", 2, "outside of 1% to 98%"),
        ("watch --once --for 2s", 2, "cannot be used with"),
        ("watch --format json", 2, "--once"),
        ("watch --gpu card --once", 2, "no GPU such as 0"),
        ("watch --for 1ms --csv there.csv", 2, "cannot write there.csv"),
        ("watch --once --rules nothing", 2, "cannot read the watch rules nothing"),
        ("watch --once --rules bad.toml", 5, "not valid watch rules"),
        ("watch --apply --for 1ms", 5, "config.json"),
    ] {
        let outcome = without_gpu(&place, line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
    }
    assert_eq!(std::fs::read_to_string(place.path("there.csv")).unwrap(), "precious");
}

#[test]
fn only_a_new_state_is_written_to_the_configuration() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "0.0"));
    place.write(
        "data/config.json",
        "{\n    \"ai\": {\n        \"gpu_profile\": \"performance\",\n        \"top_p\": 0.9\n    }\n}\n",
    );
    let script = card(&[(500, 10), (760, 90), (950, 90)]);
    let outcome = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 1500ms --apply"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let config = std::fs::read_to_string(place.path("data/config.json")).unwrap();
    assert_eq!(
        config,
        "{\n    \"ai\": {\n        \"gpu_profile\": \"cpu_fallback\",\n        \"top_p\": 0.9\n    }\n}\n"
    );
    // The first state needs the profile that is already configured.
    assert_eq!(events(&place, &["applied", "not_applied"]), ["applied gpu0", "applied gpu0"]);
    assert_eq!(record(&place).plan["applies"], true);
}

#[cfg(unix)]
#[test]
fn ctrl_c_completes_an_open_ended_watch_and_interrupts_a_timed_one() {
    for (line, code, state) in [("", 0, RunState::Complete), ("--for 1h", 130, RunState::Interrupted)] {
        let place = Place::new();
        let mut command = place.command(&format!("watch --plain --interval 10ms --out out {line}"));
        let mut child =
            command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
        crate::harness::signal::interrupt(child.id());
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{line}");
        let run = record(&place);
        assert_eq!(run.state, state);
        assert!(figure(&run, "machine/ram", "mean").is_some());
    }
}

#[cfg(all(feature = "llama", target_os = "linux"))]
mod saturation {
    use std::time::Duration;

    use workly_perf::host::ProcessMemory;

    use super::*;

    const FILL: &str =
        "watch --plain --interval 50ms --rules rules.toml --out out --device CPU --card 256MiB --saturate 90%";

    /// Starts it, and waits until the memory is allocated, as seen from outside in anonymous memory.
    fn filled(place: &Place, line: &str) -> (std::process::Child, u64) {
        place.write("rules.toml", &rules("0.1", "0.2"));
        let mut command = place.command(&format!("{FILL} {line}"));
        command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut most = 0;
        while most <= 230 << 20 {
            let memory = ProcessMemory::of(child.id()).expect("it continues until it has held its memory");
            most = most.max(memory.anonymous_bytes.value().copied().unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        (child, most)
    }

    #[test]
    fn simulated_gpu_is_filled_and_freed() {
        let place = Place::new();
        let (child, most) = filled(&place, "--for 400ms");
        assert!(most < 300 << 20, "90 % of 256 MiB and the program itself: {most}");
        let pid = child.id();
        let mut least = most;
        while let Ok(memory) = ProcessMemory::of(pid) {
            least = memory.anonymous_bytes.value().map_or(least, |bytes| least.min(*bytes));
            if least < 100 << 20 {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(least < 100 << 20, "freed while the program continued: {least}");
        let happened = events(&place, &["state", "alarm", "alarm_over", "full", "freed"]);
        assert_eq!(
            happened,
            [
                "state card  optimal",
                "full card",
                "alarm card",
                "state card optimal overloaded",
                "freed card",
                "alarm_over card",
                "state card overloaded optimal"
            ]
        );
        let run = record(&place);
        assert_eq!((run.state, run.simulated[0].what.as_str()), (RunState::Complete, "card"));
        let most = figure(&run, "card/vram", "max").unwrap();
        assert!(most <= 0.9 * f64::from(256 << 20) && most > 0.89 * f64::from(256 << 20), "{most}");
        assert!(run.findings[1].contains("overloaded, for which the profile is cpu_fallback"), "{:?}", run.findings);
        assert!(run.findings[2].contains("optimal again, for which the profile is performance"), "{:?}", run.findings);
    }

    #[test]
    fn ctrl_c_frees_the_simulated_gpu() {
        let place = Place::new();
        let (child, _) = filled(&place, "--for 1h");
        place.interrupted(child);
    }

    #[test]
    fn devices_that_cannot_be_filled_are_named() {
        let place = Place::new();
        for (line, code, says) in [
            ("--saturate 90%", 3, "no GPU to fill"),
            ("--saturate 90% --device Vulkan9", 3, "ggml has no device Vulkan9"),
            ("--saturate 90% --device CPU --card 1024GiB", 3, "more than half"),
        ] {
            let outcome = without_gpu(&place, &format!("watch {line}"));
            assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
        }
        let mut command = place.command("watch --saturate 90% --device CPU --card 16MiB");
        command.env("GGML_CUDA_ENABLE_UNIFIED_MEMORY", "1");
        let managed = outcome(command);
        assert_eq!(managed.code, Some(2), "{}", managed.stderr);
        assert!(managed.stderr.contains("can move to main memory"), "{}", managed.stderr);
    }
}
