//! Configuration, model and card: whether Workly can load what it is told to.

use super::super::bytes::gib;
use super::check::{Check, CheckState, Symptom};
use crate::plural::counted;
use crate::record::Fact;

/// What is known of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFacts {
    /// There is none.
    None,
    /// It cannot be read, or the application refuses it.
    Unusable {
        /// Why.
        reason: String,
        /// Whether it is the application that refuses it, for what is in it.
        is_refused: bool,
        /// The command line that brings back what was there before, where that was kept.
        undo: Option<String>,
    },
    /// Some versions of the application take it, and others refuse it.
    Doubtful {
        /// Its path, as it was named.
        path: String,
        /// What is doubtful.
        reason: String,
    },
    /// Workly takes it.
    Valid {
        /// Its path, as it was named.
        path: String,
        /// Its GPU profile, where it has one.
        gpu_profile: Option<String>,
    },
}

/// The line about the configuration.
#[must_use]
pub fn check_config(facts: &ConfigFacts) -> Check {
    match facts {
        ConfigFacts::None => Check::new("configuration", CheckState::NotKnown, "no data/config.json here")
            .mend("run this in Workly's folder, or name the file with --config"),
        ConfigFacts::Unusable { reason, is_refused, undo } => {
            let silent = if *is_refused {
                "; the application refuses its whole AI configuration without a message, and runs on its defaults"
            } else {
                ""
            };
            let mend = undo.as_ref().map_or("mend the file".into(), |undo| {
                format!("mend the file, or go back to an earlier version: {undo}")
            });
            Check::new("configuration", CheckState::Problem, format!("{reason}{silent}"))
                .mend(mend)
                .causes(&[Symptom::CrashAtLoad])
        }
        ConfigFacts::Doubtful { path, reason } => {
            Check::new("configuration", CheckState::Warning, format!("{path}: {reason}"))
                .mend("set ai.gpu_profile to performance, balanced or cpu_fallback, which every version knows: workly-perf recommend")
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
    /// What it is.
    pub description: String,
    /// Whether its weights are noise.
    pub synthetic: bool,
    /// The profile.
    pub profile: String,
    /// Threads of that profile.
    pub profile_threads: u64,
    /// Hash of the header: saved runs of this model have it.
    pub header_hash: String,
    /// Layers that the profile puts on the card, of how many.
    pub layers: Option<(u64, u64)>,
    /// Memory that it takes, in bytes: of all devices and of the machine. `None` where that could not be projected.
    pub needs_bytes: Option<u64>,
    /// What of it lies on a card, in bytes.
    pub card_bytes: Option<u64>,
    /// Whether the profile's context is longer than the model was trained for.
    pub beyond_trained_context: bool,
}

/// The lines about the model; `Err` says why there is none.
#[must_use]
pub fn check_model(need: Result<&ModelNeed, &str>, available_bytes: &Fact<u64>) -> Vec<Check> {
    let need = match need {
        Ok(need) => need,
        Err(reason) => {
            return vec![
                Check::new("model", CheckState::Problem, reason)
                    .mend("set ai.model_path to a GGUF file; workly-perf model inspect FILE shows whether it is sound")
                    .causes(&[Symptom::CrashAtLoad]),
            ];
        }
    };
    let noise = if need.synthetic { " (SIMULATED: synthetic weights)" } else { "" };
    let mut checks = vec![Check::ok("model", format!("{}{noise}: its header is sound", need.description))];
    let host_bytes = need.needs_bytes.map(|bytes| bytes.saturating_sub(need.card_bytes.unwrap_or(0)));
    match (host_bytes, available_bytes) {
        (Some(bytes), Fact::Value(free)) if bytes > *free => checks.push(
            Check::new("fits memory", CheckState::Problem, format!("{} needed, {} free", gib(bytes), gib(*free)))
                .mend("close other programs, use a smaller model or quantisation, or a shorter context")
                .causes(&[Symptom::CrashAtLoad, Symptom::SlowReply]),
        ),
        (Some(bytes), Fact::Value(free)) => {
            checks.push(Check::ok(
                "fits memory",
                format!("{} needed with profile {}, {} free", gib(bytes), need.profile, gib(*free)),
            ));
        }
        (bytes, _) => {
            let found =
                bytes.map_or("what it needs could not be projected".into(), |bytes| format!("{} needed", gib(bytes)));
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

/// What is known of the graphics card.
#[derive(Debug, Clone, PartialEq)]
pub enum CardFacts {
    /// No card that Workly could use; in words, what was looked for.
    None {
        /// What was found instead.
        found: String,
    },
    /// One is there.
    Here {
        /// Its name and driver.
        name: String,
        /// Its memory and what of it is free, in bytes; or why that is not known.
        memory: Result<(u64, u64), String>,
        /// What holds its clocks back.
        throttled_by: Vec<String>,
    },
}

/// Above this share of used memory the documents warn.
const FULL: f64 = 0.85;

/// The lines about the card, with the model that is to be loaded onto it.
#[must_use]
pub fn check_card(card: &CardFacts, need: Option<&ModelNeed>) -> Vec<Check> {
    let (name, memory, throttled_by) = match card {
        CardFacts::None { found } => return vec![no_card(found, need)],
        CardFacts::Here { name, memory, throttled_by } => (name, memory, throttled_by),
    };
    let mut checks = Vec::new();
    match memory {
        Ok((total, free)) => {
            let used = 1.0 - *free as f64 / (*total).max(1) as f64;
            let found = format!("{name}: {} free of {}", gib(*free), gib(*total));
            checks.push(if used > FULL {
                Check::new("graphics card", CheckState::Warning, found)
                    .mend("close heavy programs, use a smaller model, or the profile balanced: workly-perf recommend")
                    .causes(&[Symptom::CrashAtLoad])
            } else {
                Check::ok("graphics card", found)
            });
            checks.extend(need.and_then(|need| fit(need, *free)));
        }
        Err(why) => checks.push(Check::new("graphics card", CheckState::NotKnown, format!("{name}: {why}"))),
    }
    if !throttled_by.is_empty() {
        checks.push(
            Check::new("card clocks", CheckState::Warning, format!("held back: {}", throttled_by.join(", ")))
                .mend("better cooling, or the power plan for performance")
                .causes(&[Symptom::SlowReply, Symptom::LateAvatar]),
        );
    }
    checks
}

fn no_card(found: &str, need: Option<&ModelNeed>) -> Check {
    match need.and_then(|need| need.layers.map(|layers| (need, layers))) {
        Some((need, (asked, _))) if asked > 0 => Check::new(
            "graphics card",
            CheckState::Warning,
            format!("{found}; profile {} asks for {} on one", need.profile, counted(asked, "layer")),
        )
        .mend("the profile for machines without a card is cpu_fallback: workly-perf recommend --write data/config.json")
        .causes(&[Symptom::SlowReply]),
        _ => Check::ok("graphics card", format!("{found}: all is computed by the processor")),
    }
}

fn fit(need: &ModelNeed, free: u64) -> Option<Check> {
    let bytes = need.card_bytes.filter(|bytes| *bytes > 0)?;
    let layers = need.layers.map_or_else(String::new, |(asked, all)| format!(", {asked} of {}", counted(all, "layer")));
    let found = format!("profile {}{layers}: {} needed, {} free", need.profile, gib(bytes), gib(free));
    Some(if bytes > free {
        Check::new("fits the card", CheckState::Problem, found)
            .mend("workly-perf gpu-profiles --project shows what fits; workly-perf recommend --write data/config.json sets a profile that does")
            .causes(&[Symptom::CrashAtLoad])
    } else {
        Check::ok("fits the card", found)
    })
}

/// The line about threads: what the application takes, and what the documents' later rule would.
#[must_use]
pub fn check_threads(profile: &str, threads: u64, rule: Option<u32>, usable: Option<u64>) -> Check {
    let rule_says = rule.map_or_else(String::new, |rule| format!("; the later rule says {rule}"));
    let found = format!("the application takes {threads} (profile {profile}){rule_says}");
    if let Some(usable) = usable.filter(|usable| threads > *usable) {
        return Check::new("threads", CheckState::Warning, format!("{found}; programs here may use {}", counted(usable, "CPU")))
            .mend("workly-perf threads measures what that costs; the application takes its threads from the profile and reads no other setting")
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
            beyond_trained_context: false,
        }
    }

    #[test]
    fn what_does_not_fit_is_a_problem_with_a_way_out() {
        use CheckState::{Ok as Fine, Problem, Warning};
        let here = |free: u64| CardFacts::Here {
            name: "card".into(),
            memory: Ok((6 << 30, free << 30)),
            throttled_by: vec!["too hot".into()],
        };
        let states =
            |card: &CardFacts| check_card(card, Some(&need())).iter().map(|check| check.state).collect::<Vec<_>>();
        assert_eq!(states(&here(5)), [Fine, Fine, Warning]);
        assert_eq!(states(&here(4)), [Fine, Problem, Warning]);
        assert_eq!(states(&CardFacts::None { found: "no NVIDIA driver".into() }), [Warning]);
        let memory = check_model(Ok(&need()), &Fact::Value(1 << 29));
        assert_eq!((memory[1].state, memory[1].symptoms[0]), (Problem, Symptom::CrashAtLoad));
        assert_eq!(check_model(Err("there is no model"), &Fact::Unsupported)[0].state, Problem);
    }

    #[test]
    fn a_configuration_that_workly_refuses_is_a_problem() {
        let refused = |undo: Option<&str>| {
            let reason = "ai.gpu_profile is \"cpu\"".into();
            check_config(&ConfigFacts::Unusable { reason, is_refused: true, undo: undo.map(String::from) })
        };
        assert_eq!(refused(None).state, CheckState::Problem);
        assert!(refused(None).found.ends_with("without a message, and runs on its defaults"));
        assert!(!refused(None).mend.unwrap().contains("--undo"), "nothing is kept");
        assert!(refused(Some("workly-perf apply --undo")).mend.unwrap().ends_with("workly-perf apply --undo"));
        assert_eq!(check_config(&ConfigFacts::None).state, CheckState::NotKnown);
        assert_eq!(check_threads("performance", 6, Some(2), Some(2)).state, CheckState::Warning);
        assert_eq!(check_threads("performance", 6, Some(6), Some(8)).state, CheckState::Ok);
    }
}
