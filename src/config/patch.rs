//! What is to be set: a GPU profile in `ai`, which the application reads, and figures in `performance`, which it keeps
//! and `launch` puts into force.

use serde_json::Value;

use super::rules::AppProfile;

/// The section that the application ignores but never drops.
const SECTION: &str = "performance";

/// Values to set. Nothing else of the file changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    sets: Vec<(Vec<String>, Value)>,
    strips_byte_order_mark: bool,
}

impl Patch {
    /// The path of the GPU profile.
    pub(super) const GPU_PROFILE: [&'static str; 2] = ["ai", "gpu_profile"];

    /// Sets `ai.gpu_profile`.
    #[must_use]
    pub fn gpu_profile(mut self, profile: AppProfile) -> Self {
        self.sets.push((Self::GPU_PROFILE.map(String::from).into(), profile.word().into()));
        self
    }

    /// Sets `performance.<key>`.
    #[must_use]
    pub fn performance(mut self, key: &str, value: Value) -> Self {
        self.sets.push((vec![SECTION.into(), key.into()], value));
        self
    }

    /// Also removes a byte order mark, if `strips` and there is one.
    #[must_use]
    pub fn strip_byte_order_mark(self, strips: bool) -> Self {
        Self { strips_byte_order_mark: strips, ..self }
    }

    pub(super) fn strips_byte_order_mark(&self) -> bool {
        self.strips_byte_order_mark
    }

    /// Whether there is nothing to set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    pub(super) fn sets(&self) -> &[(Vec<String>, Value)] {
        &self.sets
    }
}
