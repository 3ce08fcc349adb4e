//! Configuration, model and GPU: whether Workly can load its model.

use super::check::{Check, CheckState, Symptom};
use crate::plural::counted;
use crate::record::Fact;
use crate::text::gib;

/// What is known about the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFacts {
    /// There is none.
    None,
    /// It cannot be read, or the application refuses it.
    Unusable {
        /// Why.
        reason: String,
        /// Whether the application refuses it because of its content.
        is_refused: bool,
        /// The command line that restores the previous version, if one was kept.
        undo: Option<String>,
    },
    /// Some versions of the application accept it; others refuse it.
    Doubtful {
        /// Its path, as given.
        path: String,
        /// What is doubtful.
        reason: String,
    },
    /// The application accepts it.
    Valid {
        /// Its path, as given.
        path: String,
        /// Its GPU profile, if it has one.
        gpu_profile: Option<String>,
    },
}

/// The check of the configuration.
#[must_use]
pub fn check_config(facts: &ConfigFacts) -> Check {
    match facts {
        ConfigFacts::None => Check::new("configuration", CheckState::NotKnown, "there is no data/config.json here")
            .mend("run this in Workly's folder, or give the file with --config"),
        ConfigFacts::Unusable { reason, is_refused, undo } => {
            let silent = if *is_refused {
                "; the application silently ignores its complete AI configuration and runs on its defaults"
            } else {
                ""
            };
            let mend = undo.as_ref().map_or("repair the file".into(), |undo| {
                format!("repair the file, or restore an earlier version: {undo}")
            });
            Check::new("configuration", CheckState::Problem, format!("{reason}{silent}"))
                .mend(mend)
                .causes(&[Symptom::CrashAtLoad])
        }
        ConfigFacts::Doubtful { path, reason } => {
            Check::new("configuration", CheckState::Warning, format!("{path}: {reason}"))
                .mend(
                    "set ai.gpu_profile to performance, balanced or cpu_fallback, which every version supports: \
                    workly-perf recommend",
                )
                .causes(&[Symptom::CrashAtLoad])
        }
        ConfigFacts::Valid { path, gpu_profile } => {
            let profile = gpu_profile.as_deref().unwrap_or("none named");
            Check::ok("configuration", format!("{path}: valid, profile {profile}"))
        }
    }
}

/// What the model needs with the profile that Workly would use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelNeed {
    /// A description of the model.
    pub description: String,
    /// Whether its weights are synthetic.
    pub synthetic: bool,
    /// The profile.
    pub profile: String,
    /// Threads of that profile.
    pub profile_threads: u64,
    /// Hash of the header, by which saved runs of this model are found.
    pub header_hash: String,
    /// Layers that the profile puts on the GPU, and the number of layers.
    pub layers: Option<(u64, u64)>,
    /// Memory that it needs, in bytes, on all devices and in RAM. `None` if that could not be projected.
    pub needs_bytes: Option<u64>,
    /// The part of it on the GPU, in bytes.
    pub card_bytes: Option<u64>,
    /// Pages of the file that the profile's lock keeps in memory in addition, in bytes, although their weights are repacked for the CPU and
    /// nobody reads them.
    pub unread_locked_bytes: u64,
    /// Whether the profile's context exceeds the trained context.
    pub beyond_trained_context: bool,
}

/// The checks of the model; `Err` says why there is none.
#[must_use]
pub fn check_model(need: Result<&ModelNeed, &str>, available_bytes: &Fact<u64>) -> Vec<Check> {
    let need = match need {
        Ok(need) => need,
        Err(reason) => {
            return vec![
                Check::new("model", CheckState::Problem, reason)
                    .mend("set ai.model_path to a GGUF file; workly-perf model inspect FILE checks it")
                    .causes(&[Symptom::CrashAtLoad]),
            ];
        }
    };
    let noise = if need.synthetic { " (SIMULATED: synthetic weights)" } else { "" };
    let mut checks = vec![Check::ok("model", format!("{}{noise}: its header is valid", need.description))];
    let unread = need.unread_locked_bytes;
    let host_bytes =
        need.needs_bytes.map(|bytes| bytes.saturating_sub(need.card_bytes.unwrap_or(0)).saturating_add(unread));
    let twice = if unread == 0 {
        String::new()
    } else {
        format!(
            " ({} of it for pages of the file that the profile locks and nobody reads: their weights are repacked for this CPU)",
            gib(unread)
        )
    };
    match (host_bytes, available_bytes) {
        (Some(bytes), Fact::Value(free)) if bytes > *free => {
            let avoid = if unread == 0 { "" } else { ", or set use_mmap to false" };
            checks.push(
                Check::new(
                    "fits memory",
                    CheckState::Problem,
                    format!("{} needed{twice}, {} free", gib(bytes), gib(*free)),
                )
                .mend(format!("close other programs, use a smaller model or quantisation, or a shorter context{avoid}"))
                .causes(&[Symptom::CrashAtLoad, Symptom::SlowReply]),
            );
        }
        (Some(bytes), Fact::Value(free)) => {
            checks.push(Check::ok(
                "fits memory",
                format!("{} needed with profile {}{twice}, {} free", gib(bytes), need.profile, gib(*free)),
            ));
        }
        (bytes, _) => {
            let found =
                bytes.map_or("its memory use could not be projected".into(), |bytes| format!("{} needed", gib(bytes)));
            checks.push(
                Check::new("fits memory", CheckState::NotKnown, found).mend("workly-perf gpu-profiles --project"),
            );
        }
    }
    if need.beyond_trained_context {
        checks.push(
            Check::new(
                "context",
                CheckState::Warning,
                "the profile's context is longer than the model was trained for",
            )
            .mend("choose a profile with a shorter context: workly-perf recommend"),
        );
    }
    checks
}

/// What is known about the GPU.
#[derive(Debug, Clone, PartialEq)]
pub enum GpuFacts {
    /// No GPU that Workly could use.
    None {
        /// What was found instead.
        found: String,
    },
    /// There is one.
    Here {
        /// Its name and driver.
        name: String,
        /// Its total and free memory, in bytes; or why that is not known.
        memory: Result<(u64, u64), String>,
        /// What throttles it.
        throttled_by: Vec<String>,
    },
}

/// The documents warn above this share of used memory.
const FULL: f64 = 0.85;

/// The checks of the GPU, with the model that is to be loaded.
#[must_use]
pub fn check_gpu(card: &GpuFacts, need: Option<&ModelNeed>) -> Vec<Check> {
    let (name, memory, throttled_by) = match card {
        GpuFacts::None { found } => return vec![no_card(found, need)],
        GpuFacts::Here { name, memory, throttled_by } => (name, memory, throttled_by),
    };
    let mut checks = Vec::new();
    match memory {
        Ok((total, free)) => {
            let used = 1.0 - *free as f64 / (*total).max(1) as f64;
            let found = format!("{name}: {} free of {}", gib(*free), gib(*total));
            checks.push(if used > FULL {
                Check::new("GPU", CheckState::Warning, found)
                    .mend(
                        "close other programs that use the GPU, or use a smaller model or the profile balanced: \
                        workly-perf recommend",
                    )
                    .causes(&[Symptom::CrashAtLoad])
            } else {
                Check::ok("GPU", found)
            });
            checks.extend(need.and_then(|need| fit(need, *free)));
        }
        Err(why) => checks.push(Check::new("GPU", CheckState::NotKnown, format!("{name}: {why}"))),
    }
    if !throttled_by.is_empty() {
        checks.push(
            Check::new("GPU clocks", CheckState::Warning, format!("throttled: {}", throttled_by.join(", ")))
                .mend("improve the cooling, or select the performance power plan")
                .causes(&[Symptom::SlowReply, Symptom::LateAvatar]),
        );
    }
    checks
}

fn no_card(found: &str, need: Option<&ModelNeed>) -> Check {
    match need.and_then(|need| need.layers.map(|layers| (need, layers))) {
        Some((need, (asked, _))) if asked > 0 => Check::new(
            "GPU",
            CheckState::Warning,
            format!("{found}; profile {} puts {} on one", need.profile, counted(asked, "layer")),
        )
        .mend("the profile for machines without a GPU is cpu_fallback: workly-perf recommend --write data/config.json")
        .causes(&[Symptom::SlowReply]),
        _ => Check::ok("GPU", format!("{found}: the CPU does everything")),
    }
}

fn fit(need: &ModelNeed, free: u64) -> Option<Check> {
    let bytes = need.card_bytes.filter(|bytes| *bytes > 0)?;
    let layers = need.layers.map_or_else(String::new, |(asked, all)| format!(", {asked} of {}", counted(all, "layer")));
    let found = format!("profile {}{layers}: {} needed, {} free", need.profile, gib(bytes), gib(free));
    Some(if bytes > free {
        Check::new("fits the GPU", CheckState::Problem, found)
            .mend(
                "workly-perf gpu-profiles --project shows what fits; workly-perf recommend --write data/config.json \
                sets a profile that fits",
            )
            .causes(&[Symptom::CrashAtLoad])
    } else {
        Check::ok("fits the GPU", found)
    })
}

/// The check of threads: what the application uses, and what the later documented rule gives.
#[must_use]
pub fn check_threads(profile: &str, threads: u64, rule: Option<u32>, usable: Option<u64>) -> Check {
    let rule_says = rule.map_or_else(String::new, |rule| format!("; the rule of later versions gives {rule}"));
    let found = format!("the application uses {threads} (profile {profile}){rule_says}");
    if let Some(usable) = usable.filter(|usable| threads > *usable) {
        return Check::new(
            "threads",
            CheckState::Warning,
            format!("{found}; this process may use {}", counted(usable, "CPU")),
        )
        .mend("workly-perf threads measures what that costs; only the profile sets the application's threads")
        .causes(&[Symptom::SlowReply, Symptom::LateAvatar]);
    }
    Check::ok("threads", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need() -> ModelNeed {
        ModelNeed {
            description: "llama 7B Q5_K".into(),
            synthetic: false,
            profile: "performance".into(),
            header_hash: String::new(),
            profile_threads: 6,
            layers: Some((33, 33)),
            needs_bytes: Some(6 << 30),
            card_bytes: Some(5 << 30),
            unread_locked_bytes: 0,
            beyond_trained_context: false,
        }
    }

    #[test]
    fn model_that_does_not_fit_is_a_problem_with_a_fix() {
        use CheckState::{Ok as Fine, Problem, Warning};
        let here = |free: u64| GpuFacts::Here {
            name: "card".into(),
            memory: Ok((6 << 30, free << 30)),
            throttled_by: vec!["too hot".into()],
        };
        let states =
            |card: &GpuFacts| check_gpu(card, Some(&need())).iter().map(|check| check.state).collect::<Vec<_>>();
        assert_eq!(states(&here(5)), [Fine, Fine, Warning]);
        assert_eq!(states(&here(4)), [Fine, Problem, Warning]);
        assert_eq!(states(&GpuFacts::None { found: "no NVIDIA driver".into() }), [Warning]);
        let memory = check_model(Ok(&need()), &Fact::Value(1 << 29));
        assert_eq!((memory[1].state, memory[1].symptoms[0]), (Problem, Symptom::CrashAtLoad));
        assert_eq!(check_model(Err("there is no model"), &Fact::Unsupported)[0].state, Problem);
    }

    #[test]
    fn locked_file_of_repacked_weights_counts_as_memory() {
        // 1 GiB fits into 1.5 GiB, but not with another one that the lock keeps.
        let free = Fact::Value(3 << 29);
        assert_eq!(check_model(Ok(&need()), &free)[1].state, CheckState::Ok);
        let twice = ModelNeed { unread_locked_bytes: 1 << 30, ..need() };
        let locked = &check_model(Ok(&twice), &free)[1];
        assert_eq!(locked.state, CheckState::Problem);
        assert!(
            locked.found.contains("2.00 GiB needed") && locked.found.contains("1.00 GiB of it"),
            "{}",
            locked.found
        );
        assert!(locked.mend.as_deref().is_some_and(|mend| mend.contains("use_mmap")), "{locked:?}");
    }

    #[test]
    fn rejected_configuration_is_a_problem() {
        let refused = |undo: Option<&str>| {
            let reason = "ai.gpu_profile is \"cpu\"".into();
            check_config(&ConfigFacts::Unusable { reason, is_refused: true, undo: undo.map(String::from) })
        };
        assert_eq!(refused(None).state, CheckState::Problem);
        assert!(
            refused(None).found.ends_with("silently ignores its complete AI configuration and runs on its defaults")
        );
        assert!(!refused(None).mend.unwrap().contains("--undo"), "no previous version");
        assert!(refused(Some("workly-perf apply --undo")).mend.unwrap().ends_with("workly-perf apply --undo"));
        assert_eq!(check_config(&ConfigFacts::None).state, CheckState::NotKnown);
        assert_eq!(check_threads("performance", 6, Some(2), Some(2)).state, CheckState::Warning);
        assert_eq!(check_threads("performance", 6, Some(6), Some(8)).state, CheckState::Ok);
    }
}
