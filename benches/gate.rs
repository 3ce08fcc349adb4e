//! The regression gate against known truths: unchanged variants must rarely be reported as changed, and a planted
//! slowdown must be found.
//!
//! `cargo bench --bench gate [-- COMPARISONS [TRIAL…]]`, by default 20 of each trial: about half an hour. Exit code 1
//! if more than one in forty unchanged comparisons is reported as changed, or fewer than 80 % of slowdowns by 10 % and
//! 99 % of those by 20 % are found.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

use std::process::{Command, ExitCode};
use std::time::Instant;

use serde_json::Value;

/// Two variants that are compared repeatedly.
struct Trial {
    name: &'static str,
    a: &'static str,
    b: &'static str,
    /// The metrics that are judged.
    metrics: &'static str,
    /// Minimum share of comparisons that must find a regression; `None` for unchanged variants.
    least_found: Option<f64>,
}

const TRIALS: [Trial; 4] = [
    Trial {
        name: "same-ipc",
        a: "ipc --bridge embedded:fps=unpaced --load closed --messages 200",
        b: "ipc --bridge embedded:fps=unpaced --load closed --messages 200",
        metrics: "p50",
        least_found: None,
    },
    Trial {
        name: "same-threads",
        a: "threads --model synth:tiny --sweep 1 --repetitions 5 --under-load none --prompt-tokens 64 --gen-tokens 32",
        b: "threads --model synth:tiny --sweep 1 --repetitions 5 --under-load none --prompt-tokens 64 --gen-tokens 32",
        metrics: "avg_ts",
        least_found: None,
    },
    Trial {
        name: "slower-by-10%",
        a: "ipc --bridge embedded:fps=unpaced,received-delay=30ms --load closed --messages 40 --warmup 5",
        b: "ipc --bridge embedded:fps=unpaced,received-delay=33ms --load closed --messages 40 --warmup 5",
        metrics: "received/closed/100B:p50",
        least_found: Some(0.80),
    },
    Trial {
        name: "slower-by-20%",
        a: "ipc --bridge embedded:fps=unpaced,received-delay=30ms --load closed --messages 40 --warmup 5",
        b: "ipc --bridge embedded:fps=unpaced,received-delay=36ms --load closed --messages 40 --warmup 5",
        metrics: "received/closed/100B:p50",
        least_found: Some(0.99),
    },
];

/// Number of comparisons by outcome, and their figures.
#[derive(Default)]
struct Tally {
    comparisons: usize,
    regressed: usize,
    pass: usize,
    inconclusive: usize,
    invalid: usize,
    /// Figures reported as improved, in any comparison.
    improved: usize,
    pairs: Vec<u64>,
    ratios: Vec<f64>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let comparisons = words.iter().find_map(|word| word.parse().ok()).unwrap_or(20);
    let is_wanted = |trial: &&Trial| {
        words.iter().all(|word| word.parse::<usize>().is_ok()) || words.iter().any(|word| word == trial.name)
    };
    println!(
        "| trial | comparisons | regressed | pass | inconclusive | invalid | figures improved | pairs, median | ratio, median | s |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut is_kept = true;
    let (mut same, mut alarms) = (0, 0);
    for trial in TRIALS.iter().filter(is_wanted) {
        let started = Instant::now();
        let mut tally = run(trial, comparisons);
        print(trial, &mut tally, started.elapsed().as_secs());
        if let Some(least) = trial.least_found {
            is_kept &= tally.regressed as f64 >= least * tally.comparisons as f64;
        } else {
            same += tally.comparisons;
            alarms += tally.regressed + tally.improved;
        }
    }
    is_kept &= alarms * 40 <= same.max(40);
    println!("\n{}", if is_kept { "all trials within their limits" } else { "TRIALS OUTSIDE THEIR LIMITS" });
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(trial: &Trial, comparisons: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..comparisons {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = Command::new(env!("CARGO_BIN_EXE_workly-perf"))
            .args(["compare", "--quiet", "--format", "json", "--pairs", "12", "--seed", &seed.to_string(), "--out"])
            .arg(folder.path())
            .args(["--metrics", trial.metrics, "--ab", trial.a, trial.b])
            .output()
            .expect("workly-perf runs");
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        count(&said, &mut tally);
        eprintln!("{} {}/{comparisons}: {}", trial.name, seed + 1, said["headline"]);
    }
    tally
}

fn count(said: &Value, tally: &mut Tally) {
    tally.comparisons += 1;
    match said["outcome"].as_str() {
        Some("regressed") => tally.regressed += 1,
        Some("pass") => tally.pass += 1,
        Some("inconclusive") => tally.inconclusive += 1,
        _ => tally.invalid += 1,
    }
    tally.pairs.extend(said["conditions"]["pairs_run"].as_u64());
    for judgement in said["judgements"].as_array().into_iter().flatten() {
        tally.improved += usize::from(judgement["verdict"] == "improved");
        tally.ratios.extend(judgement["change"]["ratio"].as_f64());
    }
}

fn print(trial: &Trial, tally: &mut Tally, seconds: u64) {
    tally.pairs.sort_unstable();
    tally.ratios.sort_by(f64::total_cmp);
    let pairs = tally.pairs.get(tally.pairs.len() / 2).copied().unwrap_or_default();
    let ratio = tally.ratios.get(tally.ratios.len() / 2).copied().unwrap_or(f64::NAN);
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {pairs} | {ratio:.3} | {seconds} |",
        trial.name, tally.comparisons, tally.regressed, tally.pass, tally.inconclusive, tally.invalid, tally.improved
    );
}
