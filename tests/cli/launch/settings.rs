//! `launch`: the settings reach an unmodified program, and nothing else about it changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::decide::apply::recommendation;
use crate::harness::run::{Place, figure};

/// Creates a `Llama` like the application, and prints its effective settings.
const APPLICATION: &str = r#"
import json, os, sys
import llama_cpp
llama = llama_cpp.Llama(model_path=sys.argv[1], n_threads=2, n_ctx=2048, n_batch=256, verbose=False)
names = ("n_threads", "n_threads_batch", "n_ctx", "n_batch")
in_force = {name: getattr(llama_cpp, "llama_" + name)(llama.ctx) for name in names}
in_force["wait"] = os.environ.get("OMP_WAIT_POLICY")
for part in llama("a prompt of some length", max_tokens=8, stream=True):
    pass
llama("a prompt of some length, and more", max_tokens=4)
print(json.dumps(in_force), flush=True)
"#;

/// The system's Python; prints a line if there is none.
#[allow(clippy::print_stderr)]
pub(crate) fn python() -> Option<OsString> {
    let names = if cfg!(windows) { ["python", "py"] } else { ["python3", "python"] };
    let works = |name: &&&str| {
        let tried = Command::new(name).args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = names.iter().find(works).map(OsString::from);
    if found.is_none() {
        eprintln!("not run: there is no Python 3.8 or later here");
    }
    found
}

/// A folder with the application, a configuration with this section, and a placeholder model.
pub(crate) fn place(section: &Value) -> Place {
    let place = Place::new();
    place.write("my app/main.py", APPLICATION);
    place.write("my app/data/config.json", &json!({"performance": section}).to_string());
    place.write("model.gguf", "no model");
    place
}

/// `launch` with these arguments, then `--` and these words.
pub(crate) fn launch(place: &Place, arguments: &str, words: &[&str]) -> Command {
    let doubles = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/tests/doubles");
    let mut command = place.command(&format!("launch {arguments} --"));
    command.args(words).env("PYTHONPATH", doubles).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("WORKLY_PERF_CACHE", place.path("cache")).env("TMPDIR", place.path("")).env("TEMP", place.path(""));
    command.env("PYTHONIOENCODING", "utf-8").env_remove("OMP_WAIT_POLICY");
    command
}

pub(crate) fn application(place: &Place, python: &OsString, arguments: &str) -> Command {
    launch(place, arguments, &[&python.to_string_lossy(), "my app/main.py", "model.gguf"])
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The application's output, after checking that it succeeded.
pub(crate) fn printed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// Remaining folders of launches.
fn left(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("workly-perf-launch")).collect()
}

#[test]
fn configured_settings_are_applied_and_read_back() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1, "n_batch": 128, "wait_policy": "passive", "priority": "low",
                              "provenance": {"run": "20261125T030000Z-recommend-1b50", "basis": {"n_threads": "measured"}}}));
    let output = application(&place, &python, "").output().unwrap();
    let found = printed(&output);
    assert_eq!((&found["n_threads"], &found["n_batch"], &found["n_ctx"]), (&json!(1), &json!(128), &json!(2048)));
    assert_eq!(found["wait"], "passive");
    let said = said(&output);
    assert!(said.contains("n_threads 2 → 1 (measured, run 20261125T030000Z-recommend-1b50)"), "{said}");
    assert!(!said.contains("not known"), "priority and wait_policy are not the shim's: {said}");
    assert_eq!(left(&place), Vec::<PathBuf>::new(), "nothing is left behind");

    let output = application(&place, &python, "--no-n-threads --no-wait-policy").output().unwrap();
    let found = printed(&output);
    assert_eq!((&found["n_threads"], &found["n_batch"], &found["wait"]), (&json!(2), &json!(128), &Value::Null));
    let found = printed(&application(&place, &python, "--no-settings").output().unwrap());
    assert_eq!((&found["n_threads"], &found["n_batch"]), (&json!(2), &json!(256)));
    let own = application(&place, &python, "").env("OMP_WAIT_POLICY", "active").output().unwrap();
    assert_eq!(printed(&own)["wait"], "active", "the user's own variable is kept");
}

#[test]
fn recommendation_is_applied_without_a_configuration() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 2}));
    place.write("run/recommendation.json", &recommendation("balanced", 1).to_string());
    for named in ["run", "run/recommendation.json"] {
        let output = application(&place, &python, &format!("--profile {named}")).output().unwrap();
        assert_eq!(printed(&output)["n_threads"], 1, "{named}");
    }
    place.write("run/recommendation.json", "none");
    let refused = application(&place, &python, "--profile run").output().unwrap();
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    assert!(refused.stdout.is_empty() && said(&refused).contains("hint:"), "{}", said(&refused));
}

#[test]
fn faulty_configuration_is_reported_once_and_the_program_runs() {
    let Some(python) = python() else { return };
    for (config, named) in [
        ("{", "not a JSON object"),
        ("[]", "top-level value"),
        (r#"{"performance": 3}"#, "performance"),
        (r#"{"performance": {"n_threads": "two"}}"#, "n_threads"),
        (r#"{"performance": {"n_threads": 0, "n_batch": null}}"#, "n_threads"),
        (r#"{"performance": {"flash_attn": "auto"}}"#, "flash_attn"),
        (r#"{"performance": {"nonsense": []}}"#, "nonsense"),
        ("{}", "no configuration with a section performance"),
        ("\u{0}", "not a JSON object"),
    ] {
        let place = place(&json!({}));
        place.write("my app/data/config.json", config);
        let output = application(&place, &python, "").output().unwrap();
        assert_eq!(printed(&output)["n_threads"], 2, "{config}");
        let said = said(&output);
        assert_eq!(said.lines().filter(|line| line.contains(named)).count(), 1, "{config}: {said}");
    }
    let place = place(&json!({}));
    let output = application(&place, &python, "--config no/such.json").output().unwrap();
    assert!(printed(&output)["n_threads"] == 2 && said(&output).contains("no/such.json"), "{}", said(&output));
}

#[test]
fn unwritable_cache_only_costs_the_settings() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    place.write("file", "");
    let output = application(&place, &python, "").env("WORKLY_PERF_CACHE", place.path("file/cache")).output().unwrap();
    assert_eq!(printed(&output)["n_threads"], 2);
    let said = said(&output);
    assert_eq!(
        said.lines().filter(|line| line.contains("runs without the settings: cannot write")).count(),
        1,
        "{said}"
    );
}

#[test]
fn users_own_sitecustomize_still_runs() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    place.write("own/sitecustomize.py", "import builtins\nbuiltins.of_the_user = 7\n");
    place.write("my app/main.py", &format!("{APPLICATION}\nassert of_the_user == 7\n"));
    let doubles = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/tests/doubles");
    let path = std::env::join_paths([place.path("own"), doubles]).unwrap();
    let output = application(&place, &python, "").env("PYTHONPATH", path).output().unwrap();
    assert_eq!(printed(&output)["n_threads"], 1);
}

#[test]
fn programs_out_of_reach_are_named_and_run() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    let python = python.to_string_lossy();
    for option in ["-I", "-E", "-S"] {
        let output = launch(&place, "", &[&python, option, "-c", "print('ran')"]).output().unwrap();
        let said = said(&output);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("ran"), "{said}");
        assert!(said.contains(&format!("with {option} Python does not load the shim")), "{said}");
        assert!(said.contains("the settings were not in force"), "{said}");
    }
    let safe = launch(&place, "", &[&python, "-c", "print('ran')"]).env("PYTHONSAFEPATH", "1").output().unwrap();
    assert!(!said(&safe).contains("not in force") && !said(&safe).contains("does not load"), "{}", said(&safe));
    let other = launch(&place, "", &[env!("CARGO_BIN_EXE_workly-perf"), "--version"]).output().unwrap();
    assert!(other.status.success() && said(&other).contains("not a Python interpreter"), "{}", said(&other));
}

#[test]
fn exit_code_input_and_output_are_passed_through() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    let python = python.to_string_lossy();
    for code in [0, 1, 7, 70, 130, 255] {
        let exit = format!("import sys; sys.exit({code})");
        let status = launch(&place, "--quiet", &[&python, "-c", &exit]).status().unwrap();
        assert_eq!(status.code(), Some(code));
    }
    let mut child = launch(&place, "", &[&python, "-c", "print(input()[::-1], end='')"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"abc\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"cba");
    let missing = launch(&place, "", &["no/such/python"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(3), "{}", said(&missing));
    assert!(said(&missing).contains("cannot start no/such/python") && said(&missing).contains("hint:"));
    assert_eq!(launch(&place, "", &[]).output().unwrap().status.code(), Some(2));
}

/// Waits for a file created by a child. The limit is for a child that never does.
#[cfg(unix)]
fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(120), "{} was never created", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn signals_reach_the_program_once_and_its_death_is_passed_on() {
    use std::os::unix::process::ExitStatusExt;

    let Some(python) = python() else { return };
    let python = python.to_string_lossy().into_owned();
    let counts = "import os, signal, sys, time\nseen = []\n\
                  for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):\n    \
                      signal.signal(one, lambda number, frame: seen.append(number))\n\
                  signal.signal(signal.SIGUSR2, lambda number, frame: sys.exit(100 + len(seen)))\n\
                  open('ready', 'w').close()\n\
                  while True:\n    time.sleep(0.01)\n    \
                      seen and open('seen%d' % len(seen), 'w').close()\n";
    for signal in ["-INT", "-TERM", "-HUP", "-USR1"] {
        let place = place(&json!({}));
        let mut child = launch(&place, "", &[&python, "-c", counts]).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&place.path("ready"));
        crate::harness::signal::signal(signal, child.id());
        wait_for(&place.path("seen1"));
        crate::harness::signal::signal("-USR2", child.id());
        assert_eq!(child.wait().unwrap().code(), Some(101), "{signal} reached it once, and it lived on");
    }
    for (signal, number) in [("-TERM", 15), ("-HUP", 1)] {
        let place = place(&json!({}));
        let waits = "import time\nopen('ready', 'w').close()\ntime.sleep(600)";
        let mut child = launch(&place, "", &[&python, "-c", waits]).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&place.path("ready"));
        crate::harness::signal::signal(signal, child.id());
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        assert_eq!(left(&place), Vec::<PathBuf>::new());
    }
    for number in [9, 11] {
        let place = place(&json!({}));
        let dies = format!(
            "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.kill(os.getpid(), {number})"
        );
        let status = launch(&place, "", &[&python, "-c", &dies]).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.signal(), Some(number));
    }
}

/// The terminal signals `launch` and the program alike; a second signal from `launch` would cut the program's end short.
#[cfg(unix)]
#[test]
fn ctrl_c_at_a_terminal_reaches_the_program_once_and_leaves_nothing() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    // It counts for a while after the first: what `launch` passed on would arrive at once.
    let counts = "import signal, sys, time\nseen = []\n\
                  signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))\n\
                  open('ready', 'w').close()\n\
                  while not seen:\n    time.sleep(0.01)\n\
                  until = time.monotonic() + 0.5\n\
                  while time.monotonic() < until:\n    time.sleep(0.01)\n\
                  sys.exit(40 + len(seen))\n";
    let ended = at_a_terminal(&place, &launch(&place, "", &[&python.to_string_lossy(), "-c", counts]));
    assert_eq!((&ended["pressed"], &ended["code"]), (&json!(true), &json!(41)), "{ended}");
    assert_eq!(left(&place), Vec::<PathBuf>::new());
    // A program without a handler is ended by Python's own: by the signal, as without `launch`.
    std::fs::remove_file(place.path("ready")).unwrap();
    let waits = "import time\nopen('ready', 'w').close()\ntime.sleep(600)";
    let ended = at_a_terminal(&place, &launch(&place, "", &[&python.to_string_lossy(), "-c", waits]));
    assert_eq!(ended["code"], -2, "{ended}");
    let written = ended["written"].as_str().unwrap();
    assert_eq!(written.matches("KeyboardInterrupt").count(), 1, "{written}");
    assert_eq!(left(&place), Vec::<PathBuf>::new());
}

/// Runs a command at a terminal where Ctrl-C is pressed once the file `ready` exists; returns the output of `press_ctrl_c.py`.
#[cfg(unix)]
fn at_a_terminal(place: &Place, command: &Command) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/press_ctrl_c.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(place.path("ready")).arg(command.get_program()).args(command.get_args());
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(place.path(""));
    let output = python.output().expect("python3 is available, as scripts/test ensures");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn measured_calls_become_a_readable_record() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    for (arguments, out, threads) in [("--no-settings", "before", 2), ("", "after", 1)] {
        let line = format!("{arguments} --measure 10m --out {out}");
        let output = application(&place, &python, &line).output().unwrap();
        assert_eq!(printed(&output)["n_threads"], threads);
        let run = workly_perf::record::RecordFolder::read(&place.path(out)).unwrap();
        assert_eq!((run.command.as_str(), run.state), ("launch", workly_perf::record::RunState::Complete));
        assert_eq!(figure(&run, "call", "calls"), Some(2.0), "{:?}", run.cases);
        assert_eq!(figure(&run, "generation", "tokens"), Some(6.0));
        // 23 characters are the prompt of the first call and, except for the last one, a prefix of the second.
        assert!(figure(&run, "prompt", "reused_tokens").unwrap() > 0.0, "{:?}", run.cases);
        assert_eq!(run.cases[0].conditions["in_force"]["n_threads"], threads);
        let written = std::fs::read_to_string(place.path(out).join("run.json")).unwrap();
        assert!(!written.contains("prompt of some length"), "no text is stored");
        let report = place.run(&format!("report {out}"));
        assert!(report.code == Some(0) && report.stdout.contains("first_token"), "{}", report.stderr);
    }
    let compared = place.run("compare before after --format json");
    assert!(matches!(compared.code, Some(0 | 1 | 4)), "{}", compared.stderr);
    assert!(compared.stdout.contains("first_token"), "{}{}", compared.stdout, compared.stderr);
}

/// In a separate network namespace, since the application's port is fixed and other tests use it.
#[cfg(target_os = "linux")]
#[test]
fn tap_is_inserted_without_changing_the_program() {
    let Some(python) = python() else { return };
    let own_network = |command: &str| {
        let shell = format!("ip link set lo up && {command}");
        Command::new("unshare").args(["--user", "--map-root-user", "--net", "sh", "-c", &shell]).output()
    };
    if !own_network("true").is_ok_and(|output| output.status.success()) {
        eprintln!("not run: this machine gives no network of one's own");
        return;
    }
    let place = place(&json!({}));
    let talks = r#"
import socket, threading
bridge = socket.create_server(("127.0.0.1", 5555))
def serve():
    stream, _ = bridge.accept()
    print(stream.makefile().readline(), end="", flush=True)
    stream.sendall(b'{"status": "ok"}\n')
threading.Thread(target=serve, daemon=True).start()
client = socket.create_connection(("127.0.0.1", 5555))
client.sendall(b'{"command": "set_expression"}\n')
print(client.makefile().readline(), end="", flush=True)
"#;
    place.write("talks.py", talks);
    let program = env!("CARGO_BIN_EXE_workly-perf");
    let launch = format!("exec '{program}' launch --tap -- '{}' talks.py", python.to_string_lossy());
    let shell = format!("ip link set lo up && {launch}");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &shell]).current_dir(place.path(""));
    let output = command.env("WORKLY_PERF_CACHE", place.path("cache")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"command\": \"set_expression\"}\n{\"status\": \"ok\"}\n");
    let records = std::fs::read_dir(place.path("results/local")).unwrap().map(|entry| entry.unwrap().path());
    let records: Vec<PathBuf> = records.collect();
    assert_eq!(records.len(), 1, "{records:?}");
    let run = workly_perf::record::RecordFolder::read(&records[0]).unwrap();
    assert_eq!((run.command.as_str(), run.state), ("tap", workly_perf::record::RunState::Complete));
    assert_eq!(figure(&run, "inter_arrival/app", "messages"), Some(1.0), "{:?}", run.cases);
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_names_the_settings_of_a_running_workly() {
    let Some(python) = python() else { return };
    let place = place(&json!({"n_threads": 1}));
    let stays = format!("{APPLICATION}\nopen('ready', 'w').close()\nimport time\ntime.sleep(600)\n");
    place.write("workly app/main.py", &stays);
    place.write("workly app/data/config.json", r#"{"performance": {"n_threads": 1}}"#);
    let words = [&*python.to_string_lossy(), "workly app/main.py", "model.gguf"];
    let mut child = launch(&place, "", &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&place.path("ready"));
    let found = place.run("doctor --format json --bridge 127.0.0.1:1 --timeout 300ms");
    crate::harness::signal::signal("-TERM", child.id());
    child.wait().unwrap();
    let found: Value = serde_json::from_str(&found.stdout).unwrap_or_else(|error| panic!("{error}: {}", found.stderr));
    let lines = found["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "settings in force");
    // Other tests on this machine may run their own Workly.
    let named = lines.filter(|line| line["found"].as_str().unwrap().contains("its model runs with n_threads 1"));
    assert!(named.count() >= 1, "{found}");
}
