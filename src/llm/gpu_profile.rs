//! Workly's GPU profiles as data, and their effect for a model: several profiles may have the same effect.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::kv_cache::KvCache;

/// Settings of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuProfile {
    /// Name in the configuration.
    pub name: String,
    /// Layers to put on the GPU; negative means all.
    pub n_gpu_layers: i64,
    /// Context size in tokens.
    pub n_ctx: u64,
    /// Batch size in tokens.
    pub n_batch: u64,
    /// Threads.
    pub n_threads: u64,
    /// Whether the model is locked in memory.
    pub mlock: bool,
}

/// A profile, resolved for one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedProfile {
    /// Its settings.
    #[serde(flatten)]
    pub asked: GpuProfile,
    /// Resulting layers: at most the offloadable ones. `None` if the file does not state their number.
    pub resolved_gpu_layers: Option<u64>,
    /// Size of its KV cache with 16-bit values, in bytes; `None` if unknown for this architecture.
    pub kv_bytes_f16: Option<u64>,
    /// Whether its context exceeds the trained context.
    pub beyond_trained_context: bool,
}

/// Difference of two profiles for one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileDifference {
    /// One profile.
    pub left: String,
    /// The other.
    pub right: String,
    /// Whether both place the same layers on the GPU; `None` if unknown.
    pub same_placement: Option<bool>,
    /// Names of the settings that differ after resolving.
    pub differ_in: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    profiles: Vec<GpuProfile>,
}

static BUILT_IN: LazyLock<Vec<GpuProfile>> = LazyLock::new(|| {
    let file = toml::from_str::<ProfileFile>(include_str!("../../profiles/gpu/app.toml"));
    file.expect("the built-in profiles are checked by this module's tests").profiles
});

impl GpuProfile {
    /// The application's profiles, in the order of its documentation.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &BUILT_IN
    }

    /// The profile that the application runs with: the one with the configured name, otherwise the first.
    #[must_use]
    pub fn of_app(name: Option<&str>) -> &'static Self {
        let named = name.and_then(|name| BUILT_IN.iter().find(|profile| profile.name == name));
        named.unwrap_or(&BUILT_IN[0])
    }

    /// Resolves the profile for a model with `offloadable` layers (its blocks and the output layer), this cache, and
    /// this trained context.
    #[must_use]
    pub fn resolve(&self, offloadable: Option<u64>, cache: &KvCache, trained: Option<u64>) -> ResolvedProfile {
        let layers = match u64::try_from(self.n_gpu_layers) {
            Ok(0) => Some(0),
            Ok(asked) => offloadable.map(|there| asked.min(there)),
            Err(_) => offloadable,
        };
        ResolvedProfile {
            asked: self.clone(),
            resolved_gpu_layers: layers,
            kv_bytes_f16: cache.known().and_then(|bytes| bytes.f16.checked_mul(self.n_ctx)),
            beyond_trained_context: trained.is_some_and(|trained| self.n_ctx > trained),
        }
    }
}

impl ProfileDifference {
    /// Compares every pair of profiles.
    #[must_use]
    pub fn of_all(profiles: &[ResolvedProfile]) -> Vec<Self> {
        let pairs = profiles
            .iter()
            .enumerate()
            .flat_map(|(at, left)| profiles[at + 1..].iter().map(move |right| (left, right)));
        pairs.map(|(left, right)| Self::between(left, right)).collect()
    }

    fn between(left: &ResolvedProfile, right: &ResolvedProfile) -> Self {
        let same_placement = match (left.resolved_gpu_layers, right.resolved_gpu_layers) {
            (Some(left), Some(right)) => Some(left == right),
            _ => (left.asked.n_gpu_layers == right.asked.n_gpu_layers).then_some(true),
        };
        let (a, b) = (&left.asked, &right.asked);
        let differs = [
            ("n_gpu_layers", same_placement != Some(true)),
            ("n_ctx", a.n_ctx != b.n_ctx),
            ("n_batch", a.n_batch != b.n_batch),
            ("n_threads", a.n_threads != b.n_threads),
            ("mlock", a.mlock != b.mlock),
        ];
        Self {
            left: a.name.clone(),
            right: b.name.clone(),
            same_placement,
            differ_in: differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::kv_cache::KvBytes;

    fn resolved(offloadable: Option<u64>) -> Vec<ResolvedProfile> {
        let cache = KvCache::Known(KvBytes { f16: 131_072, q8_0: None, q4_0: None });
        GpuProfile::built_in().iter().map(|profile| profile.resolve(offloadable, &cache, Some(2_048))).collect()
    }

    #[test]
    fn thirty_five_layers_of_thirty_three_are_all() {
        let profiles = resolved(Some(33));
        let layers: Vec<_> = profiles.iter().map(|profile| profile.resolved_gpu_layers).collect();
        assert_eq!(layers, [Some(33), Some(33), Some(0)]);
        assert_eq!(profiles[0].kv_bytes_f16, Some(536_870_912));
        assert_eq!(
            profiles.iter().map(|profile| profile.beyond_trained_context).collect::<Vec<_>>(),
            [true, false, false]
        );
        let differences = ProfileDifference::of_all(&profiles);
        assert_eq!(differences.len(), 3);
        assert_eq!(differences[0].same_placement, Some(true));
        assert_eq!(differences[0].differ_in, ["n_ctx", "n_batch"]);
        assert_eq!(differences[2].same_placement, Some(false));
        assert_eq!(differences[2].differ_in, ["n_gpu_layers", "n_batch", "n_threads", "mlock"]);
    }

    #[test]
    fn larger_model_distinguishes_the_profiles() {
        let differences = ProfileDifference::of_all(&resolved(Some(41)));
        assert_eq!(differences[0].differ_in, ["n_gpu_layers", "n_ctx", "n_batch"]);
    }

    #[test]
    fn unknown_values_stay_unknown() {
        let profiles = resolved(None);
        let layers: Vec<_> = profiles.iter().map(|profile| profile.resolved_gpu_layers).collect();
        assert_eq!(layers, [None, None, Some(0)]);
        assert_eq!(ProfileDifference::of_all(&profiles)[0].same_placement, None);
        let unknown = KvCache::NotKnown { reason: "x".into() };
        assert_eq!(GpuProfile::built_in()[0].resolve(Some(33), &unknown, None).kv_bytes_f16, None);
    }
}
