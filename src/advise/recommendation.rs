//! What a recommendation says: each setting with its value, and what speaks for it.

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::obeyed::{ObeyedBy, ProfileChange};
use crate::record::{Case, Run, SchemaVersion, Simulation};

/// Version of the shape of [`Recommendation`] as JSON.
pub const RECOMMENDATION_SCHEMA: SchemaVersion = SchemaVersion { major: 1, minor: 1 };

/// What a recommendation is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The first token within a second and a command applied within 50 ms, beside the avatar; then tokens a second.
    Responsive,
    /// Tokens a second before all else.
    Fast,
    /// Cores and video memory are left to other programs, as long as four fifths of the speed remain.
    Light,
}

impl Objective {
    /// Its word on the command line and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Responsive => "responsive",
            Self::Fast => "fast",
            Self::Light => "light",
        }
    }

    /// What it wants, in words.
    #[must_use]
    pub fn stated(self) -> &'static str {
        match self {
            Self::Responsive => {
                "responsive: the first token within 1 s and a command applied within 50 ms beside the avatar, then tokens a \
                 second"
            }
            Self::Fast => "fast: tokens a second before all else, with nothing but the model on the machine",
            Self::Light => {
                "light: cores and video memory left to games and others, as long as four fifths of the speed remain"
            }
        }
    }
}

/// A setting that a recommendation may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// The application's GPU profile.
    GpuProfile,
    /// Layers on the GPU, the output layer counted.
    NGpuLayers,
    /// Context in tokens.
    NCtx,
    /// Tokens of a prompt that are handed over at once.
    NBatch,
    /// Threads while generating.
    NThreads,
    /// Threads while reading a prompt.
    NThreadsBatch,
    /// Type of the cache of keys and values.
    KvType,
    /// Flash attention: `on` or `off`. The application could not ask for llama.cpp's `auto`: to llama-cpp-python it is a
    /// truth value.
    FlashAttn,
    /// Priority of the model's threads: `normal`, `low`, `idle`.
    Priority,
    /// What the model's threads do that wait for others: `active` or `passive`.
    WaitPolicy,
    /// Whether the model's file is mapped.
    UseMmap,
    /// Whether the model is loaded and run once before the first message.
    WarmStart,
    /// How commands go to the bridge.
    IpcMode,
    /// How long commands are collected before they are sent, in milliseconds.
    BatchWindowMs,
}

impl Setting {
    /// All of them, in reading order.
    pub const ALL: [Self; 14] = [
        Self::GpuProfile,
        Self::NGpuLayers,
        Self::NCtx,
        Self::NBatch,
        Self::NThreads,
        Self::NThreadsBatch,
        Self::KvType,
        Self::FlashAttn,
        Self::Priority,
        Self::WaitPolicy,
        Self::UseMmap,
        Self::WarmStart,
        Self::IpcMode,
        Self::BatchWindowMs,
    ];

    /// Its key in files.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::GpuProfile => "gpu_profile",
            Self::NGpuLayers => "n_gpu_layers",
            Self::NCtx => "n_ctx",
            Self::NBatch => "n_batch",
            Self::NThreads => "n_threads",
            Self::NThreadsBatch => "n_threads_batch",
            Self::KvType => "kv_type",
            Self::FlashAttn => "flash_attn",
            Self::Priority => "priority",
            Self::WaitPolicy => "wait_policy",
            Self::UseMmap => "use_mmap",
            Self::WarmStart => "warm_start",
            Self::IpcMode => "ipc_mode",
            Self::BatchWindowMs => "batch_window_ms",
        }
    }
}

impl Setting {
    /// A value of it that was written as a word, in its own type.
    pub(super) fn typed(self, word: &str) -> Value {
        match (self, word) {
            (Self::UseMmap, "true" | "on") => true.into(),
            (Self::UseMmap, "false" | "off") => false.into(),
            _ => word.into(),
        }
    }
}

/// On what a value rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Runs of this machine.
    Measured,
    /// llama.cpp's own account of what it would take.
    Projected,
    /// A rule that is written down, and nothing seen.
    Rule,
}

impl Basis {
    /// Its word in files and tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Projected => "projected",
            Self::Rule => "rule",
        }
    }
}

/// How sure a choice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Better than every other beyond the noise, or equal and cheaper.
    Sure,
    /// Likely, and something that matters was not measured.
    Likely,
    /// A guess that beats no choice at all.
    Guess,
    /// Whatever the difference is, the noise hides it.
    NoDifference,
}

impl Confidence {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::Guess => "a guess",
            Self::NoDifference => "no difference beyond the noise",
        }
    }
}

/// A figure that speaks for a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run; empty for a projection.
    pub run: String,
    /// The case of the run, or what was projected.
    pub case: String,
    /// The figure's name.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Its value.
    pub value: f64,
    /// Samples.
    pub n: u64,
    /// Its 95 % interval, where there is one.
    pub interval: Option<(f64, f64)>,
}

impl Evidence {
    /// A figure of a saved run; `None` where it is missing.
    #[must_use]
    pub fn of(run: &Run, case: &Case, metric: &str) -> Option<Self> {
        let metric = case.metric(metric)?;
        Some(Self {
            run: run.run_id.clone(),
            case: case.path.clone(),
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            value: metric.value?,
            n: metric.n,
            interval: metric.ci_low.zip(metric.ci_high),
        })
    }
}

/// How far a choice is ahead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// The next best value.
    pub runner_up: Value,
    /// What the runner-up reaches as a share of the choice: below 1 is worse.
    pub share: f64,
    /// Rounds that were compared.
    pub n: u64,
    /// The interval of the share, where there is one.
    pub interval: Option<(f64, f64)>,
}

/// One setting. As JSON it has `obeyed_by` too, after `value`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Choice {
    /// Which.
    pub setting: Setting,
    /// Its value; `None` leaves what is there.
    pub value: Option<Value>,
    /// What the application uses in its place, or by itself; `None` where that is not known.
    #[serde(default)]
    pub application: Option<Value>,
    /// On what it rests.
    pub basis: Basis,
    /// Why, in a sentence.
    pub reason: String,
    /// The figures behind it.
    pub evidence: Vec<Evidence>,
    /// How far it is ahead of the next best.
    pub margin: Option<Margin>,
    /// What it costs.
    pub cost: String,
    /// How sure it is.
    pub confidence: Confidence,
}

impl Choice {
    /// A choice by a rule, without figures.
    #[must_use]
    pub fn by_rule(setting: Setting, value: impl Into<Value>, reason: impl Into<String>) -> Self {
        Self {
            setting,
            value: Some(value.into()),
            application: None,
            basis: Basis::Rule,
            reason: reason.into(),
            evidence: Vec::new(),
            margin: None,
            cost: String::new(),
            confidence: Confidence::Guess,
        }
    }

    /// The same with what it costs.
    #[must_use]
    pub fn costing(self, cost: impl Into<String>) -> Self {
        Self { cost: cost.into(), ..self }
    }

    /// The value as it is read aloud.
    #[must_use]
    pub fn value_text(&self) -> String {
        match &self.value {
            None => "as it is".into(),
            Some(value) => spelled(value),
        }
    }

    /// Value, who obeys it, reason and cost in a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        let cost = if self.cost.is_empty() { String::new() } else { format!(" Costs {}.", self.cost) };
        format!("{} = {} ({}): {}.{cost}", self.setting.key(), self.value_text(), self.obeyed(), self.reason)
    }

    /// Whether the application does as it says by itself, who reads it otherwise, and what the application uses instead.
    #[must_use]
    pub fn obeyed(&self) -> String {
        let own = self.application.as_ref().map(spelled);
        match (self.setting.obeyed_by(), own) {
            (ObeyedBy::Application, _) => "the application reads it".into(),
            (ObeyedBy::Launcher, Some(_)) if self.value == self.application => {
                "the application does the same by itself".into()
            }
            (ObeyedBy::Launcher, Some(own)) => format!("with launch; without it the application uses {own}"),
            (ObeyedBy::Launcher, None) => "with launch".into(),
            (ObeyedBy::Nobody, Some(_)) if self.value == self.application => {
                "nobody reads it; the application does the same by itself".into()
            }
            (ObeyedBy::Nobody, Some(own)) => format!("nobody reads it yet; the application uses {own}"),
            (ObeyedBy::Nobody, None) => "nobody reads it yet".into(),
        }
    }
}

/// A value as it is read aloud.
#[must_use]
pub fn spelled(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut choice = serializer.serialize_struct("Choice", 10)?;
        choice.serialize_field("setting", &self.setting)?;
        choice.serialize_field("value", &self.value)?;
        // What is known of the setting, not of this choice: it is written for readers and never read back.
        choice.serialize_field("obeyed_by", &self.setting.obeyed_by())?;
        choice.serialize_field("application", &self.application)?;
        choice.serialize_field("basis", &self.basis)?;
        choice.serialize_field("reason", &self.reason)?;
        choice.serialize_field("evidence", &self.evidence)?;
        choice.serialize_field("margin", &self.margin)?;
        choice.serialize_field("cost", &self.cost)?;
        choice.serialize_field("confidence", &self.confidence)?;
        choice.end()
    }
}

/// A recommendation for one machine, one model and one objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Version of this shape.
    pub schema: SchemaVersion,
    /// The run that it was made in.
    pub run_id: String,
    /// The program and its version.
    pub tool: String,
    /// When it was made.
    pub created: Timestamp,
    /// What for.
    pub objective: Objective,
    /// What stood in for the user's own in the runs behind it.
    pub simulated: Vec<Simulation>,
    /// What the application runs with before and after, where that is known.
    #[serde(default)]
    pub application: Option<ProfileChange>,
    /// The settings, in reading order.
    pub choices: Vec<Choice>,
    /// What could not be known, in sentences.
    pub not_known: Vec<String>,
}

impl Recommendation {
    /// The choice for a setting.
    #[must_use]
    pub fn choice(&self, setting: Setting) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.setting == setting)
    }

    /// All of it in sentences: what for, what and why, what stays for which reason, what could not be known.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![format!("For {}.", self.objective.stated())];
        sentences.push("Of these settings the application reads gpu_profile alone: the configuration by itself changes nothing else. Started with workly-perf launch, it runs with all of them but those that nobody reads yet.".into());
        sentences.extend(self.application.as_ref().map(ProfileChange::sentence));
        let is_blank = |choice: &&Choice| choice.value.is_none() && choice.evidence.is_empty();
        sentences.extend(self.choices.iter().filter(|choice| !is_blank(choice)).map(Choice::sentence));
        let mut reasons: Vec<&str> =
            self.choices.iter().filter(is_blank).map(|choice| choice.reason.as_str()).collect();
        reasons.dedup();
        for reason in reasons {
            let kept = self.choices.iter().filter(is_blank).filter(|choice| choice.reason == reason);
            let keys: Vec<&str> = kept.map(|choice| choice.setting.key()).collect();
            sentences.push(format!("{} as it is: {reason}.", keys.join(", ")));
        }
        sentences.extend(self.not_known.iter().map(|sentence| format!("Not known: {sentence}")));
        sentences
    }
}
