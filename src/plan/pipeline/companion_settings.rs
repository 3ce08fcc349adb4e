//! One side of a before/after comparison: all settings for a turn.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::llm::GpuProfile;
use crate::llm::engine::{FlashAttention, KvType};
use crate::measure::{Delivery, ReactionTiming, WaitPolicy};
use crate::record::Priority;

/// Settings of a companion, under the names that they have everywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompanionSettings {
    /// Its name: `app`, `recommended`, or as typed.
    pub name: String,
    /// Origin of the values.
    pub source: String,
    /// Threads of generation.
    pub n_threads: u32,
    /// Threads of prompt processing.
    pub n_threads_batch: u32,
    /// Layers on the GPU; negative means all.
    pub n_gpu_layers: i64,
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Whether flash attention is used.
    pub flash_attn: FlashAttention,
    /// How keys and values are stored.
    pub kv_type: KvType,
    /// The priority of the model's threads.
    pub priority: Priority,
    /// What waiting threads do.
    pub wait_policy: WaitPolicy,
    /// Whether the model's file is mapped.
    pub use_mmap: bool,
    /// Whether the weights are locked in memory.
    pub use_mlock: bool,
    /// Whether two tokens are generated before the first turn.
    pub warm_start: bool,
    /// How a reaction is sent.
    pub reaction: Delivery,
    /// When a reaction is sent.
    pub react: ReactionTiming,
    /// The settings among these that no published version of the application can be told. All but [`LACKING`] come into force with
    /// `workly-perf launch`.
    #[serde(skip_deserializing)]
    pub not_obeyed: Vec<&'static str>,
}

/// Why settings are unusable.
#[derive(Debug, thiserror::Error)]
pub enum CompanionSettingsError {
    /// Unknown setting.
    #[error("'{text}': there is no setting '{key}'")]
    UnknownKey {
        /// The whole text.
        text: String,
        /// The name.
        key: String,
    },
    /// Invalid value.
    #[error("'{text}': {key} is {value}, not {expected}")]
    BadValue {
        /// The whole text.
        text: String,
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// Accepted values.
        expected: &'static str,
    },
    /// Neither a name, nor settings, nor a file.
    #[error("'{text}' is neither app, recommended, KEY=VALUE nor a file")]
    Unknown {
        /// The given text.
        text: String,
    },
    /// The run of `launch` has no parameters that apply to a turn.
    #[error("{} has no parameters to measure with: {detail}", path.display())]
    NoParameters {
        /// The run.
        path: PathBuf,
        /// The reason.
        detail: String,
    },
    /// The file contains no recommendation.
    #[error("{} contains no recommendation: {detail}", path.display())]
    NotARecommendation {
        /// The file.
        path: PathBuf,
        /// The reason.
        detail: String,
    },
}

/// The settings that can be typed.
pub const ARM_KEYS: [&str; 15] = [
    "n_threads",
    "n_threads_batch",
    "n_gpu_layers",
    "n_ctx",
    "n_batch",
    "n_ubatch",
    "flash_attn",
    "kv_type",
    "priority",
    "wait_policy",
    "use_mmap",
    "use_mlock",
    "warm_start",
    "reaction",
    "react",
];

/// What the application has no code for, so that `workly-perf launch` cannot bring it about either.
pub const LACKING: [&str; 3] = ["warm_start", "reaction", "react"];

impl CompanionSettings {
    /// The application's own behaviour with that profile on a machine with `cpus` CPUs. Read back from llama.cpp:
    /// generation uses the profile's threads, prompt processing all CPUs of the machine (the application sets no
    /// number), the physical batch equals the logical batch, flash attention is off, keys and values have 16 bits.
    /// There is no warm-up; one command is sent without waiting when the reply is complete.
    #[must_use]
    pub fn app(profile: &GpuProfile, cpus: Option<u32>) -> Self {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            name: "app".into(),
            source: format!("the application's own, profile {}", profile.name),
            n_threads: number(profile.n_threads),
            n_threads_batch: cpus.unwrap_or(number(profile.n_threads)),
            n_gpu_layers: profile.n_gpu_layers,
            n_ctx: number(profile.n_ctx),
            n_batch: number(profile.n_batch),
            n_ubatch: number(profile.n_batch),
            flash_attn: FlashAttention::Off,
            kv_type: KvType::F16,
            priority: Priority::Normal,
            wait_policy: WaitPolicy::Unset,
            use_mmap: true,
            use_mlock: profile.mlock,
            warm_start: false,
            reaction: Delivery::Expression,
            react: ReactionTiming::End,
            not_obeyed: Vec::new(),
        }
    }

    /// These settings with recommended values, by setting name, and with the reaction after the first words. Settings
    /// without a recommended value keep theirs, and so does the reaction's delivery.
    #[must_use]
    pub fn recommended(self, values: &Map<String, Value>, source: String) -> Self {
        let number = |key: &str, otherwise: u32| {
            values.get(key).and_then(Value::as_u64).and_then(|value| u32::try_from(value).ok()).unwrap_or(otherwise)
        };
        let text = |key: &str| values.get(key).and_then(Value::as_str);
        let n_batch = number("n_batch", self.n_batch);
        Self {
            name: "recommended".into(),
            source,
            n_threads: number("n_threads", self.n_threads),
            n_threads_batch: number("n_threads_batch", self.n_threads_batch),
            n_gpu_layers: values.get("n_gpu_layers").and_then(Value::as_i64).unwrap_or(self.n_gpu_layers),
            n_ctx: number("n_ctx", self.n_ctx),
            n_batch,
            n_ubatch: number("n_ubatch", n_batch),
            flash_attn: parsed(values, "flash_attn").unwrap_or(self.flash_attn),
            kv_type: parsed(values, "kv_type").unwrap_or(self.kv_type),
            priority: text("priority").and_then(word).unwrap_or(self.priority),
            wait_policy: text("wait_policy").and_then(word).unwrap_or(self.wait_policy),
            use_mmap: values.get("use_mmap").and_then(Value::as_bool).unwrap_or(self.use_mmap),
            use_mlock: values.get("use_mlock").and_then(Value::as_bool).unwrap_or(self.use_mlock),
            warm_start: values.get("warm_start").and_then(Value::as_bool).unwrap_or(true),
            react: ReactionTiming::FirstWords,
            ..self
        }
    }

    /// Marks the settings that the application does not obey. It only obeys `ai.gpu_profile`, so that everything else
    /// must be as in one of `reachable`, which are its settings with each profile.
    #[must_use]
    pub fn judged(self, app: &Self, reachable: &[Self]) -> Self {
        let differing = |other: &Self| -> Vec<&'static str> {
            let settings = self.settings().into_iter().zip(other.settings());
            ARM_KEYS.into_iter().zip(settings).filter(|(_, (own, other))| own != other).map(|(key, _)| key).collect()
        };
        let is_reachable = reachable.iter().any(|other| differing(other).is_empty());
        let not_obeyed = if is_reachable { Vec::new() } else { differing(app) };
        Self { not_obeyed, ..self }
    }

    /// All settings as text, in the order of [`ARM_KEYS`].
    fn settings(&self) -> [String; 15] {
        [
            self.n_threads.to_string(),
            self.n_threads_batch.to_string(),
            self.n_gpu_layers.to_string(),
            self.n_ctx.to_string(),
            self.n_batch.to_string(),
            self.n_ubatch.to_string(),
            self.flash_attn.to_string(),
            self.kv_type.to_string(),
            self.priority.name().into(),
            self.wait_policy.name().into(),
            self.use_mmap.to_string(),
            self.use_mlock.to_string(),
            self.warm_start.to_string(),
            self.reaction.to_string(),
            self.react.to_string(),
        ]
    }

    /// These settings with typed changes: `n_threads=2,react=first-words`.
    ///
    /// # Errors
    /// [`CompanionSettingsError::UnknownKey`], [`CompanionSettingsError::BadValue`].
    pub fn changed(mut self, text: &str, changes: &str) -> Result<Self, CompanionSettingsError> {
        let mut changes: Vec<(&str, &str)> = changes
            .split(',')
            .filter(|change| !change.is_empty())
            .map(|change| change.split_once('=').unwrap_or((change, "")))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        // `n_batch` also sets another value, so it is applied first; the other can then be set separately.
        changes.sort_by_key(|(key, _)| *key != "n_batch");
        for (key, value) in changes {
            self.set(text, key, value)?;
        }
        Ok(Self { name: text.into(), ..self })
    }

    fn set(&mut self, text: &str, key: &str, value: &str) -> Result<(), CompanionSettingsError> {
        let bad = |expected| CompanionSettingsError::BadValue {
            text: text.into(),
            key: key.into(),
            value: value.into(),
            expected,
        };
        let number = |largest: u32| {
            value
                .parse()
                .ok()
                .filter(|number| (1..=largest).contains(number))
                .ok_or_else(|| bad("a whole number above 0"))
        };
        match key {
            "n_threads" => self.n_threads = number(512)?,
            "n_threads_batch" => self.n_threads_batch = number(512)?,
            "n_ctx" => self.n_ctx = number(1 << 20)?,
            "n_batch" => {
                self.n_batch = number(1 << 16)?;
                self.n_ubatch = self.n_batch;
            }
            "n_ubatch" => self.n_ubatch = number(1 << 16)?,
            "flash_attn" => self.flash_attn = value.parse().map_err(|_| bad("auto, on or off"))?,
            "kv_type" => self.kv_type = value.parse().map_err(|_| bad("a type of a KV cache, such as f16 or q8_0"))?,
            "n_gpu_layers" => {
                self.n_gpu_layers = value.parse().map_err(|_| bad("a number of layers, or -1 for all"))?;
            }
            "priority" => self.priority = word(value).ok_or_else(|| bad("normal, low or idle"))?,
            "wait_policy" => self.wait_policy = word(value).ok_or_else(|| bad("unset, active or passive"))?,
            "use_mmap" => self.use_mmap = value.parse().map_err(|_| bad("true or false"))?,
            "use_mlock" => self.use_mlock = value.parse().map_err(|_| bad("true or false"))?,
            "warm_start" => self.warm_start = value.parse().map_err(|_| bad("true or false"))?,
            "reaction" => self.reaction = word(value).ok_or_else(|| bad("expression, single, pipelined or batch"))?,
            "react" => self.react = word(value).ok_or_else(|| bad("end or first-words"))?,
            _ => return Err(CompanionSettingsError::UnknownKey { text: text.into(), key: key.into() }),
        }
        Ok(())
    }
}

/// The recommended value of that setting, if valid.
fn parsed<T: std::str::FromStr>(values: &Map<String, Value>, key: &str) -> Option<T> {
    values.get(key)?.as_str()?.parse().ok()
}

/// Parses a value from its name.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::from(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> CompanionSettings {
        CompanionSettings::app(&GpuProfile::built_in()[0], Some(2))
    }

    fn reachable() -> Vec<CompanionSettings> {
        GpuProfile::built_in().iter().map(|profile| CompanionSettings::app(profile, Some(2))).collect()
    }

    #[test]
    fn application_settings_match_those_read_back() {
        let arm = app();
        assert_eq!((arm.n_threads, arm.n_threads_batch, arm.n_gpu_layers), (6, 2, -1), "prompts: all CPUs");
        assert_eq!((arm.n_ctx, arm.n_batch, arm.n_ubatch, arm.warm_start), (4096, 512, 512, false));
        assert_eq!((arm.flash_attn, arm.kv_type), (FlashAttention::Off, KvType::F16));
        assert_eq!((arm.reaction, arm.react), (Delivery::Expression, ReactionTiming::End));
        let fallback = CompanionSettings::app(&GpuProfile::built_in()[2], None);
        assert_eq!((fallback.n_threads, fallback.n_threads_batch, fallback.n_ubatch), (8, 8, 128));
        assert!(arm.use_mlock && !fallback.use_mlock);
    }

    #[test]
    fn settings_not_obeyed_by_the_application_are_named() {
        let judged = |changes: &str| app().changed("app,x", changes).unwrap().judged(&app(), &reachable()).not_obeyed;
        assert_eq!(judged(""), [""; 0]);
        assert_eq!(judged("n_threads=2,react=first-words"), ["n_threads", "react"]);
        // The profile `balanced` has exactly these.
        assert_eq!(judged("n_gpu_layers=35,n_ctx=2048,n_batch=256"), [""; 0]);
        assert_eq!(judged("n_gpu_layers=35,n_ctx=2048"), ["n_gpu_layers", "n_ctx"]);
    }

    #[test]
    fn recommendation_changes_settings_but_not_the_delivery() {
        let values =
            serde_json::json!({"n_threads": 1, "flash_attn": "on", "kv_type": "q8_0", "ipc_mode": "pipelined"});
        let arm = app().recommended(values.as_object().unwrap(), "here".into());
        assert_eq!((arm.n_threads, arm.flash_attn, arm.kv_type), (1, FlashAttention::On, KvType::Q8_0));
        assert_eq!((arm.priority, arm.wait_policy, arm.use_mmap), (Priority::Normal, WaitPolicy::Unset, true));
        assert_eq!((arm.reaction, arm.react), (Delivery::Expression, ReactionTiming::FirstWords));
    }

    #[test]
    fn everything_that_a_sweep_can_choose_is_taken() {
        let values = serde_json::json!({"priority": "idle", "wait_policy": "passive", "use_mmap": false});
        let arm = app().recommended(values.as_object().unwrap(), "here".into());
        assert_eq!((arm.priority, arm.wait_policy, arm.use_mmap), (Priority::Idle, WaitPolicy::Passive, false));
        let judged = arm.judged(&app(), &reachable());
        assert_eq!(judged.not_obeyed, ["priority", "wait_policy", "use_mmap", "warm_start", "react"]);
        let typed = app().changed("x", "priority=idle,wait_policy=passive,use_mmap=false,use_mlock=false").unwrap();
        assert_eq!((typed.priority, typed.wait_policy), (Priority::Idle, WaitPolicy::Passive));
        assert_eq!((typed.use_mmap, typed.use_mlock), (false, false));
    }

    #[test]
    fn settings_are_changed_by_their_names() {
        let text = "app,n_threads=2,react=first-words,reaction=pipelined,warm_start=true,n_gpu_layers=-1";
        let arm = app().changed(text, &text[4..]).unwrap();
        assert_eq!((arm.n_threads, arm.n_threads_batch), (2, 2));
        assert_eq!((arm.react, arm.reaction, arm.warm_start), (ReactionTiming::FirstWords, Delivery::Pipelined, true));
        assert_eq!(arm.name, text);
        let batches = |changes: &str| app().changed("x", changes).map(|arm| (arm.n_batch, arm.n_ubatch)).unwrap();
        assert_eq!((batches("n_batch=64"), batches("n_ubatch=32,n_batch=64")), ((64, 64), (64, 32)));
    }

    #[test]
    fn unknown_settings_are_named() {
        for (changes, says) in [
            ("threads=2", "there is no setting 'threads'"),
            ("n_threads=0", "n_threads is 0, not a whole number above 0"),
            ("n_threads", "n_threads is , not"),
            ("react=never", "react is never, not end or first-words"),
            ("reaction=telepathy", "not expression, single, pipelined or batch"),
            ("warm_start=yes", "not true or false"),
            ("priority=high", "not normal, low or idle"),
            ("wait_policy=spin", "not unset, active or passive"),
        ] {
            let error = app().changed(changes, changes).unwrap_err().to_string();
            assert!(error.contains(says), "{changes}: {error}");
        }
    }
}
