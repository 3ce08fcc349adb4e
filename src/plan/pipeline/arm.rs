//! One side of a before and after: everything that a companion sets for a turn.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::llm::GpuProfile;
use crate::measure::{Delivery, Moment};

/// Settings of a companion, under the names that they have everywhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arm {
    /// What it was asked for as: `app`, `recommended`, or as typed.
    pub name: String,
    /// Where its values are from.
    pub source: String,
    /// Threads of generation.
    pub n_threads: u32,
    /// Threads of prompt processing.
    pub n_threads_batch: u32,
    /// Layers on the GPU; negative asks for all.
    pub n_gpu_layers: i64,
    /// Context in tokens.
    pub n_ctx: u32,
    /// Tokens handed over at once.
    pub n_batch: u32,
    /// Whether two tokens are generated before the first turn.
    pub warm_start: bool,
    /// How a reaction is sent.
    pub reaction: Delivery,
    /// When a reaction is sent.
    pub react: Moment,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    /// No setting has that name.
    #[error("'{text}': there is no setting '{key}'")]
    UnknownKey {
        /// All of what was given.
        text: String,
        /// The name.
        key: String,
    },
    /// The value is none for that setting.
    #[error("'{text}': {key} is {value}, not {expected}")]
    BadValue {
        /// All of what was given.
        text: String,
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Neither a name, nor settings, nor a file.
    #[error("'{text}' is neither app nor recommended, has no KEY=VALUE, and is no file")]
    Unknown {
        /// What was given.
        text: String,
    },
    /// The file holds no recommendation.
    #[error("{} holds no recommendation: {detail}", path.display())]
    NotARecommendation {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
}

/// The settings that can be typed.
pub const ARM_KEYS: [&str; 8] =
    ["n_threads", "n_threads_batch", "n_gpu_layers", "n_ctx", "n_batch", "warm_start", "reaction", "react"];

impl Arm {
    /// What the application itself does with that profile: its threads for everything, no warm start, one command after the other
    /// when the reply is complete.
    #[must_use]
    pub fn app(profile: &GpuProfile) -> Self {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            name: "app".into(),
            source: format!("the application's own, profile {}", profile.name),
            n_threads: number(profile.n_threads),
            n_threads_batch: number(profile.n_threads),
            n_gpu_layers: profile.n_gpu_layers,
            n_ctx: number(profile.n_ctx),
            n_batch: number(profile.n_batch),
            warm_start: false,
            reaction: Delivery::Single,
            react: Moment::End,
        }
    }

    /// These settings with recommended values, by the names of the settings. What is not among them stays. `batches` tells whether
    /// the bridge carries batches out.
    #[must_use]
    pub fn recommended(self, values: &Map<String, Value>, batches: bool, source: String) -> Self {
        let number = |key: &str, otherwise: u32| {
            values.get(key).and_then(Value::as_u64).and_then(|value| u32::try_from(value).ok()).unwrap_or(otherwise)
        };
        Self {
            name: "recommended".into(),
            source,
            n_threads: number("n_threads", self.n_threads),
            n_threads_batch: number("n_threads_batch", self.n_threads_batch),
            n_gpu_layers: values.get("n_gpu_layers").and_then(Value::as_i64).unwrap_or(self.n_gpu_layers),
            n_ctx: number("n_ctx", self.n_ctx),
            n_batch: number("n_batch", self.n_batch),
            warm_start: values.get("warm_start").and_then(Value::as_bool).unwrap_or(true),
            reaction: if batches { Delivery::Batch } else { Delivery::Pipelined },
            react: Moment::FirstWords,
        }
    }

    /// These settings with changes as they are typed: `n_threads=2,react=first-words`.
    ///
    /// # Errors
    /// [`ArmError::UnknownKey`], [`ArmError::BadValue`].
    pub fn changed(mut self, text: &str, changes: &str) -> Result<Self, ArmError> {
        for change in changes.split(',').filter(|change| !change.is_empty()) {
            let (key, value) = change.split_once('=').unwrap_or((change, ""));
            self.set(text, key.trim(), value.trim())?;
        }
        Ok(Self { name: text.into(), ..self })
    }

    fn set(&mut self, text: &str, key: &str, value: &str) -> Result<(), ArmError> {
        let bad = |expected| ArmError::BadValue { text: text.into(), key: key.into(), value: value.into(), expected };
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
            "n_batch" => self.n_batch = number(1 << 16)?,
            "n_gpu_layers" => {
                self.n_gpu_layers = value.parse().map_err(|_| bad("a number of layers, or -1 for all"))?;
            }
            "warm_start" => self.warm_start = value.parse().map_err(|_| bad("true or false"))?,
            "reaction" => self.reaction = word(value).ok_or_else(|| bad("single, pipelined or batch"))?,
            "react" => self.react = word(value).ok_or_else(|| bad("end or first-words"))?,
            _ => return Err(ArmError::UnknownKey { text: text.into(), key: key.into() }),
        }
        Ok(())
    }
}

/// The value that is written so.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::from(text)).ok()
}

/// The members of a recommendation that matter here.
#[derive(Deserialize)]
struct Choices {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    setting: String,
    value: Option<Value>,
}

/// Reads the values of a recommendation: from its file, or from the folder of the run that made it.
///
/// # Errors
/// [`ArmError::NotARecommendation`].
pub(super) fn read_recommendation(path: &Path) -> Result<Map<String, Value>, ArmError> {
    let file = if path.is_dir() { path.join("recommendation.json") } else { path.to_owned() };
    let fault = |detail: String| ArmError::NotARecommendation { path: file.clone(), detail };
    let text = std::fs::read_to_string(&file).map_err(|error| fault(error.to_string()))?;
    let Choices { choices } = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    Ok(choices.into_iter().filter_map(|choice| Some((choice.setting, choice.value?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> Arm {
        Arm::app(&GpuProfile::built_in()[0])
    }

    #[test]
    fn the_application_is_what_its_profile_says() {
        let arm = app();
        assert_eq!((arm.n_threads, arm.n_threads_batch, arm.n_gpu_layers), (6, 6, -1));
        assert_eq!((arm.n_ctx, arm.n_batch, arm.warm_start), (4096, 512, false));
        assert_eq!((arm.reaction, arm.react), (Delivery::Single, Moment::End));
    }

    #[test]
    fn settings_are_changed_by_their_names() {
        let text = "app,n_threads=2,react=first-words,reaction=pipelined,warm_start=true,n_gpu_layers=-1";
        let arm = app().changed(text, &text[4..]).unwrap();
        assert_eq!((arm.n_threads, arm.n_threads_batch), (2, 6));
        assert_eq!((arm.react, arm.reaction, arm.warm_start), (Moment::FirstWords, Delivery::Pipelined, true));
        assert_eq!(arm.name, text);
    }

    #[test]
    fn what_is_no_setting_is_named() {
        for (changes, says) in [
            ("threads=2", "there is no setting 'threads'"),
            ("n_threads=0", "n_threads is 0, not a whole number above 0"),
            ("n_threads", "n_threads is , not"),
            ("react=never", "react is never, not end or first-words"),
            ("reaction=telepathy", "not single, pipelined or batch"),
            ("warm_start=yes", "not true or false"),
        ] {
            let error = app().changed(changes, changes).unwrap_err().to_string();
            assert!(error.contains(says), "{changes}: {error}");
        }
    }
}
