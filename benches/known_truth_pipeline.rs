//! `pipeline` against known truths: a paced speaker, and an embedded bridge with known delays.
//!
//! `cargo bench --bench known_truth_pipeline [-- [RUNS] [PART…]]`. `stages`: every stage of a turn must be within 5 %
//! of the truth, and they must add up. `same`, `same-demo`: equal settings before and after must show no change.
//! `build`, `prompt`, `reply`, `reaction`: that stage becomes 15 % slower, and must be found and located. By default 20
//! runs of each, 4 of `same-demo`, about a quarter of an hour. Exit code 1 if a stage is off, or fewer than 19 in 20
//! runs are correct.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

mod bare;

use std::process::{Command, ExitCode};
use std::time::Instant;

use bare::{exchanges, median, serve, serve_handed_over};
use serde_json::Value;
use workly_perf::bridge::{Ack, Dialect, Message};
use workly_perf::measure::choose;

const BRIDGE: &str = "embedded:fps=unpaced,received-delay=10ms,applied-delay=15ms";

/// Maximum error of a stage: this share of the truth, or a thread's wake-up time.
const LIMIT: (f64, f64) = (0.05, 0.1);

/// Before and after, and the stages that may change.
struct Trial {
    name: &'static str,
    line: &'static str,
    /// Stages with the slowdown; empty for equal settings.
    placed: &'static [&'static str],
}

const TRIALS: [Trial; 6] = [
    Trial { name: "same", line: "--paced 6000:800:5:0 --turns 12 --reply-tokens 40", placed: &[] },
    Trial { name: "same-demo", line: "--model synth:demo --turns 8 --reply-tokens 24", placed: &[] },
    Trial {
        name: "build",
        line: "--paced 6000:800:5:0,6000:800:5.75:0 --turns 12 --reply-tokens 40",
        placed: &["prompt_build"],
    },
    Trial {
        name: "prompt",
        line: "--paced 6000:800:5:0,5217.4:800:5:0 --turns 12 --reply-tokens 40",
        placed: &["first_token"],
    },
    Trial {
        name: "reply",
        line: "--paced 6000:800:5:0,6000:695.65:5:0 --turns 12 --reply-tokens 40",
        placed: &["reply"],
    },
    // Three commands, one by one, of 10 + 15 + 15 ms: 2 ms more for each are 15 % of the reaction.
    Trial {
        name: "reaction",
        line: "--paced 6000:800:5:0,6000:800:5:2 --turns 12 --reply-tokens 40",
        placed: &["received", "applied"],
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let asked = words.iter().find_map(|word| word.parse::<usize>().ok());
    let names: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.parse::<usize>().is_err()).collect();
    let is_wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut is_kept = !is_wanted("stages") || stages();
    println!("| trial | runs | right | found elsewhere too | not found | called changed | s |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for trial in TRIALS.iter().filter(|trial| is_wanted(trial.name)) {
        let runs = asked.unwrap_or(if trial.name == "same-demo" { 4 } else { 20 });
        is_kept &= run_trial(trial, runs);
    }
    println!("{}", if is_kept { "\nall results within their limits" } else { "\nRESULTS OUTSIDE THEIR LIMITS" });
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs it and returns the record.
fn pipeline(line: &str) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_workly-perf"))
        .args("pipeline --under-load none --no-contention --quiet --format json --bridge".split(' '))
        .arg(BRIDGE)
        .arg("--out")
        .arg(folder.path())
        .args(line.split(' '))
        .output()
        .expect("workly-perf runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn case<'a>(run: &'a Value, path: &str) -> &'a Value {
    let mut cases = run["cases"].as_array().expect("cases").iter();
    cases.find(|case| case["path"] == path).unwrap_or_else(|| panic!("no case {path}"))
}

/// Compares each stage of each turn with the truth.
fn stages() -> bool {
    let run = pipeline(
        "--paced 2000:200:12:0 --turns 20 --reply-tokens 40 --before app,reaction=single --after none --budget 5m",
    );
    let turns = case(&run, "before/turns")["conditions"]["waterfalls"].as_array().expect("turns");
    let (received_ms, applied_ms, emotion_ms) = bare_ms();
    println!("stages of {} turns; limit 5 % or 0.1 ms, the median of the turns", turns.len());
    println!("| stage | truth, median ms | reported, median ms | error | turns within the limit |");
    println!("|---|---:|---:|---:|---:|");
    let truth = |name: &str, turn: &Value| match name {
        "prompt_build" => 12.0,
        "first_token" => turn["prompt_tokens"].as_f64().unwrap_or(f64::NAN) / 2.0,
        "reply" => 39.0 / 0.2,
        "emotion" => emotion_ms,
        "received" => 10.0 + received_ms,
        _ => 30.0 + 2.0 * applied_ms,
    };
    let names = ["prompt_build", "first_token", "reply", "emotion", "received", "applied"];
    let of = |turn: &Value, name: &str| turn["stages_ms"][name].as_f64().unwrap_or(f64::NAN);
    let mut is_kept = true;
    for name in names {
        let mut truths: Vec<f64> = turns.iter().map(|turn| truth(name, turn)).collect();
        let mut offs: Vec<f64> = turns.iter().map(|turn| of(turn, name) - truth(name, turn)).collect();
        let limit = |truth: f64| (LIMIT.0 * truth).max(LIMIT.1);
        let within = offs.iter().zip(&truths).filter(|(off, truth)| off.abs() <= limit(**truth)).count();
        truths.sort_by(f64::total_cmp);
        offs.sort_by(f64::total_cmp);
        let (truth, off) = (truths[truths.len() / 2], offs[offs.len() / 2]);
        is_kept &= off.abs() <= limit(truth);
        println!(
            "| {name} | {truth:.3} | {:.3} | {off:+.3} ms ({:+.1} %) | {within} of {} |",
            truth + off,
            100.0 * off / truth,
            turns.len()
        );
    }
    let sum = |turn: &Value| names.iter().map(|name| of(turn, name)).sum::<f64>();
    let apart = turns.iter().map(|turn| (sum(turn) - turn["visible_ms"].as_f64().unwrap_or(f64::NAN)).abs());
    let apart = apart.fold(0.0, f64::max);
    println!("\nthe sum of the stages differs from the whole turn by at most {:.1} ns\n", apart * 1e6);
    is_kept && apart < 1e-4
}

/// Unplanted time in the stages: a bare exchange of either kind, and choosing an emotion.
fn bare_ms() -> (f64, f64, f64) {
    let bytes = |ack: Ack| {
        let probe = Dialect::stock().probe(ack).expect("a probe");
        Message::of(Dialect::stock(), probe, Some(true), 100).line(0).to_vec()
    };
    let exchange = |address, ack| median(&exchanges(address, &bytes(ack), 1_000)) as f64 / 1e6;
    let text = "… ".repeat(40);
    let chosen: Vec<u64> = (0..1_000)
        .map(|turn| {
            let began = Instant::now();
            std::hint::black_box(choose(std::hint::black_box(&text), turn, &Dialect::stock().expressions));
            u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    (exchange(serve(100), Ack::Received), exchange(serve_handed_over(100), Ack::Applied), median(&chosen) as f64 / 1e6)
}

fn run_trial(trial: &Trial, runs: usize) -> bool {
    let started = Instant::now();
    let (mut right, mut elsewhere, mut missed, mut changed) = (0, 0, 0, 0);
    for at in 0..runs {
        let said = pipeline(&format!(
            "{} --before app,reaction=single --after app,reaction=single --budget 10m --seed {at}",
            trial.line
        ));
        let rows = case(&said, "after/before")["conditions"]["comparison"].as_array().expect("rows").clone();
        let moved: Vec<&str> = rows
            .iter()
            .filter(|row| row["ratio"].is_number() && matches!(row["verdict"].as_str(), Some("improved" | "worse")))
            .filter_map(|row| row["figure"].as_str())
            .collect();
        let stages = ["prompt_build", "first_token", "reply", "emotion", "received", "applied"];
        let moved_stages: Vec<&str> = moved.iter().copied().filter(|figure| stages.contains(figure)).collect();
        let is_found = moved_stages.iter().any(|stage| trial.placed.contains(stage));
        let is_elsewhere = moved_stages.iter().any(|stage| !trial.placed.contains(stage));
        if trial.placed.is_empty() {
            right += usize::from(moved.is_empty());
            changed += usize::from(!moved.is_empty());
        } else {
            right += usize::from(is_found && !is_elsewhere);
            elsewhere += usize::from(is_elsewhere);
            missed += usize::from(!is_found);
        }
        eprintln!("{} {}/{runs}: {moved:?}", trial.name, at + 1);
    }
    println!(
        "| {} | {runs} | {right} | {elsewhere} | {missed} | {changed} | {} |",
        trial.name,
        started.elapsed().as_secs()
    );
    right * 20 >= runs * 19
}
