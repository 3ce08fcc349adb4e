//! `watch` with a driver that stands in, and without any: what it says, keeps, and ends with.

use std::process::{Command, Output, Stdio};

use workly_perf::record::{Case, CaseState, MetricStatus, RecordFolder, Run, RunState};

use super::run::{Outcome, Place, case, figure};
use super::standin_nvml::Driver;

/// Rules that decide at every look and keep no state longer than it holds, but with the gap of the steady ones.
fn rules(decide_every_s: &str, stay_s: &str) -> String {
    include_str!("../../profiles/watch/steady.toml")
        .replace("name = \"steady\"", "name = \"quick\"")
        .replace("decide_every_s = 5.0", &format!("decide_every_s = {decide_every_s}"))
        .replace("stay_s = 15.0", &format!("stay_s = {stay_s}"))
}

/// The same, with all shares of the card multiplied.
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

/// Runs to its end.
fn outcome(mut command: Command) -> Outcome {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn with_gpu(place: &Place, driver: Driver, script: &str, line: &str) -> Outcome {
    outcome(place.command_with_gpu(driver, script, line))
}

fn without_gpu(place: &Place, line: &str) -> Outcome {
    let mut command = place.command(line);
    command.env("WORKLY_PERF_NVML", "none");
    outcome(command)
}

fn record(place: &Place) -> Run {
    RecordFolder::read(&place.path("out")).unwrap()
}

/// `kind subject from to` of each event of those kinds, as `events.csv` has them.
pub(crate) fn events(place: &Place, kinds: &[&str]) -> Vec<String> {
    let mut reader = csv::Reader::from_path(place.path("out/events.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap).filter(|row| kinds.contains(&&row[2]));
    rows.map(|row| format!("{} {} {} {}", &row[2], &row[3], &row[4], &row[5]).trim_end().to_owned()).collect()
}

/// A card of 1000 MiB and what the looks find: memory that is not free in MiB (tenths of a percent) and use in percent. The
/// survey at the start takes the first.
fn card(looks: &[(u32, u32)]) -> String {
    let rows = looks.iter().map(|(full, busy)| format!("row used={full} use={busy} temp=50 power=30000"));
    let first = "gpu name=Card total=1000 limit=60000\nrow used=100 use=1".to_owned();
    [first].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

const LOOKS: &str = "watch --plain --quiet --interval 20ms --rules rules.toml --out out";

#[test]
fn every_line_is_crossed_with_its_gap() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "0.0"));
    let script = card(&[
        (599, 59), // both below 60: optimal
        (650, 90), // between the lines
        (750, 95), // at the line, not above
        (751, 95), // above 75 and 80: stressed
        (740, 95), // below the line and not below 60
        (700, 30),
        (860, 30), // above 85: the alarm
        (895, 30), // at 89.5
        (896, 30), // overloaded
        (870, 95), // above 85: held
        (851, 95), // held still
        (850, 95), // stressed
        (801, 95), // the alarm is not over yet
        (800, 95), // at 80: over
        (590, 60), // calm memory, but the use is at 60
        (590, 59), // optimal
        (990, 99), // overloaded
        (100, 1),  // optimal: there is no time to stay in these rules
    ]);
    let run = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 4s"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        events(&place, &["state", "alarm", "alarm_over"]),
        [
            "state gpu0  optimal",
            "state gpu0 optimal stressed",
            "alarm gpu0",
            "state gpu0 stressed overloaded",
            "state gpu0 overloaded stressed",
            "alarm_over gpu0",
            "state gpu0 stressed optimal",
            "alarm gpu0",
            "state gpu0 optimal overloaded",
            "alarm_over gpu0",
            "state gpu0 overloaded optimal",
        ]
    );
    let text = std::fs::read_to_string(place.path("out/events.csv")).unwrap();
    assert!(text.contains("optimal → stressed: 75 % full, 95 % busy: balanced"), "{text}");
    assert!(text.contains("close programs") && text.contains("smaller model") && text.contains("balanced"), "{text}");
    let run = record(&place);
    assert_eq!((figure(&run, "gpu0/state", "changes"), figure(&run, "gpu0/state", "alarms")), (Some(7.0), Some(2.0)));
    assert!(run.findings.iter().any(|finding| finding.contains("overloaded for")), "{:?}", run.findings);
}

#[test]
fn a_better_state_waits_and_a_worse_one_does_not() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "3600.0"));
    let script = card(&[(500, 10), (760, 90), (950, 90), (500, 10)]);
    let run = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 1500ms"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let expected = ["state gpu0  optimal", "state gpu0 optimal stressed", "state gpu0 stressed overloaded"];
    assert_eq!(events(&place, &["state"]), expected);
}

#[test]
fn cards_of_every_size_are_read_and_the_largest_is_chosen() {
    for (mib, gib) in [(4096_u64, "4.00"), (6144, "6.00"), (8192, "8.00"), (12288, "12.00"), (24576, "24.00")] {
        let place = Place::new();
        let script = format!(
            "gpu name=Small total=2048\nrow used=1 use=1\ngpu name=Card total={mib}\nrow used=1024 reserved=256 use=7"
        );
        let run = with_gpu(&place, Driver::Current, &script, "watch --once --format json");
        let look: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let reading = &look["gpus"][1]["reading"];
        assert_eq!(reading["vram_total_bytes"], mib << 20);
        assert_eq!(reading["vram_free_bytes"], (mib - 1280) << 20);
        assert_eq!((&reading["vram_reserved_bytes"], &reading["use_percent"]), (&(256 << 20).into(), &7.into()));
        let full = look["gpus"][1]["vram_percent"].as_f64().unwrap();
        assert!((full - 100.0 * 1280.0 / mib as f64).abs() < 1e-9, "what the driver keeps is not free: {full}");
        let text = with_gpu(&place, Driver::Current, &script, "watch --once").stdout;
        assert!(text.contains(&format!("of {gib} GiB, 256 MiB kept by the driver")), "{text}");
        let line = with_gpu(&place, Driver::Current, &script, "watch --plain --for 1ms --out out").stdout;
        assert!(line.contains("gpu1") && line.contains("no state yet") || line.contains("optimal"), "{line}");
        assert_eq!(record(&place).subject["state_of"], "gpu1");
    }
}

/// Every number of a JSON value.
fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Number(number) => vec![number.as_f64().unwrap()],
        serde_json::Value::Array(items) => items.iter().flat_map(numbers).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn nothing_is_reported_as_0_that_was_not_read() {
    let place = Place::new();
    // A card that tells its memory and nothing else, and one whose calls fail.
    let script = "gpu name=Dumb total=4096\nrow used=1024 fail=processes:3\n\
                  gpu name=Broken total=8192\nrow used=1024 use=5 temp=40 fail=use:999,temperature:15,processes:4";
    let look = with_gpu(&place, Driver::Current, script, "watch --once --format json");
    let look: serde_json::Value = serde_json::from_str(&look.stdout).unwrap();
    for gpu in look["gpus"].as_array().unwrap() {
        let mut reading = gpu["reading"].clone();
        assert_eq!(reading["vram_reserved_bytes"], 0, "that was read: the driver keeps nothing");
        reading["vram_reserved_bytes"] = serde_json::Value::Null;
        assert!(numbers(&reading).iter().all(|number| *number > 0.0), "{reading}");
    }
    assert_eq!(look["gpus"][0]["reading"]["use_percent"]["missing"], "unsupported");
    assert_eq!(look["gpus"][1]["reading"]["use_percent"]["reason"], "an internal driver error occurred");

    let line = "watch --plain --quiet --interval 20ms --for 100ms --csv log.csv --out out";
    let run = with_gpu(&place, Driver::Current, script, line);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("– busy, –, power –"), "{}", run.stdout);
    let run = record(&place);
    for (path, status) in [("gpu0/use", MetricStatus::Unsupported), ("gpu1/temperature", MetricStatus::Invalid)] {
        let case = case(&run, path);
        assert!(case.metrics.iter().all(|metric| metric.value.is_none() && metric.status == status), "{case:?}");
    }
    assert_eq!(case(&run, "gpu1/use").state, CaseState::Failed);
    assert!(case(&run, "gpu1/use").reason.as_ref().unwrap().contains("internal driver error"));
    let mut log = csv::Reader::from_path(place.path("log.csv")).unwrap();
    let headers = log.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<_> = log.records().map(Result::unwrap).collect();
    let dumb = rows.iter().find(|row| &row[column("subject")] == "gpu0").unwrap();
    assert_eq!((&dumb[column("use_percent")], &dumb[column("power_w")]), ("", ""));
    assert!(dumb[column("missing")].contains("use_percent: unsupported"), "{dumb:?}");
}

#[test]
fn a_gpu_that_vanishes_is_noticed_and_so_is_its_return() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "0.0"));
    let script = card(&[(950, 90), (950, 90)]) + "\nrow lost\nrow lost\nrow lost\nrow used=500 use=10 temp=50";
    let outcome = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 2s"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("gpu0 gone"), "{}", outcome.stdout);
    let happened = events(&place, &["lost", "back", "state"]);
    assert_eq!(happened, ["state gpu0  overloaded", "lost gpu0", "back gpu0", "state gpu0 overloaded optimal"]);
    let run = record(&place);
    let vram = case(&run, "gpu0/vram");
    assert_eq!(vram.state, CaseState::Lossy);
    assert!(
        vram.reason.as_ref().unwrap().contains("fell off the bus")
            && vram.reason.as_ref().unwrap().contains("(4 looks)"),
        "{vram:?}"
    );
    let least = vram.metric("min").unwrap();
    assert_eq!((least.value, least.status), (Some(f64::from(500 << 20)), MetricStatus::Partial));
    assert!(run.findings.iter().any(|finding| finding.contains("was gone")), "{:?}", run.findings);
}

#[test]
fn an_old_driver_and_a_part_of_a_split_gpu_are_watched() {
    let place = Place::new();
    let old = with_gpu(
        &place,
        Driver::Old,
        "gpu name=GTX_1650 total=4096\nrow used=900 reserved=100 use=5 temp=40",
        "watch --once",
    );
    assert!(old.stdout.contains("1000 MiB used, 3.02 GiB free of 4.00 GiB: 24.4 % full"), "{}", old.stdout);
    let split = "gpu name=A100 total=40960\nrow used=30000\nmig total=20480 used=19000\nmig total=10240 used=1024";
    let part = with_gpu(&place, Driver::Current, split, "watch --plain --quiet --gpu 0.1 --for 1ms --out out");
    assert_eq!(part.code, Some(0), "{}", part.stderr);
    assert!(
        part.stdout.contains("gpu0.1 1.00 GiB of 10.00 GiB, 10 % full, – busy, –, power –, optimal"),
        "{}",
        part.stdout
    );
    assert_eq!(record(&place).subject["state_of"], "gpu0.1");
    let none = with_gpu(&place, Driver::Current, split, "watch --once --gpu 3");
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.contains("there is no gpu3; there are gpu0, gpu0.0, gpu0.1"), "{}", none.stderr);
}

#[test]
fn processes_are_found_and_what_they_hold_is_theirs() {
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
    assert!(gone.stderr.contains(&format!("no process is '{pid}'")), "{}", gone.stderr);
}

/// A process that waits.
fn sleeper() -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workly-perf"));
    command.args(["bridge", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn several_of_one_name_are_a_choice() {
    let mut both = [sleeper(), sleeper()];
    let place = Place::new();
    let outcome = without_gpu(&place, "watch --once --process workly-perf");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    for child in &mut both {
        assert!(outcome.stderr.contains(&child.id().to_string()), "{}", outcome.stderr);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(outcome.stderr.contains("hint: name one of them by its number"), "{}", outcome.stderr);
}

#[test]
fn without_a_gpu_it_says_so_and_watches_the_rest() {
    let place = Place::new();
    let outcome = without_gpu(&place, "watch --plain --interval 20ms --for 60ms --out out");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: no GPU can be asked"), "{}", outcome.stderr);
    assert!(outcome.stdout.lines().all(|line| line.contains("machine") && !line.contains("gpu")), "{}", outcome.stdout);
    let run = record(&place);
    assert_eq!(run.findings, ["No GPU can be asked: only the processes and the machine were watched."]);
    assert!(figure(&run, "machine/ram", "mean").unwrap() > 0.0);
    assert!(run.cases.iter().all(|case| !case.path.starts_with("gpu")));
    assert!(without_gpu(&place, "watch --once").stdout.starts_with("No GPU can be asked"));
    for line in ["watch --require-gpu", "watch --once --require-gpu", "watch --gpu 0 --for 1ms"] {
        let outcome = without_gpu(&place, line);
        assert_eq!(outcome.code, Some(3), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint"), "{line}: {}", outcome.stderr);
    }
    assert!(!place.path("results").exists(), "nothing was watched");
}

#[test]
fn what_cannot_be_used_is_named() {
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
        ("watch --once --rules bad.toml", 5, "no watch rules"),
        ("watch --apply --for 1ms", 5, "config.json"),
    ] {
        let outcome = without_gpu(&place, line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
    }
    assert_eq!(std::fs::read_to_string(place.path("there.csv")).unwrap(), "precious");
}

#[test]
fn a_new_state_is_written_into_the_configuration_and_nothing_else_is() {
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
    // The first state asks for what is there already.
    assert_eq!(events(&place, &["applied", "not_applied"]), ["applied gpu0", "applied gpu0"]);
    assert_eq!(record(&place).plan["applies"], true);
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let place = Place::new();
    let mut command = place.command("watch --plain --quiet --interval 10ms --out out");
    let mut child =
        command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
    drop(reader);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(record(&place).state, RunState::Complete);
}

#[cfg(unix)]
pub(crate) fn interrupt(pid: u32) {
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_the_end_of_a_watch_without_one_and_cuts_one_that_has_one() {
    for (line, code, state) in [("", 0, RunState::Complete), ("--for 1h", 130, RunState::Interrupted)] {
        let place = Place::new();
        let mut command = place.command(&format!("watch --plain --interval 10ms --out out {line}"));
        let mut child =
            command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
        interrupt(child.id());
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

    /// Starts it, and waits until it holds the memory: seen from outside, by what no file backs.
    fn filled(place: &Place, line: &str) -> (std::process::Child, u64) {
        place.write("rules.toml", &rules("0.1", "0.2"));
        let mut command = place.command(&format!("{FILL} {line}"));
        command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut most = 0;
        while most <= 230 << 20 {
            let memory = ProcessMemory::of(child.id()).expect("it goes on until it has held its memory");
            most = most.max(memory.anonymous_bytes.value().copied().unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        (child, most)
    }

    #[test]
    fn a_card_is_really_filled_and_really_freed() {
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
        assert!(least < 100 << 20, "it was given back while the program went on: {least}");
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
        assert!(run.findings[1].contains("overloaded: the profile is then cpu_fallback"), "{:?}", run.findings);
        assert!(run.findings[2].contains("optimal again: the profile is then performance"), "{:?}", run.findings);
    }

    #[test]
    fn ctrl_c_frees_it_too() {
        let place = Place::new();
        let (child, _) = filled(&place, "--for 1h");
        interrupt(child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(record(&place).state, RunState::Interrupted);
    }

    #[test]
    fn what_cannot_be_filled_is_said() {
        let place = Place::new();
        for (line, code, says) in [
            ("--saturate 90%", 3, "no GPU to fill"),
            ("--saturate 90% --device Vulkan9", 3, "ggml has no device Vulkan9"),
            ("--saturate 90% --device CPU --card 1000000GiB", 3, "more than half"),
        ] {
            let outcome = without_gpu(&place, &format!("watch {line}"));
            assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
        }
        let mut command = place.command("watch --saturate 90% --device CPU --card 16MiB");
        command.env("GGML_CUDA_ENABLE_UNIFIED_MEMORY", "1");
        let managed = outcome(command);
        assert_eq!(managed.code, Some(2), "{}", managed.stderr);
        assert!(managed.stderr.contains("moves to and fro"), "{}", managed.stderr);
    }
}
