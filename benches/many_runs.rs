//! How time and memory of `compare`, `history` and `report` grow with their input.
//!
//! `cargo bench --bench many_runs [-- OTHER] [compare|history|report…]`. OTHER is another build of workly-perf to
//! compare with. Prints user CPU time and peak memory, read from /proc (Linux only), each the least of three runs; with
//! OTHER, the two builds take turns. Exit code 1 if this build grows faster than its input, takes 200 MiB or more for a
//! history or a report of runs of 100 cases, or more than a twentieth of OTHER's time for the largest comparison.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

const HEADER: &str = "schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status,started,run_state,\
                      fingerprint,power,version,commit,target,profile,features,subject,simulated,rows\n";

/// Sizes, each twice the previous one.
const CASES: [usize; 3] = [2_000, 4_000, 8_000];
const RUNS: [usize; 3] = [500, 1_000, 2_000];

/// Runs of each command.
const RUNS_OF_EACH: usize = 3;

/// Maximum cost of twice the input, as a factor: 2, plus clock ticks and the program's start.
const MOST_GROWTH: f64 = 2.5;
/// Maximum memory of a history, and of a report of a run of 100 cases.
const MOST_MIB: f64 = 200.0;
/// Maximum share of OTHER's time for the largest comparison.
const MOST_SHARE: f64 = 0.05;

/// Cost of one run of the program.
#[derive(Clone, Copy)]
struct Cost {
    user_s: f64,
    peak_mib: f64,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let (files, wanted): (Vec<String>, Vec<String>) = words.into_iter().partition(|word| Path::new(word).is_file());
    let other = files.first().map(PathBuf::from);
    let this = PathBuf::from(env!("CARGO_BIN_EXE_workly-perf"));
    let mut is_kept = true;
    println!("| what | size | CPU s | peak MiB | CPU s, other | peak MiB, other |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (what, sizes, make, line) in [
        ("compare, 12 against 12 runs", CASES, two_sides as fn(&Path, usize), "compare base new"),
        ("history, runs of 100 cases", RUNS, many, "history runs"),
        ("history --format md, runs of 100 cases", RUNS, many, "history runs --format md"),
        ("report --format html of every run, runs of 100 cases", RUNS, one_of_100, "report run --format html"),
        ("report --format html, cases", CASES, one, "report run --format html"),
        ("report --format md, cases", CASES, one, "report run --format md"),
    ] {
        if !wanted.is_empty() && !wanted.iter().any(|word| what.starts_with(word.as_str())) {
            continue;
        }
        let mut costs = Vec::new();
        for size in sizes {
            let folder = tempfile::tempdir().expect("a temporary folder");
            make(folder.path(), size);
            let times = if what.contains("every run") { size } else { 1 };
            let (cost, beside) = costs_of(&this, other.as_deref(), &Task { folder: folder.path(), line, times });
            let told =
                beside.map_or_else(|| "| |".into(), |cost| format!("{:.2} | {:.0} |", cost.user_s, cost.peak_mib));
            println!("| {what} | {size} | {:.2} | {:.0} | {told}", cost.user_s, cost.peak_mib);
            costs.push((cost, beside));
        }
        is_kept &= is_within(what, &costs);
    }
    println!("\n{}", if is_kept { "all results within their limits" } else { "RESULTS OUTSIDE THEIR LIMITS" });
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_within(what: &str, costs: &[(Cost, Option<Cost>)]) -> bool {
    let growth = costs.windows(2).all(|pair| pair[1].0.user_s <= MOST_GROWTH * pair[0].0.user_s.max(0.05));
    let memory = !what.contains("runs of 100 cases") || costs.iter().all(|(cost, _)| cost.peak_mib < MOST_MIB);
    let share = costs.last().is_none_or(|(cost, beside)| {
        !what.starts_with("compare") || beside.is_none_or(|beside| cost.user_s <= MOST_SHARE * beside.user_s)
    });
    growth && memory && share
}

/// A command line, the folder to run it in, and the number of consecutive runs.
struct Task<'a> {
    folder: &'a Path,
    line: &'a str,
    times: usize,
}

/// Costs of this build and the other, each the minimum of several alternating runs: time added by other programs is not
/// part of the command's cost.
fn costs_of(this: &Path, other: Option<&Path>, task: &Task<'_>) -> (Cost, Option<Cost>) {
    let (mut of_this, mut of_other) = (Vec::new(), Vec::new());
    // Many runs are their own repetition.
    for _ in 0..if task.times == 1 { RUNS_OF_EACH } else { 1 } {
        of_this.push(cost(this, task));
        of_other.extend(other.map(|other| cost(other, task)));
    }
    let least = |costs: &[Cost], of: fn(&Cost) -> f64| costs.iter().map(of).fold(f64::INFINITY, f64::min);
    let both = |costs: &[Cost]| Cost {
        user_s: least(costs, |cost| cost.user_s),
        peak_mib: least(costs, |cost| cost.peak_mib),
    };
    (both(&of_this), other.map(|_| both(&of_other)))
}

/// Runs the program to its end, through a shell that adds up the CPU time. The verdict of a comparison is ignored.
fn cost(program: &Path, task: &Task<'_>) -> Cost {
    let mut command = Command::new("sh");
    command.args(["-c", "n=$1; shift; while [ $n -gt 0 ]; do \"$@\"; code=$?; n=$((n - 1)); done; exit $code", "sh"]);
    command.arg(task.times.to_string()).arg(program).args(task.line.split(' ')).current_dir(task.folder);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("there is a shell");
    let cost = watched(&child);
    let code = child.wait().expect("it ends").code();
    assert!(matches!(code, Some(0 | 1 | 4)), "{} {} ended with {code:?}", program.display(), task.line);
    cost
}

/// Peak memory of the programs that the shell runs, and their total CPU time, which the kernel keeps until the shell is
/// reaped.
fn watched(shell: &Child) -> Cost {
    let shell = shell.id();
    let mut peak_kib = 0.0_f64;
    loop {
        let programs = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap_or_default();
        for program in programs.split_whitespace() {
            peak_kib = peak_kib.max(peak_of(program).unwrap_or(0.0));
        }
        let stat = fs::read_to_string(format!("/proc/{shell}/stat")).expect("this bench needs Linux");
        // After the name in brackets: state is the first field, user time of ended children the fourteenth, in
        // hundredths of a second.
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        if fields[0] == "Z" {
            return Cost { user_s: fields[13].parse::<f64>().expect("ticks") / 100.0, peak_mib: peak_kib / 1024.0 };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Peak memory of the process in KiB; `None` if it has ended.
fn peak_of(program: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{program}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// The CSV of one run: one median per case, slightly different in each run.
fn summary(run: usize, cases: usize) -> String {
    let mut text = HEADER.to_owned();
    for case in 0..cases {
        let value = 10.0 + (case % 97) as f64 + 0.001 * ((run * 7_919 + case * 104_729) % 997) as f64;
        let (hour, minute) = (run / 60 % 24, run % 60);
        let day = 1 + run / 1_440;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "1.1,run-{run:05},ipc,applied/poisson:{case}/100B,p50,ms,{value},1000,0.5,,,lower,ok,\
             2026-01-{day:02}T{hour:02}:{minute:02}:00Z,complete,9f86d081884c7d65,powersave,0.1.0,0123abc,\
             x86_64-unknown-linux-gnu,release,llama,bridge=remote dialect=stock,,{cases}"
        );
    }
    text
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

fn two_sides(folder: &Path, cases: usize) {
    for run in 0..24 {
        let side = if run < 12 { "base" } else { "new" };
        write(&folder.join(format!("{side}/{run}/summary.csv")), &summary(run, cases));
    }
}

fn many(folder: &Path, runs: usize) {
    for run in 0..runs {
        write(&folder.join(format!("runs/{run:05}/summary.csv")), &summary(run, 100));
    }
}

fn one_of_100(folder: &Path, _: usize) {
    one(folder, 100);
}

/// The tests' record, with its first case repeated, each with its own note.
fn one(folder: &Path, cases: usize) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records/v1.1/run.json");
    let text = fs::read_to_string(golden).expect("the golden record");
    let mut run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let first = run["cases"][0].clone();
    let case = |at: usize| {
        let mut case = first.clone();
        case["path"] = format!("applied/poisson:{at}/100B").into();
        case["notes"] = serde_json::json!([format!("frame lock at {at}")]);
        case["histograms"] = serde_json::json!([]);
        case
    };
    run["cases"] = (0..cases).map(case).collect();
    write(&folder.join("run/run.json"), &run.to_string());
}
