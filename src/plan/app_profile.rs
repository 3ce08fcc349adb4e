//! The GPU profile that the application runs with: studies with its conventions take their settings from it.

use std::path::Path;

use super::shared::read_config;
use crate::cli::EngineConventions;
use crate::config::WorklyConfig;
use crate::llm::GpuProfile;

/// llama-bench's batch sizes.
const BENCH_BATCH: (u32, u32) = (2048, 512);

/// What a run takes from the application's profile; otherwise llama-bench's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineDefaults {
    /// Name of the profile.
    pub(super) profile: Option<&'static str>,
    /// Logical batch size in tokens.
    pub(super) n_batch: u32,
    /// Physical batch size in tokens.
    pub(super) n_ubatch: u32,
    /// Whether the weights are locked in memory.
    pub(super) use_mlock: bool,
}

impl EngineDefaults {
    /// Those of llama-bench, or of the application with this profile: its `n_ubatch` equals `n_batch`.
    pub(super) fn of(engine: EngineConventions, profile: &'static GpuProfile) -> Self {
        if engine == EngineConventions::LlamaBench {
            return Self { profile: None, n_batch: BENCH_BATCH.0, n_ubatch: BENCH_BATCH.1, use_mlock: false };
        }
        let n_batch = u32::try_from(profile.n_batch).unwrap_or(u32::MAX);
        Self { profile: Some(&profile.name), n_batch, n_ubatch: n_batch, use_mlock: profile.mlock }
    }
}

/// The profile of the named configuration, otherwise of the one in its default location. A file that cannot be used means the first
/// profile, since the application says nothing about such a file and runs on its defaults.
#[must_use]
pub fn app_profile(config: Option<&Path>) -> &'static GpuProfile {
    read_config(config).map_or(GpuProfile::of_app(None), |(_, config)| profile_of(&config))
}

/// The profile of the configuration, otherwise the first, as when the application rejects the file.
pub(super) fn profile_of(config: &WorklyConfig) -> &'static GpuProfile {
    GpuProfile::of_app(config.gpu_profile.as_deref().filter(|_| config.refusal.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_the_configurations_or_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            app_profile(Some(&path)).name.as_str()
        };
        assert_eq!(of(r#"{"ai": {"gpu_profile": "cpu_fallback"}}"#), "cpu_fallback");
        assert_eq!(of(r#"{"ai": {"gpu_profile": "cpu"}}"#), "performance", "the application rejects this name");
        assert_eq!(of("{"), "performance", "not JSON");
        assert_eq!(app_profile(Some(&folder.path().join("none.json"))).name, "performance");
    }
}
