//! The content of a recommendation: each setting with its value and evidence.

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::by_launch::in_place_sentence;
pub use super::evidence::Evidence;
use super::gains::Gain;
use super::obeyed::{ObeyedBy, ProfileChange};
use crate::record::{SchemaVersion, Simulation};

/// Version of the JSON format of [`Recommendation`].
pub const RECOMMENDATION_SCHEMA: SchemaVersion = SchemaVersion { major: 1, minor: 1 };

/// The objective of a recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// First token within a second and commands applied within 50 ms while the avatar runs; then tokens per second.
    Responsive,
    /// Tokens per second first.
    Fast,
    /// Cores and GPU memory are left to other programs; four fifths of the speed are kept.
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

    /// Its meaning in words.
    #[must_use]
    pub fn stated(self) -> &'static str {
        match self {
            Self::Responsive => {
                "responsive: first token within 1 s and a command applied within 50 ms beside the avatar, then tokens per second"
            }
            Self::Fast => "fast: tokens per second first, with nothing else running",
            Self::Light => {
                "light: leave cores and GPU memory to games and other programs, and keep four fifths of the speed"
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
    /// Prompt tokens processed per batch.
    NBatch,
    /// Threads while generating.
    NThreads,
    /// Threads while processing a prompt.
    NThreadsBatch,
    /// Type of the KV cache.
    KvType,
    /// Flash attention: `on` or `off`. The application cannot select llama.cpp's `auto`: in llama-cpp-python it is a
    /// boolean.
    FlashAttn,
    /// Priority of the model's threads: `normal`, `low`, `idle`.
    Priority,
    /// What waiting model threads do: `active` or `passive`.
    WaitPolicy,
    /// Whether the model's file is memory-mapped.
    UseMmap,
    /// Whether the model is loaded and run once before the first message.
    WarmStart,
    /// How commands are sent to the bridge.
    IpcMode,
    /// How long commands are collected before they are sent, in milliseconds.
    BatchWindowMs,
}

impl Setting {
    /// All settings, in reading order.
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
    /// A value of it that was written as text, in its own type.
    pub(super) fn typed(self, word: &str) -> Value {
        match (self, word) {
            (Self::UseMmap, "true" | "on") => true.into(),
            (Self::UseMmap, "false" | "off") => false.into(),
            _ => word.into(),
        }
    }
}

/// The basis of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Runs of this machine.
    Measured,
    /// llama.cpp's projection.
    Projected,
    /// A documented rule; nothing was measured.
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

/// The confidence of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Better than every alternative beyond the noise, or equal and cheaper.
    Sure,
    /// Likely, but something that matters was not measured.
    Likely,
    /// A guess that is better than no choice.
    Guess,
    /// The noise hides any difference.
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

/// How far a choice is ahead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// The next best value.
    pub runner_up: Value,
    /// The runner-up's result as a share of the choice: below 1 is worse.
    pub share: f64,
    /// Rounds that were compared.
    pub n: u64,
    /// The interval of the share, if there is one.
    pub interval: Option<(f64, f64)>,
}

/// One setting. Its JSON also has `obeyed_by`, after `value`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Choice {
    /// The setting.
    pub setting: Setting,
    /// Its value; `None` keeps the current value.
    pub value: Option<Value>,
    /// What the application uses instead, or by itself; `None` if that is not known.
    #[serde(default)]
    pub application: Option<Value>,
    /// Its basis.
    pub basis: Basis,
    /// Why, as a sentence.
    pub reason: String,
    /// The figures behind it.
    pub evidence: Vec<Evidence>,
    /// How far it is ahead of the next best.
    pub margin: Option<Margin>,
    /// Its cost.
    pub cost: String,
    /// Its confidence.
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

    /// The same with its cost.
    #[must_use]
    pub fn costing(self, cost: impl Into<String>) -> Self {
        Self { cost: cost.into(), ..self }
    }

    /// The value as text.
    #[must_use]
    pub fn value_text(&self) -> String {
        match &self.value {
            None => "unchanged".into(),
            Some(value) => spelled(value),
        }
    }

    /// Value, who obeys it, reason and cost in a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        let cost = if self.cost.is_empty() { String::new() } else { format!(" Costs {}.", self.cost) };
        format!("{} = {} ({}): {}.{cost}", self.setting.key(), self.value_text(), self.obeyed(), self.reason)
    }

    /// Whether the application already does this, who reads it otherwise, and what the application uses instead.
    #[must_use]
    pub fn obeyed(&self) -> String {
        let own = self.application.as_ref().map(spelled);
        match (self.setting.obeyed_by(), own) {
            (ObeyedBy::Application, _) => "the application reads it".into(),
            (ObeyedBy::Launcher, Some(_)) if self.value == self.application => {
                "the application already does this".into()
            }
            (ObeyedBy::Launcher, Some(own)) => format!("with launch; without it the application uses {own}"),
            (ObeyedBy::Launcher, None) => "with launch".into(),
            (ObeyedBy::Nobody, Some(_)) if self.value == self.application => {
                "nobody reads it; the application already does this".into()
            }
            (ObeyedBy::Nobody, Some(own)) => format!("nobody reads it yet; the application uses {own}"),
            (ObeyedBy::Nobody, None) => "nobody reads it yet".into(),
        }
    }
}

/// A value as text.
#[must_use]
pub fn spelled(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut choice = serializer.serialize_struct("Choice", 10)?;
        choice.serialize_field("setting", &self.setting)?;
        choice.serialize_field("value", &self.value)?;
        // A fact about the setting, not about this choice: written for readers and never read back.
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
    /// Version of the format.
    pub schema: SchemaVersion,
    /// The run that created it.
    pub run_id: String,
    /// The program and its version.
    pub tool: String,
    /// When it was created.
    pub created: Timestamp,
    /// The objective.
    pub objective: Objective,
    /// What was simulated in the runs behind it.
    pub simulated: Vec<Simulation>,
    /// What the application runs with before and after, if known.
    #[serde(default)]
    pub application: Option<ProfileChange>,
    /// Measured gains of the recommendation; empty if unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gains: Vec<Gain>,
    /// Measured speed of the application in use; empty if it was not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_place: Vec<Evidence>,
    /// The settings, in reading order.
    pub choices: Vec<Choice>,
    /// What is not known, in sentences.
    pub not_known: Vec<String>,
}

impl Recommendation {
    /// The choice for a setting.
    #[must_use]
    pub fn choice(&self, setting: Setting) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.setting == setting)
    }

    /// All of it in sentences: objective, values with reasons, what is unchanged and why, what is not known.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![format!("For {}.", self.objective.stated())];
        sentences.push("Of these settings the application itself only reads gpu_profile. Started with workly-perf launch, it runs with all of them except those that nobody reads yet.".into());
        sentences.extend(self.application.as_ref().map(ProfileChange::sentence));
        sentences.extend(self.gains.iter().map(Gain::sentence));
        sentences.extend(in_place_sentence(&self.in_place));
        let is_blank = |choice: &&Choice| choice.value.is_none() && choice.evidence.is_empty();
        sentences.extend(self.choices.iter().filter(|choice| !is_blank(choice)).map(Choice::sentence));
        let mut reasons: Vec<&str> =
            self.choices.iter().filter(is_blank).map(|choice| choice.reason.as_str()).collect();
        reasons.dedup();
        for reason in reasons {
            let kept = self.choices.iter().filter(is_blank).filter(|choice| choice.reason == reason);
            let keys: Vec<&str> = kept.map(|choice| choice.setting.key()).collect();
            sentences.push(format!("{} unchanged: {reason}.", keys.join(", ")));
        }
        sentences.extend(self.not_known.iter().map(|sentence| format!("Not known: {sentence}")));
        sentences
    }
}
