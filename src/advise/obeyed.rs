//! Who acts on a setting once it is written, and what the application does by itself. A setting that no program acts on
//! has no effect, however good it would be; this is stated.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::by_bridge::AS_WORKLY_DOES;
use super::recommendation::{Choice, Setting};
use super::recommendation_input::{ProfileRequirement, RecommendationInput};
use crate::plural::counted;

/// Who acts on a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObeyedBy {
    /// The application reads it when it starts.
    Application,
    /// `workly-perf launch` applies it to the unmodified application.
    Launcher,
    /// No published program reads it.
    Nobody,
}

impl ObeyedBy {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Application => "the application",
            Self::Launcher => "launch",
            Self::Nobody => "nobody yet",
        }
    }
}

impl Setting {
    /// Who acts on it. Published versions of the application read only the GPU profile; what the Python shim of
    /// `launch` changes only applies to an application started by `launch`.
    #[must_use]
    pub fn obeyed_by(self) -> ObeyedBy {
        match self {
            Self::GpuProfile => ObeyedBy::Application,
            Self::NGpuLayers
            | Self::NCtx
            | Self::NBatch
            | Self::NThreads
            | Self::NThreadsBatch
            | Self::KvType
            | Self::FlashAttn
            | Self::Priority
            | Self::WaitPolicy
            | Self::UseMmap => ObeyedBy::Launcher,
            Self::WarmStart | Self::IpcMode | Self::BatchWindowMs => ObeyedBy::Nobody,
        }
    }
}

/// What the application runs with before and after a recommendation, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// The configured profile; `None` if it names none that the application supports.
    pub from: Option<ProfileRequirement>,
    /// The profile that it will have.
    pub to: ProfileRequirement,
}

impl ProfileChange {
    /// The values of the recommended profile, or of the current one if it is kept. `None` if neither is known.
    #[must_use]
    pub fn of(input: &RecommendationInput, choices: &[Choice]) -> Option<Self> {
        let chosen = choices.iter().find(|choice| choice.setting == Setting::GpuProfile);
        let chosen = chosen.and_then(|choice| choice.value.as_ref()?.as_str());
        Self::between(&input.profiles, input.current_profile.as_deref(), chosen)
    }

    /// From one profile to another by name; without the second, the first is kept.
    #[must_use]
    pub fn between(profiles: &[ProfileRequirement], from: Option<&str>, to: Option<&str>) -> Option<Self> {
        let named = |name: &str| profiles.iter().find(|profile| profile.name == name).cloned();
        let from = from.and_then(named);
        let to = to.and_then(named).or_else(|| from.clone())?;
        Some(Self { from, to })
    }

    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { from, to } = self;
        let (name, numbers) = (&to.name, to.numbers());
        match from {
            Some(from) if from != to => {
                format!(
                    "With {name} the application runs with {numbers}; with {}, the current profile, with {}.",
                    from.name,
                    from.numbers()
                )
            }
            Some(_) => format!("With {name}, the current profile, the application runs with {numbers}."),
            None => format!("With {name} the application runs with {numbers}."),
        }
    }
}

impl ProfileRequirement {
    /// The application's value of a setting under this profile. `None` if it is not known or not a single value.
    #[must_use]
    pub fn value(&self, setting: Setting) -> Option<Value> {
        match setting {
            Setting::GpuProfile => Some(self.name.as_str().into()),
            Setting::NGpuLayers => self.layers.map(Value::from),
            Setting::NCtx => Some(self.n_ctx.into()),
            Setting::NBatch => Some(self.n_batch.into()),
            Setting::NThreads => Some(self.n_threads.into()),
            Setting::NThreadsBatch => self.n_threads_batch.map(Value::from),
            Setting::KvType => Some("f16".into()),
            Setting::FlashAttn => Some("off".into()),
            Setting::Priority => Some("normal".into()),
            Setting::UseMmap => Some(true.into()),
            Setting::WarmStart => Some(false.into()),
            Setting::IpcMode => Some(AS_WORKLY_DOES.into()),
            // The environment that the application is started in decides the wait policy.
            Setting::WaitPolicy | Setting::BatchWindowMs => None,
        }
    }

    /// `8 threads, 2 for prompts, a context of 2048, batches of 128, 33 layers on a card`.
    fn numbers(&self) -> String {
        let mut numbers = vec![counted(self.n_threads, "thread")];
        numbers.extend(self.n_threads_batch.map(|threads| format!("{threads} for prompts")));
        numbers.extend([format!("a context of {}", self.n_ctx), format!("batches of {}", self.n_batch)]);
        numbers.extend(self.layers.map(|layers| match layers {
            0 => "no layers on the GPU".into(),
            layers => format!("{} on the GPU", counted(layers, "layer")),
        }));
        numbers.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Vec<ProfileRequirement> {
        let profile = |name: &str, n_batch, n_threads| ProfileRequirement {
            name: name.into(),
            layers: None,
            n_ctx: 2048,
            n_batch,
            n_threads,
            n_threads_batch: Some(2),
        };
        vec![profile("balanced", 256, 6), profile("cpu_fallback", 128, 8)]
    }

    #[test]
    fn application_obeys_its_profile_and_launch_the_shims_settings() {
        for setting in Setting::ALL {
            let expected = match setting {
                Setting::GpuProfile => ObeyedBy::Application,
                Setting::WarmStart | Setting::IpcMode | Setting::BatchWindowMs => ObeyedBy::Nobody,
                _ => ObeyedBy::Launcher,
            };
            assert_eq!(setting.obeyed_by(), expected, "{setting:?}");
        }
    }

    #[test]
    fn profile_change_is_stated_in_the_applications_values() {
        let change = ProfileChange::between(&profiles(), Some("balanced"), Some("cpu_fallback")).unwrap();
        assert_eq!(
            change.sentence(),
            "With cpu_fallback the application runs with 8 threads, 2 for prompts, a context of 2048, batches of 128; \
             with balanced, the current profile, with 6 threads, 2 for prompts, a context of 2048, batches of 256."
        );
        assert_eq!(
            (change.to.value(Setting::NThreads), change.to.value(Setting::FlashAttn)),
            (Some(8.into()), Some("off".into()))
        );
    }

    #[test]
    fn unchanged_or_unknown_profile_is_stated() {
        let stays = ProfileChange::between(&profiles(), Some("balanced"), None).unwrap();
        assert!(
            stays.sentence().starts_with("With balanced, the current profile, the application runs with 6 threads")
        );
        let first = ProfileChange::between(&profiles(), Some("cpu"), Some("balanced")).unwrap();
        assert_eq!((first.from, first.to.n_threads), (None, 6));
        assert_eq!(ProfileChange::between(&profiles(), Some("cpu"), None), None);
    }
}
