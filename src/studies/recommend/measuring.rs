//! Measures what is missing, each part with this program's own command in a separate process, so that parts cannot
//! affect each other and each leaves its own record.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow};
use jiff::Timestamp;

use super::super::observer::Observer;
use super::super::{LOCAL_RUNS, ended_by};
use crate::advise::Objective;
use crate::advise::threads::{BASELINE, founding_rule, later_rule};
use crate::failure::{ChildExit, Failure};
use crate::host;
use crate::llm::GpuProfile;
use crate::plan::{CurrentSettings, Effort, RecommendPlan, usable_counts};
use crate::record::{RecordFolder, Run};

/// Commands that measure the latency of a lone command: quick, thorough.
const LONE_COMMAND: [&str; 2] = ["ipc --load poisson:50 --messages 150", "ipc --load poisson:50 --messages 1000"];

/// Commands that compare ways to send a reaction: quick, thorough.
const REACTION: [&str; 2] = ["ipc --reaction --messages 20 --rounds 8", "ipc --reaction --messages 100 --rounds 20"];

/// What no saved run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    /// Latency of a lone command.
    pub(super) lone_command: bool,
    /// The gain of sending a reaction's commands without waiting.
    pub(super) reaction: bool,
    /// Speed by thread count.
    pub(super) threads: bool,
}

impl Missing {
    /// What these runs do not show. Without a model, threads cannot be measured.
    pub(super) fn among(runs: &[Run], has_model: bool) -> Self {
        let has = |command: &str, path: &str| {
            runs.iter().any(|run| run.command == command && run.cases.iter().any(|case| case.path.starts_with(path)))
        };
        Self {
            lone_command: !has("ipc", "applied/poisson"),
            reaction: !has("ipc", "reaction/"),
            threads: !has("threads", "") && has_model,
        }
    }
}

/// Measures it. Parts that this machine lacks the means for are skipped, and the rules report that.
pub(super) fn measure(
    plan: &RecommendPlan,
    effort: Effort,
    missing: Missing,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for (command, line) in command_lines(plan, effort, missing) {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        observer.note(&format!("measuring: workly-perf {}", line.join(" ")));
        runs.extend(run(command, &line, plan.quiet_runs, observer)?);
    }
    Ok(runs)
}

/// The command lines for the missing parts.
fn command_lines(plan: &RecommendPlan, effort: Effort, missing: Missing) -> Vec<(&'static str, Vec<String>)> {
    let parts = [
        (missing.lone_command, "ipc", ipc_line(plan, LONE_COMMAND[effort as usize])),
        (missing.reaction, "ipc", ipc_line(plan, REACTION[effort as usize])),
        (missing.threads, "threads", threads_line(plan, effort)),
    ];
    parts.into_iter().filter(|(is_missing, ..)| *is_missing).map(|(_, command, line)| (command, line)).collect()
}

/// The end of the command by a signal.
pub(super) fn interrupted() -> Failure {
    Failure::interrupted(anyhow!("{}: no recommendation was made", ended_by()))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

fn ipc_line(plan: &RecommendPlan, study: &str) -> Vec<String> {
    let mut line = words(study);
    if let Some(bridge) = &plan.bridge {
        line.extend(["--bridge".into(), bridge.to_string()]);
    }
    line.extend(config_flag(plan));
    line
}

fn threads_line(plan: &RecommendPlan, effort: Effort) -> Vec<String> {
    let mut line = match effort {
        Effort::Quick => {
            let load = if plan.objective == Objective::Fast { "none" } else { "render" };
            let counts: Vec<String> = counts(&plan.current).iter().map(ToString::to_string).collect();
            words(&format!(
                "threads --sweep {} --flash-attn off,on{} --under-load {load} --budget 45s --prompt-tokens 64 --gen-tokens 32",
                counts.join(","),
                priorities("normal,low")
            ))
        }
        Effort::Thorough => words(&format!(
            "threads --sweep auto --depth 0,1024 --flash-attn off,on --cache-type f16,q8_0{} --under-load both --budget 12m",
            priorities("normal,low,idle")
        )),
    };
    if let Some(model) = &plan.model {
        line.extend(["--model".into(), model.to_string()]);
    }
    line.extend(config_flag(plan));
    line
}

/// The flag for these priorities; empty if this system has no lower ones for threads.
fn priorities(names: &str) -> String {
    if host::has_priorities() { format!(" --priority {names}") } else { String::new() }
}

fn config_flag(plan: &RecommendPlan) -> Vec<String> {
    let path = plan.config.as_deref();
    path.map(|path| vec!["--config".into(), path.to_string_lossy().into_owned()]).unwrap_or_default()
}

/// The most informative counts: one, the cores, the rules', the previously written one, and the application's.
fn counts(current: &CurrentSettings) -> Vec<u32> {
    let (physical, logical) = usable_counts(&host::topology());
    counts_among(current, physical, logical)
}

fn counts_among(current: &CurrentSettings, physical: u32, logical: u32) -> Vec<u32> {
    let written = current.written_threads().unwrap_or(BASELINE);
    let profile = current.profile.as_deref().and_then(|own| GpuProfile::built_in().iter().find(|one| one.name == own));
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
    // More threads than twice the CPUs only take time from the others.
    counts.retain(|&count| (1..=2 * logical).contains(&count));
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Runs this program and reads the record it leaves. `None` if the machine lacks what it needs.
fn run(command: &str, line: &[String], is_quiet: bool, observer: &dyn Observer) -> Result<Option<Run>, Failure> {
    let program = std::env::current_exe().context("cannot find this program").map_err(Failure::failed)?;
    let out = fresh_folder(command);
    let mut child = Command::new(program);
    child.args(line).arg("--out").arg(&out).stdin(Stdio::null()).stdout(Stdio::null());
    if is_quiet {
        child.arg("--quiet");
    }
    let status =
        child.status().with_context(|| format!("cannot run workly-perf {command}")).map_err(Failure::failed)?;
    let exit = ChildExit::of(status.code());
    match exit {
        ChildExit::Interrupted => return Err(interrupted()),
        ChildExit::Lacking => {
            observer.note(&format!("{command} was not measured: this machine or this build lacks what it needs"));
            return Ok(None);
        }
        ChildExit::Done | ChildExit::Failed => {}
        _ => return Err(Failure::failed(anyhow!("workly-perf {command} ended with {status}: its message is above"))),
    }
    match RecordFolder::read(&out) {
        Ok(run) => Ok(Some(run)),
        // Nothing was measured; the command has printed its own message.
        Err(_) if exit == ChildExit::Failed => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A folder for a record, named as the command itself would.
fn fresh_folder(command: &str) -> PathBuf {
    let name = format!("{}-{command}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    let path = Path::new(LOCAL_RUNS).join(&name);
    if path.exists() { Path::new(LOCAL_RUNS).join(format!("{name}-{}", std::process::id())) } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run as saved_run;

    fn plan(objective: Objective) -> RecommendPlan {
        RecommendPlan {
            objective,
            effort: Some(Effort::Quick),
            from: Vec::new(),
            model: Some("synth:tiny".parse().unwrap()),
            config: Some("my.json".into()),
            bridge: Some("127.0.0.1:5555".parse().unwrap()),
            vram_bytes: None,
            current: CurrentSettings::default(),
            quiet_runs: true,
        }
    }

    #[test]
    fn only_missing_parts_are_measured_with_the_named_settings() {
        let all = Missing { lone_command: true, reaction: true, threads: true };
        let lines = command_lines(&plan(Objective::Responsive), Effort::Thorough, all);
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "ipc --load poisson:50 --messages 1000 --bridge 127.0.0.1:5555 --config my.json",
                "ipc --reaction --messages 100 --rounds 20 --bridge 127.0.0.1:5555 --config my.json",
                "threads --sweep auto --depth 0,1024 --flash-attn off,on --cache-type f16,q8_0 --priority normal,low,idle \
                 --under-load both --budget 12m --model synth:tiny --config my.json",
            ]
        );
        let threads_only = Missing { lone_command: false, reaction: false, threads: true };
        for (objective, load) in [(Objective::Fast, "none"), (Objective::Light, "render")] {
            let lines = command_lines(&plan(objective), Effort::Quick, threads_only);
            assert_eq!(lines.len(), 1);
            let line = lines[0].1.join(" ");
            assert!(line.contains(&format!("--under-load {load} --budget 45s")), "{line}");
        }
    }

    #[test]
    fn saved_runs_are_not_measured_again() {
        let mut ipc = saved_run();
        ipc.command = "ipc".into();
        ipc.cases.truncate(1);
        ipc.cases[0].path = "applied/poisson:50/100B".into();
        let missing = Missing::among(std::slice::from_ref(&ipc), true);
        assert_eq!(missing, Missing { lone_command: false, reaction: true, threads: true });
        let without_model = Missing::among(&[ipc], false);
        assert_eq!(without_model, Missing { lone_command: false, reaction: true, threads: false });
    }

    #[test]
    fn quick_sweep_has_each_relevant_thread_count_once() {
        let mut current = CurrentSettings::default();
        let counts = counts_among(&current, 8, 16);
        assert!([1, 4, 7, 8].iter().all(|count| counts.contains(count)), "{counts:?}");
        assert!(counts.windows(2).all(|pair| pair[0] < pair[1]) && *counts.last().unwrap() <= 32, "{counts:?}");
        current.performance.insert("n_threads".into(), 13.into());
        assert!(counts_among(&current, 8, 16).contains(&13));
        current.performance.insert("n_threads".into(), 99.into());
        assert!(!counts_among(&current, 8, 16).contains(&99), "more than twice the CPUs would only cost time");
        assert!(counts_among(&current, 1, 1).iter().all(|count| (1..=2).contains(count)), "a machine with one CPU");
    }
}
