//! Measures what is missing, each part with this program's own command in a process of its own: what one of them does to its
//! process, the others need not bear, and each leaves its own record.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow};
use jiff::Timestamp;

use super::command::text;
use crate::advise::threads::{BASELINE, founding_rule, later_rule};
use crate::cli::{ObjectiveArg, RecommendArgs};
use crate::config::ConfigFile;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::GpuProfile;
use crate::plan::usable_counts;
use crate::record::{RecordFolder, Run};
use crate::studies::LOCAL_RUNS;
use crate::studies::ended_by;
use crate::term::Printer;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Quick,
    Thorough,
}

/// How long a command waits that comes by itself: quick, thorough.
const LONE_COMMAND: [&str; 2] = ["ipc --load poisson:50 --messages 150", "ipc --load poisson:50 --messages 1000"];

/// A reaction in each way: quick, thorough.
const REACTION: [&str; 2] = ["ipc --reaction --messages 20 --rounds 8", "ipc --reaction --messages 100 --rounds 20"];

/// What no saved run tells.
pub(super) struct Missing {
    /// How long a command waits that comes by itself.
    pub(super) lone_command: bool,
    /// What the commands of a reaction gain from not waiting for one another.
    pub(super) reaction: bool,
    /// How fast each number of threads is.
    pub(super) threads: bool,
}

/// Measures it. What this machine lacks is not measured, and the rules will say so.
pub(super) fn measure(
    args: &RecommendArgs,
    depth: Depth,
    missing: &Missing,
    config: Option<&ConfigFile>,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    let parts = [
        (missing.lone_command, "ipc", ipc_line(args, LONE_COMMAND[depth as usize])),
        (missing.reaction, "ipc", ipc_line(args, REACTION[depth as usize])),
        (missing.threads, "threads", threads_line(args, depth, config)),
    ];
    for (_, command, line) in parts.into_iter().filter(|(is_missing, ..)| *is_missing) {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        printer.note(&format!("measuring: workly-perf {}", line.join(" ")));
        runs.extend(run(command, &line, printer)?);
    }
    Ok(runs)
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, anyhow!("{}: no recommendation was made", ended_by()))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

fn ipc_line(args: &RecommendArgs, study: &str) -> Vec<String> {
    let mut line = words(study);
    if let Some(bridge) = &args.bridge {
        line.extend(["--bridge".into(), bridge.to_string()]);
    }
    line.extend(config_flag(args));
    line
}

fn threads_line(args: &RecommendArgs, depth: Depth, config: Option<&ConfigFile>) -> Vec<String> {
    let mut line = match depth {
        Depth::Quick => {
            let load = if args.objective == ObjectiveArg::Fast { "none" } else { "render" };
            let counts: Vec<String> = counts(config).iter().map(ToString::to_string).collect();
            words(&format!(
                "threads --sweep {} --under-load {load} --budget 60s --prompt-tokens 64 --gen-tokens 32",
                counts.join(",")
            ))
        }
        Depth::Thorough => words("threads --sweep auto --under-load both --budget 12m"),
    };
    if let Some(model) = &args.model {
        line.extend(["--model".into(), model.to_string()]);
    }
    line.extend(config_flag(args));
    line
}

fn config_flag(args: &RecommendArgs) -> Vec<String> {
    let path = args.config.as_deref().or(args.write.as_deref());
    path.map(|path| vec!["--config".into(), text(path)]).unwrap_or_default()
}

/// The counts that answer fastest what to do: one, the cores, the rules, what was written, and what the application takes.
fn counts(config: Option<&ConfigFile>) -> Vec<u32> {
    let (physical, logical) = usable_counts(&host::topology());
    let written = config.and_then(|config| config.value(&["performance", "n_threads"])?.as_u64());
    let written = written.and_then(|count| u32::try_from(count).ok()).unwrap_or(BASELINE);
    let profile = config.filter(|config| config.refusal().is_none()).and_then(ConfigFile::gpu_profile);
    let profile = profile.and_then(|own| GpuProfile::built_in().iter().find(|one| one.name == own.word()));
    let app = profile.and_then(|profile| u32::try_from(profile.n_threads).ok()).unwrap_or(BASELINE);
    let mut counts = vec![
        1,
        physical / 2,
        physical - 1,
        physical,
        founding_rule(physical, logical),
        later_rule(physical, logical),
        written,
        app,
    ];
    // Threads beyond twice the CPUs only cost the time that the others need.
    counts.retain(|&count| (1..=2 * logical).contains(&count));
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Runs this program, and reads the record that it leaves. `None` where the machine lacks what it needs.
fn run(command: &str, line: &[String], printer: Printer) -> Result<Option<Run>, Failure> {
    let fault = |error: anyhow::Error| Failure::new(Exit::Failed, error);
    let program = std::env::current_exe().context("cannot find this program").map_err(fault)?;
    let out = fresh_folder(command);
    let mut child = Command::new(program);
    child.args(line).arg("--out").arg(&out).stdin(Stdio::null()).stdout(Stdio::null());
    if !printer.is_watched() {
        child.arg("--quiet");
    }
    let status = child.status().with_context(|| format!("cannot run workly-perf {command}")).map_err(fault)?;
    let is = |exit: Exit| status.code() == Some(exit as i32);
    if is(Exit::Interrupted) {
        return Err(interrupted());
    }
    if is(Exit::Lacking) {
        printer.note(&format!("{command} was not measured: this machine or this build lacks what it needs"));
        return Ok(None);
    }
    if !is(Exit::Done) && !is(Exit::Failed) {
        return Err(fault(anyhow!("workly-perf {command} ended with {status}: its message is above")));
    }
    match RecordFolder::read(&out) {
        Ok(run) => Ok(Some(run)),
        // Nothing was measured: what it said stands above.
        Err(_) if is(Exit::Failed) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A folder for a record, named as the command itself would name it.
fn fresh_folder(command: &str) -> PathBuf {
    let name = format!("{}-{command}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    let path = Path::new(LOCAL_RUNS).join(&name);
    if path.exists() { Path::new(LOCAL_RUNS).join(format!("{name}-{}", std::process::id())) } else { path }
}
