//! What a context stores of earlier tokens: keys and values of all of them, of the most recent ones, or a state.

use serde::Serialize;

use super::gguf::{Metadata, Value};

/// What a model's context stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextMemory {
    /// Keys and values of every token.
    Attention,
    /// In some blocks, keys and values of the most recent tokens only.
    SlidingWindow {
        /// Number of tokens; `None` if the file gives one per block.
        tokens: Option<u64>,
    },
    /// A state of fixed size, updated by every token.
    Recurrent,
    /// A state in some blocks, keys and values in the others.
    Hybrid,
}

/// Architectures of llama.cpp in which all blocks have a state.
const RECURRENT: [&str; 6] = ["arwkv7", "mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7"];

/// Hybrid architectures that no key identifies.
const HYBRID: [&str; 8] =
    ["bailingmoe3", "kimi-linear", "lfm2", "lfm2moe", "minimax-01", "qwen35", "qwen35moe", "qwen3next"];

/// Keys of a state, without the architecture prefix.
const STATE_KEYS: [&str; 2] = ["ssm.state_size", "wkv.head_size"];

impl ContextMemory {
    /// What the context of that architecture stores.
    pub(super) fn of(metadata: &Metadata, architecture: &str) -> Self {
        let value = |key: &str| metadata.get(&format!("{architecture}.{key}"));
        let has_state = STATE_KEYS.iter().any(|key| value(key).and_then(Value::as_u64).is_some_and(|size| size > 0));
        if RECURRENT.contains(&architecture) {
            return Self::Recurrent;
        }
        if has_state || HYBRID.contains(&architecture) {
            return Self::Hybrid;
        }
        match value("attention.sliding_window") {
            Some(Value::Array(_)) => Self::SlidingWindow { tokens: None },
            Some(window) => match window.as_u64() {
                Some(tokens @ 1..) => Self::SlidingWindow { tokens: Some(tokens) },
                _ => Self::Attention,
            },
            None => Self::Attention,
        }
    }

    /// Whether some or all blocks have a state instead of keys and values: such memory cannot be cut back to a prefix.
    #[must_use]
    pub fn has_state(self) -> bool {
        matches!(self, Self::Recurrent | Self::Hybrid)
    }
}
