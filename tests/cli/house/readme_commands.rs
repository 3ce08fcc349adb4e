//! The commands of the README, by one table for all systems: each ends with the same exit code on Linux, Windows and macOS.

#[cfg(feature = "llama")]
use std::collections::BTreeSet;
#[cfg(feature = "llama")]
use std::path::Path;

use crate::decide::apply::recommendation;
use crate::harness::run::Place;
use crate::harness::saved_runs::{saved, text};

/// Command lines without a model and their exit codes, in the order in which they run.
const LINES: [(&str, i32); 33] = [
    ("--help", 0),
    ("--version", 0),
    ("threads --help", 0),
    ("completions bash", 0),
    ("completions powershell", 0),
    ("completions cobol", 2),
    ("doctor --bridge embedded --config data/config.json", 1),
    ("doctor --bridge embedded --config data/none.json", 1),
    ("ipc --bridge embedded:fps=60 --messages 20 --warmup 2 --load closed --sizes 100 --out run", 0),
    ("ipc --bridge embedded:drop-every=5 --messages 10 --load closed --sizes 100 --timeout 100ms --out lossy", 4),
    ("ipc --bridge 127.0.0.1:1 --timeout 500ms", 3),
    ("ipc --messages 0", 2),
    ("ipc --replay none.jsonl --bridge embedded", 5),
    ("report run --format html", 0),
    ("report run --format csv", 0),
    ("report data", 5),
    ("compare base.csv same.csv", 0),
    ("compare base.csv slower.csv", 1),
    ("compare base.csv none.csv", 5),
    ("history base.csv", 0),
    ("recommend --quick --bridge embedded --model none.gguf --config data/config.json", 3),
    ("apply r.json --dry-run", 1),
    ("apply r.json --yes", 0),
    ("apply --undo --yes", 0),
    ("apply none.json", 5),
    ("launch -- no-such-program-anywhere", 3),
    ("bridge fps=fast", 2),
    ("tap --listen nowhere", 2),
    ("watch --once --plain", 0),
    ("watch --saturate 101% --device CPU", 2),
    ("memory --pid 4294967294 --for 1s", 3),
    ("model fetch", 0),
    ("model fetch no-such-model", 2),
];

/// Command lines with a model.
#[cfg(feature = "llama")]
const MODEL_LINES: [(&str, i32); 12] = [
    ("model synth tiny -o tiny.gguf", 0),
    ("model inspect tiny.gguf", 0),
    ("model inspect r.json", 5),
    ("gpu-profiles --project --model tiny.gguf", 0),
    (
        "threads --model tiny.gguf --sweep 1 --repetitions 1 --prompt-tokens 8 --gen-tokens 4 --depth 0 --under-load none",
        0,
    ),
    ("threads --model none.gguf", 3),
    ("memory --model tiny.gguf --messages 3 --reply-tokens 2 --n-ctx 512", 0),
    ("memory --model r.json", 5),
    ("warmup --model tiny.gguf --runs 1 --reply-tokens 2 --study start", 0),
    ("warmup --model none.gguf", 3),
    ("pipeline --model tiny.gguf --bridge embedded:fps=60 --turns 1 --reply-tokens 4 --no-contention", 0),
    ("pipeline --model tiny.gguf --bridge 127.0.0.1:1", 3),
];

/// Without llama.cpp, commands that need a model say so.
#[cfg(not(feature = "llama"))]
const MODEL_LINES: [(&str, i32); 0] = [];

/// A folder with the files that the command lines name.
fn place() -> Place {
    let place = Place::new();
    place.write("data/config.json", r#"{"ai": {"gpu_profile": "performance", "model_path": "models/none.gguf"}}"#);
    place.write("r.json", &recommendation("balanced", 3).to_string());
    place.write("base.csv", &text(&saved("base", 0, 1.0)));
    place.write("same.csv", &text(&saved("same", 20, 1.0)));
    place.write("slower.csv", &text(&saved("slower", 20, 2.0)));
    place
}

#[test]
fn commands_end_with_the_same_exit_codes_on_each_system() {
    let place = place();
    let mut wrong = Vec::new();
    for (line, code) in LINES.iter().chain(&MODEL_LINES) {
        let outcome = place.run(line);
        if outcome.code != Some(*code) {
            wrong.push(format!("{line}: {:?} instead of {code}\n{}", outcome.code, outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the README shows after the program's name: in a block of commands at the start of a line, or between backticks.
#[cfg(feature = "llama")]
fn shown() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let quoted = readme.split('`').filter_map(|part| part.strip_prefix("workly-perf "));
    let lines = readme.lines().filter_map(|line| line.strip_prefix("workly-perf "));
    let commands = quoted.chain(lines).map(|command| command.split(['#', '\n']).next().unwrap().trim().to_owned());
    commands.filter(|command| !command.is_empty()).collect()
}

/// The command and its long options: what two command lines have in common whatever their values are.
#[cfg(feature = "llama")]
fn parts(line: &str) -> BTreeSet<String> {
    let words = line.split(" -- ").next().unwrap().split_whitespace();
    words.enumerate().filter(|(at, word)| *at == 0 || word.starts_with("--")).map(|(_, word)| word.to_owned()).collect()
}

#[cfg(feature = "llama")]
#[test]
fn every_command_of_the_readme_is_in_the_table() {
    let tested: Vec<_> = LINES.iter().chain(&MODEL_LINES).map(|(line, _)| parts(line)).collect();
    let shown = shown();
    assert!(shown.len() >= 20, "the README has its commands where they are searched: {shown:?}");
    for command in shown {
        let wanted = parts(&command.replace("COMMAND", "threads"));
        assert!(tested.iter().any(|line| wanted.is_subset(line)), "no line of the table has all of `{command}`");
    }
}
