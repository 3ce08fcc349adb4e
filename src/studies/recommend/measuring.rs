//! Measures what is missing, each part with this program's own command in a separate process, so that parts cannot
//! affect each other and each leaves its own record.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use jiff::Timestamp;

use super::super::child_run::ChildRun;
use super::super::observer::Observer;
use super::super::{LOCAL_RUNS, ended_by};
use crate::advise::threads::{BASELINE, founding_rule, later_rule};
use crate::advise::{Objective, Setting, measured_settings, spelled};
use crate::failure::{ChildExit, Failure};
use crate::host;
use crate::llm::GpuProfile;
use crate::plan::{CurrentSettings, Effort, RecommendPlan, usable_counts};
use crate::record::{RecordFolder, Run};

/// Commands that measure the latency of a lone command: quick, thorough.
const LONE_COMMAND: [&str; 2] = ["ipc --load poisson:50 --messages 150", "ipc --load poisson:50 --messages 1000"];

/// Commands that compare ways to send a reaction: quick, thorough.
const REACTION: [&str; 2] = ["ipc --reaction --messages 20 --rounds 8", "ipc --reaction --messages 100 --rounds 20"];

/// From this size on, a quick sweep asks less of a model: one of 5 GB would take minutes only to get to the depth of a conversation.
const LARGE_MODEL_BYTES: u64 = 1 << 30;

/// What no saved run shows.
#[allow(clippy::struct_excessive_bools)] // Four parts, each measured or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MissingRuns {
    /// Latency of a lone command.
    pub(super) lone_command: bool,
    /// The gain of sending a reaction's commands without waiting.
    pub(super) reaction: bool,
    /// Speed by thread count.
    pub(super) threads: bool,
    /// Whether the model is faster with its file mapped, and with which KV cache.
    pub(super) memory: bool,
}

impl MissingRuns {
    /// What these runs do not show. Without a model, threads cannot be measured.
    pub(super) fn among(runs: &[Run], has_model: bool) -> Self {
        let has = |command: &str, path: &str| {
            runs.iter().any(|run| run.command == command && run.cases.iter().any(|case| case.path.starts_with(path)))
        };
        Self {
            lone_command: !has("ipc", "applied/poisson"),
            reaction: !has("ipc", "reaction/"),
            threads: !has("threads", "") && has_model,
            memory: has_model && !runs.iter().any(compares_mapping),
        }
    }
}

/// Whether a sweep measured the model both mapped and read.
fn compares_mapping(run: &Run) -> bool {
    run.command == "threads" && run.plan["mmap"].as_array().is_some_and(|choices| choices.len() > 1)
}

/// What is known before anything is measured.
pub(super) struct KnownFacts<'a> {
    /// The saved runs.
    pub(super) runs: &'a [Run],
    /// Length of the model's file, in bytes.
    pub(super) file_bytes: u64,
}

/// Measures it. What this machine lacks is not measured, and the rules will say so.
pub(super) fn measure(
    plan: &RecommendPlan,
    effort: Effort,
    missing: MissingRuns,
    known: &KnownFacts<'_>,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Run>, Failure> {
    let one = |command: &'static str, line: &[String]| {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        observer.note(&format!("measuring: workly-perf {}", line.join(" ")));
        run(command, line, plan.quiet_runs, observer, stop)
    };
    let mut runs = Vec::new();
    let is_large = known.file_bytes >= LARGE_MODEL_BYTES;
    for (command, line) in command_lines(plan, effort, missing, is_large) {
        runs.extend(one(command, &line)?);
    }
    if missing.memory && !(is_large && effort == Effort::Quick) {
        let sweeps: Vec<Run> = known.runs.iter().chain(&runs).filter(|run| run.command == "threads").cloned().collect();
        for line in further_lines(plan, effort, &sweeps, has_room(known.file_bytes)) {
            runs.extend(one("threads", &line)?);
        }
    }
    Ok(runs)
}

/// Whether the model fits into memory a second time, with as much as the application needs left over.
fn has_room(file_bytes: u64) -> bool {
    /// What a desktop needs besides.
    const LEFT_OVER_BYTES: u64 = 2 << 30;
    host::available_memory_bytes().value().is_some_and(|available| *available > 2 * file_bytes + LEFT_OVER_BYTES)
}

/// The sweeps that follow from what these chose: with the settings that they decided on, whether the file is mapped; thoroughly also the
/// type of the KV cache and what waiting threads do. `has_room`: whether the model may be loaded twice.
fn further_lines(plan: &RecommendPlan, effort: Effort, sweeps: &[Run], has_room: bool) -> Vec<Vec<String>> {
    let choices = measured_settings(sweeps);
    let value = |setting: Setting| {
        choices.iter().find(|choice| choice.setting == setting).and_then(|choice| choice.value.as_ref().map(spelled))
    };
    let Some(threads) = value(Setting::NThreads).filter(|_| has_room) else { return Vec::new() };
    let flash = value(Setting::FlashAttn).unwrap_or_else(|| "off".into());
    let priority = value(Setting::Priority).map(|name| format!(" --priority {name}")).unwrap_or_default();
    let beside = if plan.objective == Objective::Fast { "none" } else { "render" };
    let line = |compared: &str, load: &str, budget: &str| {
        let mut line = words(&format!(
            "threads --sweep {threads} --flash-attn {flash}{priority} {compared} --under-load {load} --budget {budget} \
             --prompt-tokens 64 --gen-tokens 32"
        ));
        line.extend(plan.model.iter().flat_map(|model| ["--model".into(), model.to_string()]));
        line.extend(config_flag(plan));
        line
    };
    // A mapped file is as fast at any depth, and its late frames are those of the same threads reading it from memory: few frames would tell
    // one from the other by chance.
    let mapping = |budget| line("--mmap on,off --depth 0", "none", budget);
    match effort {
        Effort::Quick => vec![mapping("8s")],
        Effort::Thorough => {
            // Only flash attention can read a quantised cache.
            let caches = (flash == "on").then(|| line("--cache-type f16,q8_0", beside, "1m"));
            [mapping("30s")].into_iter().chain(caches).chain([line("--wait active,passive", beside, "1m")]).collect()
        }
    }
}

/// The command lines that measure it.
fn command_lines(
    plan: &RecommendPlan,
    effort: Effort,
    missing: MissingRuns,
    is_large: bool,
) -> Vec<(&'static str, Vec<String>)> {
    let parts = [
        (missing.lone_command, "ipc", ipc_line(plan, LONE_COMMAND[effort as usize])),
        (missing.reaction, "ipc", ipc_line(plan, REACTION[effort as usize])),
        (missing.threads, "threads", threads_line(plan, effort, is_large)),
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

fn threads_line(plan: &RecommendPlan, effort: Effort, is_large: bool) -> Vec<String> {
    let mut line = match effort {
        Effort::Quick => {
            let load = if plan.objective == Objective::Fast { "none" } else { "render" };
            let counts: Vec<String> = counts(&plan.current).iter().map(ToString::to_string).collect();
            // What a large model has no time for: flash attention, which is slow to fill a second context for, and depth.
            let asked = if is_large {
                "off --depth 256 --budget 2m --prompt-tokens 16 --gen-tokens 8"
            } else {
                "off,on --budget 40s --prompt-tokens 64 --gen-tokens 32"
            };
            words(&format!(
                "threads --sweep {} --under-load {load}{} --flash-attn {asked}",
                counts.join(","),
                priorities("normal,low")
            ))
        }
        Effort::Thorough => words(&format!(
            "threads --sweep auto,{} --depth 0,1024 --flash-attn off,on --cache-type f16,q8_0{} --under-load both --budget 12m",
            app_threads(&plan.current),
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

/// What the application takes with its profile.
fn app_threads(current: &CurrentSettings) -> u32 {
    u32::try_from(GpuProfile::of_app(current.profile.as_deref()).n_threads).unwrap_or(BASELINE)
}

fn counts_among(current: &CurrentSettings, physical: u32, logical: u32) -> Vec<u32> {
    let written = current.written_threads().unwrap_or(BASELINE);
    let mut counts = vec![
        1,
        physical / 2,
        physical - 1,
        physical,
        founding_rule(physical, logical),
        later_rule(physical, logical),
        written,
    ];
    // More threads than twice the CPUs only take time from the others, except for what a gain is compared with.
    counts.retain(|&count| (1..=2 * logical).contains(&count));
    counts.push(app_threads(current));
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Runs this program and reads the record it leaves. `None` if the machine lacks what it needs.
fn run(
    command: &str,
    line: &[String],
    is_quiet: bool,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<Run>, Failure> {
    let out = fresh_folder(command);
    let child = ChildRun { program: None, args: line, out: &out, is_quiet, log: None };
    let status = child.run(stop).map_err(Failure::failed)?;
    if stop.load(Ordering::Relaxed) {
        return Err(interrupted());
    }
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
    fn only_what_is_missing_is_measured_with_what_was_named() {
        let all = MissingRuns { lone_command: true, reaction: true, threads: true, memory: true };
        let lines = command_lines(&plan(Objective::Responsive), Effort::Thorough, all, false);
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "ipc --load poisson:50 --messages 1000 --bridge 127.0.0.1:5555 --config my.json",
                "ipc --reaction --messages 100 --rounds 20 --bridge 127.0.0.1:5555 --config my.json",
                "threads --sweep auto,6 --depth 0,1024 --flash-attn off,on --cache-type f16,q8_0 --priority normal,low,idle \
                 --under-load both --budget 12m --model synth:tiny --config my.json",
            ]
        );
        let threads_only = MissingRuns { lone_command: false, reaction: false, threads: true, memory: false };
        for (objective, load) in [(Objective::Fast, "none"), (Objective::Light, "render")] {
            for (is_large, asked) in [(false, "off,on --budget 40s"), (true, "off --depth 256 --budget 2m")] {
                let lines = command_lines(&plan(objective), Effort::Quick, threads_only, is_large);
                assert_eq!(lines.len(), 1);
                let line = lines[0].1.join(" ");
                assert!(line.contains(&format!("--under-load {load}")), "{line}");
                assert!(line.contains(&format!("--flash-attn {asked}")), "{line}");
            }
        }
    }

    #[test]
    fn saved_runs_are_not_measured_again() {
        let mut ipc = saved_run();
        ipc.command = "ipc".into();
        ipc.cases.truncate(1);
        ipc.cases[0].path = "applied/poisson:50/100B".into();
        let missing = MissingRuns::among(std::slice::from_ref(&ipc), true);
        assert_eq!(missing, MissingRuns { lone_command: false, reaction: true, threads: true, memory: true });
        let without_model = MissingRuns::among(&[ipc], false);
        assert_eq!(without_model, MissingRuns { lone_command: false, reaction: true, threads: false, memory: false });
    }

    /// A sweep in which two threads with flash attention at low priority are the fastest.
    fn sweep() -> Run {
        let case = |threads: u64, flash: &str, priority: &str, tokens_per_s: f64| {
            let mut case = saved_run().cases.remove(0);
            case.path = format!("render/tg32/threads={threads}/fa={flash}/prio={priority}");
            case.conditions = serde_json::json!({
                "load": "render", "test": "tg", "n_threads": threads, "flash_attn": flash, "priority": priority,
                "samples_ts": vec![tokens_per_s; 8],
            });
            case
        };
        let mut run = saved_run();
        run.command = "threads".into();
        run.plan = serde_json::json!({"mmap": [true]});
        run.cases = vec![case(1, "off", "normal", 30.0), case(2, "off", "normal", 40.0), case(2, "on", "low", 50.0)];
        run
    }

    #[test]
    fn chosen_settings_are_measured_mapped_and_read_if_memory_allows() {
        let plan = plan(Objective::Responsive);
        let lines = |effort, has_room| -> Vec<String> {
            further_lines(&plan, effort, &[sweep()], has_room).into_iter().map(|line| line.join(" ")).collect()
        };
        assert_eq!(
            lines(Effort::Quick, true),
            ["threads --sweep 2 --flash-attn on --priority low --mmap on,off --depth 0 --under-load none --budget 8s \
                 --prompt-tokens 64 --gen-tokens 32 --model synth:tiny --config my.json"]
        );
        assert!(lines(Effort::Thorough, true)[1].contains("--cache-type f16,q8_0 --under-load render"));
        assert!(lines(Effort::Thorough, true)[2].contains("--priority low --wait active,passive --under-load render"));
        assert!(lines(Effort::Quick, false).is_empty() && further_lines(&plan, Effort::Quick, &[], true).is_empty());
        assert!(!compares_mapping(&sweep()));
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
        assert!(!counts_among(&current, 8, 16).contains(&99), "more than twice the CPUs only cost time");
        let small = CurrentSettings::default();
        assert_eq!(counts_among(&small, 1, 1), [1, 2, 6], "a machine of one CPU, and what the application takes");
        assert_eq!(counts_among(&small, 2, 2), [1, 2, 6]);
        let fallback = CurrentSettings { profile: Some("cpu_fallback".into()), ..CurrentSettings::default() };
        assert_eq!(counts_among(&fallback, 2, 2), [1, 2, 8]);
    }
}
