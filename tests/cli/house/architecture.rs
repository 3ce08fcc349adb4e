//! The structure of the code: which modules may use which, and rules for every source file.

mod source;

use std::path::{Path, PathBuf};

use source::{code_of, line_of, names_above, root_names, without_tests, words};

/// Each room with the rooms that it may use. A room that is not listed fails the test: add its dependencies here and in
/// `docs/ARCHITECTURE.md`.
const ARROWS: [(&str, &[&str]); 22] = [
    ("cli", &["bridge", "llm", "measure", "report", "exit"]),
    ("plan", &["cli", "bridge", "llm", "measure", "config", "record", "advise", "plural"]),
    ("host", &["record", "plural"]),
    ("bridge", &["clock"]),
    ("llm", &["clock", "plural", "replacing", "text"]),
    ("launch", &["llm", "replacing"]),
    ("measure", &["bridge", "llm", "clock", "stats", "record", "plural"]),
    ("stats", &["clock"]),
    ("record", &["stats", "clock", "text", "replacing"]),
    ("compare", &["record", "stats", "plural"]),
    ("report", &["record", "stats", "compare", "plural", "text"]),
    ("advise", &["record", "stats", "plural", "text"]),
    ("config", &["plural", "replacing"]),
    ("term", &["exit", "text"]),
    ("failure", &["exit", "plan", "bridge", "llm", "measure", "record", "report", "config", "text"]),
    (
        "studies",
        &[
            "failure", "plan", "host", "bridge", "launch", "llm", "measure", "stats", "record", "report", "advise",
            "clock", "plural", "text",
        ],
    ),
    (
        "commands",
        &[
            "studies",
            "failure",
            "cli",
            "plan",
            "host",
            "bridge",
            "launch",
            "llm",
            "measure",
            "stats",
            "record",
            "report",
            "compare",
            "advise",
            "config",
            "term",
            "clock",
            "exit",
            "plural",
            "replacing",
            "text",
        ],
    ),
    ("clock", &[]),
    ("exit", &[]),
    ("plural", &[]),
    ("replacing", &[]),
    ("text", &[]),
];

/// Crates that a pure room must not use and, for statistics, the clock itself: only its unit functions are allowed.
const STRANGERS: [(&str, &[&str]); 6] = [
    ("studies", &["clap", "anstream", "indicatif", "Exit", "Printer"]),
    ("stats", &["clap", "anstream", "indicatif", "sysinfo", "nvml", "llama_cpp", "Clock", "Instant"]),
    ("record", &["clap", "anstream", "indicatif", "sysinfo", "nvml", "llama_cpp"]),
    ("report", &["clap", "anstream", "indicatif", "sysinfo", "nvml", "llama_cpp"]),
    ("compare", &["clap", "anstream", "indicatif", "sysinfo", "nvml", "llama_cpp", "Clock", "Instant"]),
    ("advise", &["clap", "anstream", "indicatif", "sysinfo", "nvml", "llama_cpp", "Clock", "Instant"]),
];

/// Where output formats are listed and written; all other code uses an exporter.
const HOMES_OF_FORMATS: [&str; 2] = ["src/report/formats/", "src/cli/format.rs"];

/// Formats that may be named in one other file each: facts without a record are JSON or a table, and GitHub's log comes
/// with a summary.
const FORMATS_ELSEWHERE: [(&str, &str); 2] =
    [("src/commands/report.rs", "Json"), ("src/commands/compare/outputs.rs", "Github")];

/// Name prefixes of each GPU vendor's library, and the only place that may use it.
const VENDOR_LIBRARIES: [(&str, &str); 2] = [("nvml_wrapper", "src/host/gpu/nvml/"), ("Nvml", "src/host/gpu/nvml/")];

/// Folders of studies. Neither other studies nor shared files of `studies` may use them.
const STUDIES: [&str; 11] =
    ["doctor", "gpu_profiles", "ipc", "launch", "memory", "pipeline", "recommend", "tap", "threads", "warmup", "watch"];

/// Exceptions: a launched program's GPU memory is read with `memory`'s code, its bridge traffic is recorded with
/// `tap`'s, and its GPU is the one `recommend` finds; `pipeline` asks `threads` whether threads have wait policies.
const STUDY_ARROWS: [(&str, &str); 4] =
    [("launch", "memory"), ("launch", "recommend"), ("launch", "tap"), ("pipeline", "threads")];

/// The room that connects all others computes nothing. This many lines are enough for that, without files that only have
/// tests.
const MAX_LINES_OF_COMMANDS: usize = 4_000;

/// Macros that bypass the single owner of stdout and stderr.
const PRINTERS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// Maximum lines per file, including tests.
const MAX_LINES: usize = 400;

#[test]
fn source_files_follow_the_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = rust_files(&root.join("src"));
    assert!(files.len() > 10, "only {} source files were found", files.len());
    let mut faults = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file is readable");
        let parts: Vec<_> =
            file.strip_prefix(root).expect("below the root").iter().map(|part| part.to_string_lossy()).collect();
        faults.extend(faults_of(&parts.join("/"), &text));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn commands_stay_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands");
    let lines: usize = rust_files(&folder)
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a source file is readable").lines().count())
        .sum();
    assert!(lines < MAX_LINES_OF_COMMANDS, "src/commands has {lines} lines: what computes belongs in a study");
}

/// Every `.rs` file below a folder.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Faults of one file, one line each. `path` is relative to the project, with slashes.
fn faults_of(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{path}: {lines} lines, more than {MAX_LINES}"));
    }
    for (at, word) in words(&code) {
        let line = line_of(&code, at);
        if PRINTERS.contains(&word) && code[at + word.len()..].starts_with('!') {
            faults.push(format!("{path}:{line}: {word}! is for nobody; the terminal belongs to `term`"));
        }
        if word == "fn" && path.ends_with("/mod.rs") {
            faults.push(format!("{path}:{line}: a mod.rs holds declarations, not functions"));
        }
    }
    faults.extend(room_faults(path, &without_tests(&code)));
    faults.extend(format_faults(path, &code));
    faults.extend(vendor_faults(path, &code));
    faults.extend(study_faults(path, &without_tests(&code)));
    faults
}

/// Uses of a study by another study or by a shared file of `studies`.
fn study_faults(path: &str, code: &str) -> Vec<String> {
    let Some(below) = path.strip_prefix("src/studies/").filter(|below| *below != "mod.rs") else { return Vec::new() };
    let study = below.split_once('/').map_or("", |(folder, _)| folder);
    let inner = |name: &str| name == study || STUDY_ARROWS.contains(&(study, name)) || !STUDIES.contains(&name);
    let of_crate = code.match_indices("crate::studies::").filter_map(|(at, path)| {
        let rest = &code[at + path.len()..];
        words(rest).next().map(|(_, name)| (at, name.to_owned()))
    });
    names_above(code, depth_of(path) - 1)
        .into_iter()
        .chain(of_crate)
        .filter(|(_, name)| !inner(name))
        .map(|(at, name)| format!("{path}:{}: this may not know the study `{name}`", line_of(code, at)))
        .collect()
}

/// Names of a GPU vendor's library in code for all vendors.
fn vendor_faults(path: &str, code: &str) -> Vec<String> {
    let is_theirs = |word: &str| {
        VENDOR_LIBRARIES.iter().any(|(letters, home)| word.starts_with(letters) && !path.starts_with(home))
    };
    words(code)
        .filter(|(_, word)| is_theirs(word))
        .map(|(at, word)| format!("{path}:{}: `{word}` belongs to a vendor in `host/gpu`", line_of(code, at)))
        .collect()
}

/// Output formats named in places where a new one would have to be added, too.
fn format_faults(path: &str, code: &str) -> Vec<String> {
    if HOMES_OF_FORMATS.iter().any(|home| path.starts_with(home)) {
        return Vec::new();
    }
    let named = words(code).filter(|(_, word)| *word == "Format").filter_map(|(at, word)| {
        let format = code[at + word.len()..].strip_prefix("::")?;
        Some((at, words(format).next()?.1))
    });
    named
        .filter(|(_, format)| !FORMATS_ELSEWHERE.contains(&(path, *format)))
        .map(|(at, format)| format!("{path}:{}: the format {format} belongs to `report/formats`", line_of(code, at)))
        .collect()
}

/// Dependencies and names that the room of this file must not use. Tests are exempt: they may build their inputs with
/// anything.
fn room_faults(path: &str, code: &str) -> Vec<String> {
    let Some(room) = room_of(path) else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{path}: the room `{room}` has no arrows yet")];
    };
    let mut faults = Vec::new();
    for (at, name) in root_names(code, depth_of(path)) {
        if name != room && !allowed.contains(&name.as_str()) {
            faults.push(format!("{path}:{}: `{room}` may not use `{name}`", line_of(code, at)));
        }
    }
    let strangers = STRANGERS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, strangers)| strangers);
    for (at, word) in words(code) {
        let is_stranger =
            |stranger: &&str| word.strip_prefix(*stranger).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        if strangers.iter().any(is_stranger) {
            faults.push(format!("{path}:{}: `{room}` may not know `{word}`", line_of(code, at)));
        }
    }
    faults
}

/// The room of a file: `stats` for `src/stats/summary.rs`, `clock` for `src/clock.rs`; `None` for the crate's two
/// roots.
fn room_of(path: &str) -> Option<&str> {
    let room = path.strip_prefix("src/")?.split('/').next()?;
    match room.strip_suffix(".rs") {
        Some("lib" | "main") => None,
        Some(file) => Some(file),
        None => Some(room),
    }
}

/// Depth of a file's module below the crate's root: 1 for `src/stats/mod.rs`, 2 for `src/stats/summary.rs`.
fn depth_of(path: &str) -> usize {
    let parts = path.matches('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

#[test]
fn planted_dependencies_are_found() {
    let faults = |path, text| faults_of(path, text);
    assert_eq!(
        faults("src/stats/summary.rs", "//! x\n\nuse crate::bridge::Ack;\n"),
        ["src/stats/summary.rs:3: `stats` may not use `bridge`"]
    );
    assert_eq!(
        faults("src/record/run.rs", "use crate::{stats::Summary, term::Printer};"),
        ["src/record/run.rs:1: `record` may not use `term`"]
    );
    assert_eq!(
        faults("src/bridge/server/mod.rs", "use super::super::host;"),
        ["src/bridge/server/mod.rs:1: `bridge` may not use `host`"]
    );
    assert_eq!(faults("src/exit.rs", "use super::clock::Clock;"), ["src/exit.rs:1: `exit` may not use `clock`"]);
    assert_eq!(faults("src/report/page.rs", "use crate::*;"), ["src/report/page.rs:1: `report` may not use `*`"]);
    assert_eq!(
        faults("src/attic/box.rs", "use crate::clock;"),
        ["src/attic/box.rs: the room `attic` has no arrows yet"]
    );
}

#[test]
fn planted_crates_print_macros_and_lengths_are_found() {
    assert_eq!(
        faults_of("src/record/csv.rs", "type A = clap::Args;"),
        ["src/record/csv.rs:1: `record` may not know `clap`"]
    );
    assert_eq!(
        faults_of("src/report/a.rs", "use nvml_wrapper::x;"),
        [
            "src/report/a.rs:1: `report` may not know `nvml_wrapper`",
            "src/report/a.rs:1: `nvml_wrapper` belongs to a vendor in `host/gpu`"
        ]
    );
    assert_eq!(
        faults_of("src/stats/a.rs", "use crate::clock::Clock;"),
        ["src/stats/a.rs:1: `stats` may not know `Clock`"]
    );
    assert_eq!(faults_of("src/main.rs", "fn main() {\n    println!(\"x\");\n}").len(), 1);
    assert_eq!(
        faults_of("src/host/mod.rs", "mod a;\nfn b() {}"),
        ["src/host/mod.rs:2: a mod.rs holds declarations, not functions"]
    );
    assert!(faults_of("src/host/long.rs", &"\n".repeat(MAX_LINES)).is_empty());
    assert_eq!(faults_of("src/host/long.rs", &"\n".repeat(MAX_LINES + 1)).len(), 1);
}

#[test]
fn planted_formats_are_found() {
    assert_eq!(
        faults_of("src/commands/ipc.rs", "fn a() {\n    if f == Format::Csv {}\n}"),
        ["src/commands/ipc.rs:2: the format Csv belongs to `report/formats`"]
    );
    assert!(faults_of("src/commands/report.rs", "fn a() { f == Format::Json; }").is_empty());
    assert!(faults_of("src/report/formats/csv.rs", "fn a() { Format::Csv; }").is_empty());
}

#[test]
fn planted_vendors_are_found() {
    assert_eq!(
        faults_of("src/studies/watch/devices.rs", "fn a() {\n    NvmlError::Unknown;\n}"),
        ["src/studies/watch/devices.rs:2: `NvmlError` belongs to a vendor in `host/gpu`"]
    );
    assert!(faults_of("src/host/gpu/nvml/error.rs", "use nvml_wrapper::error::NvmlError;").is_empty());
    assert!(faults_of("src/host/gpu/mod.rs", "static V: [&Vendor; 1] = [&nvml::NVIDIA];").is_empty());
}

#[test]
fn planted_studies_are_found() {
    let found = |path, text| faults_of(path, text).len();
    assert_eq!(
        faults_of("src/studies/tap/study.rs", "use super::super::ipc::BridgeStudy;"),
        ["src/studies/tap/study.rs:1: this may not know the study `ipc`"]
    );
    assert_eq!(found("src/studies/driver.rs", "use super::threads::ThreadsStudy;"), 1);
    assert_eq!(found("src/studies/warmup/study.rs", "use crate::studies::threads::Sweep;"), 1);
    assert_eq!(found("src/studies/launch/study.rs", "use super::super::tap::wire_cases;\nuse crate::launch::Shim;"), 0);
    assert_eq!(
        found("src/studies/ipc/max_rate/study.rs", "use super::super::super::study::Study;\nuse super::cases;"),
        0
    );
}

#[test]
fn allowed_code_passes() {
    for (path, text) in [
        ("src/stats/a.rs", "use crate::clock::ms;\nuse crate::stats::b;\nuse super::c;"),
        ("src/stats/b.rs", "//! Not for [`crate::term`].\n#[cfg(test)]\nmod tests {\n    use crate::bridge::Ack;\n}"),
        ("src/commands/ipc.rs", "use crate::{cli::ipc, plan, term::Printer};\nuse clap::Parser;"),
        ("src/lib.rs", "pub fn run() { crate::commands::run() }"),
        ("src/host/mod.rs", "mod cpu;\npub use cpu::Handler; type F = Box<dyn Fn()>;"),
        ("src/term/a.rs", "writeln!(out, \"println!()\")"),
    ] {
        assert_eq!(faults_of(path, text), Vec::<String>::new());
    }
}
