//! What a context keeps of the tokens before: keys and values of all, of the last ones only, or a state.

use serde::Serialize;

use super::gguf::{Metadata, Value};

/// What a model's context keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextMemory {
    /// Keys and values of every token.
    Attention,
    /// In some blocks, keys and values of the last tokens only.
    SlidingWindow {
        /// How many tokens; `None` where the file gives a figure for each block.
        tokens: Option<u64>,
    },
    /// A state of fixed size, which every token changes.
    Recurrent,
    /// A state in some blocks, keys and values in the others.
    Hybrid,
}

/// Architectures of llama.cpp whose blocks all keep a state.
const RECURRENT: [&str; 6] = ["arwkv7", "mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7"];

/// Those with blocks of both kinds that are not told by a key.
const HYBRID: [&str; 8] =
    ["bailingmoe3", "kimi-linear", "lfm2", "lfm2moe", "minimax-01", "qwen35", "qwen35moe", "qwen3next"];

/// Keys, after the architecture, of a state.
const STATE_KEYS: [&str; 2] = ["ssm.state_size", "wkv.head_size"];

impl ContextMemory {
    /// What the context of that architecture keeps.
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

    /// Whether a state takes the place of keys and values, in all blocks or in some: such a memory cannot be cut back to a
    /// prefix.
    #[must_use]
    pub fn has_state(self) -> bool {
        matches!(self, Self::Recurrent | Self::Hybrid)
    }
}
