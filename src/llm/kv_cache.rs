//! Size of the KV cache per token: known for plain attention, otherwise reported as unknown.

use serde::Serialize;

use super::gguf::TensorType;
use super::hyperparameters::Hyperparameters;

/// Architectures in which every block stores keys and values of every token, unless one of [`OTHER_CACHES`] is set.
pub(super) const PLAIN: [&str; 39] = [
    "arcee",
    "baichuan",
    "bloom",
    "chatglm",
    "codeshell",
    "command-r",
    "dbrx",
    "deepseek",
    "ernie4_5",
    "exaone",
    "falcon",
    "gemma",
    "glm4",
    "gpt2",
    "gptneox",
    "granite",
    "granitemoe",
    "grok",
    "hunyuan-dense",
    "internlm2",
    "jais",
    "llama",
    "minicpm",
    "mpt",
    "nemotron",
    "olmo",
    "olmo2",
    "olmoe",
    "orion",
    "phi2",
    "phi3",
    "qwen",
    "qwen2",
    "qwen2moe",
    "qwen3",
    "qwen3moe",
    "stablelm",
    "starcoder2",
    "xverse",
];

/// Keys, without the architecture prefix, that indicate another cache: a window, a compressed cache, a recurrent state.
pub(super) const OTHER_CACHES: [(&str, &str); 5] = [
    ("attention.sliding_window", "it has a sliding window"),
    ("attention.chunk_size", "its attention is chunked"),
    ("attention.kv_lora_rank", "its cache is compressed"),
    ("ssm.state_size", "it has a recurrent state"),
    ("wkv.head_size", "it has a recurrent state"),
];

/// Bytes per token of context, keys and values of all blocks together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KvBytes {
    /// With F16 keys and values, llama.cpp's default.
    pub f16: u64,
    /// With `Q8_0`; `None` if heads are not whole blocks.
    pub q8_0: Option<u64>,
    /// With `Q4_0`; `None` if heads are not whole blocks.
    pub q4_0: Option<u64>,
}

/// The KV cache of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KvCache {
    /// Bytes per token.
    Known(KvBytes),
    /// Unknown from the header.
    NotKnown {
        /// The reason.
        reason: String,
    },
}

impl KvCache {
    /// The sizes, if known.
    #[must_use]
    pub fn known(&self) -> Option<&KvBytes> {
        match self {
            Self::Known(bytes) => Some(bytes),
            Self::NotKnown { .. } => None,
        }
    }

    /// The cache of an architecture with these hyperparameters. `other` names a key of [`OTHER_CACHES`] that is set.
    ///
    /// A block stores (key length + value length) × KV heads values per token.
    pub(super) fn of(architecture: &str, figures: &Hyperparameters, other: Option<&'static str>) -> Self {
        let not_known = |reason: String| Self::NotKnown { reason };
        if !PLAIN.contains(&architecture) {
            return not_known(format!("unknown for this architecture ({})", architecture.escape_debug()));
        }
        if let Some(why) = other {
            return not_known(format!("unknown for this architecture: {why}"));
        }
        let (Some(blocks), Some(key), Some(value), Some(kv_heads)) =
            (figures.blocks, figures.key_length, figures.value_length, &figures.kv_heads)
        else {
            return not_known("the file lacks the number of blocks or heads, or their sizes".into());
        };
        let heads = kv_heads.sum_over(blocks);
        let elements = heads.and_then(|heads| heads.checked_mul(key.checked_add(value)?));
        let Some((elements, f16)) = elements.and_then(|elements| Some((elements, elements.checked_mul(2)?))) else {
            return not_known("the file's numbers of blocks and heads are inconsistent".into());
        };
        let quantised = |name| {
            let kind = TensorType::by_name(name)?;
            let whole = key.is_multiple_of(kind.block_elements) && value.is_multiple_of(kind.block_elements);
            whole.then(|| kind.bytes_of(elements)).flatten()
        };
        Self::Known(KvBytes { f16, q8_0: quantised("Q8_0"), q4_0: quantised("Q4_0") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::hyperparameters::PerBlock;

    fn mistral() -> Hyperparameters {
        Hyperparameters {
            blocks: Some(32),
            kv_heads: Some(PerBlock::One(8)),
            key_length: Some(128),
            value_length: Some(128),
            ..Hyperparameters::default()
        }
    }

    #[test]
    fn plain_cache_is_blocks_times_heads_times_lengths() {
        // 32 blocks × 8 heads × (128 + 128) = 65,536 values.
        let bytes = KvBytes { f16: 131_072, q8_0: Some(69_632), q4_0: Some(36_864) };
        assert_eq!(KvCache::of("llama", &mistral(), None), KvCache::Known(bytes));
        let uneven = Hyperparameters {
            blocks: Some(2),
            kv_heads: Some(PerBlock::Each(vec![1, 3])),
            key_length: Some(80),
            value_length: Some(80),
            ..Hyperparameters::default()
        };
        let bytes = KvBytes { f16: 1_280, q8_0: None, q4_0: None };
        assert_eq!(KvCache::of("llama", &uneven, None), KvCache::Known(bytes));
    }

    #[test]
    fn wrong_figure_is_never_reported() {
        let reason =
            |architecture: &str, figures: &Hyperparameters, other| match KvCache::of(architecture, figures, other) {
                KvCache::NotKnown { reason } => reason,
                KvCache::Known(bytes) => panic!("{bytes:?}"),
            };
        assert!(reason("mamba", &mistral(), None).contains("unknown for this architecture (mamba)"));
        assert!(reason("gemma3", &mistral(), None).contains("gemma3"));
        assert!(reason("phi3", &mistral(), Some("it has a sliding window")).contains("sliding window"));
        let headless = Hyperparameters { kv_heads: None, ..mistral() };
        assert!(reason("llama", &headless, None).contains("lacks the number"));
        let absurd = Hyperparameters { blocks: Some(u64::MAX), ..mistral() };
        assert!(reason("llama", &absurd, None).contains("are inconsistent"));
        let wrong_count = Hyperparameters { kv_heads: Some(PerBlock::Each(vec![8; 3])), ..mistral() };
        assert!(reason("llama", &wrong_count, None).contains("are inconsistent"));
    }
}
