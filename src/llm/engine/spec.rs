//! Placement of a model and parameters of a context: plain data, checked before it is passed to llama.cpp.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Maximum number of threads supported by llama.cpp (`GGML_MAX_N_THREADS`), which ends the process if asked for more.
pub const MAX_THREADS: u32 = 512;

/// Where the weights of a model go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Layers on the GPU, including the output layer: a model with n blocks is complete with n + 1. `None` means all.
    pub n_gpu_layers: Option<u32>,
    /// Whether the file is memory-mapped instead of read.
    pub use_mmap: bool,
    /// Whether the weights are locked in memory. If the system allows less, llama.cpp warns and continues.
    pub mlock: bool,
}

impl Default for Placement {
    /// llama.cpp's default placement: all layers on the GPU if there is one, mapped, not locked.
    fn default() -> Self {
        Self { n_gpu_layers: None, use_mmap: true, mlock: false }
    }
}

/// Parameters of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextSpec {
    /// Size in tokens; 0 means the trained context. llama.cpp rounds it up.
    pub n_ctx: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens; at most `n_batch`.
    pub n_ubatch: u32,
    /// Threads for generation.
    pub n_threads: u32,
    /// Threads for prompt processing, that is, for every batch of more than one token.
    pub n_threads_batch: u32,
    /// Type of the K cache.
    pub type_k: KvType,
    /// Type of the V cache.
    pub type_v: KvType,
    /// Whether flash attention is used.
    pub flash_attention: FlashAttention,
}

impl Default for ContextSpec {
    /// llama-bench's context, with one thread.
    fn default() -> Self {
        Self {
            n_ctx: 0,
            n_batch: 2048,
            n_ubatch: 512,
            n_threads: 1,
            n_threads_batch: 1,
            type_k: KvType::F16,
            type_v: KvType::F16,
            flash_attention: FlashAttention::Auto,
        }
    }
}

impl ContextSpec {
    /// Rejects values that llama.cpp would reject without a reason, or that would end the process.
    pub fn check(&self) -> Result<(), SpecError> {
        for (name, value) in [("n_batch", self.n_batch), ("n_ubatch", self.n_ubatch)] {
            if value == 0 {
                return Err(SpecError::Zero { name });
            }
        }
        for (name, value) in [("n_threads", self.n_threads), ("n_threads_batch", self.n_threads_batch)] {
            check_threads(name, value)?;
        }
        if self.type_v.is_quantised() && self.flash_attention == FlashAttention::Off {
            return Err(SpecError::QuantisedV { type_v: self.type_v });
        }
        Ok(())
    }
}

/// Rejects thread counts that llama.cpp does not support. `name` is the setting.
pub(super) fn check_threads(name: &'static str, value: u32) -> Result<(), SpecError> {
    match value {
        0 => Err(SpecError::Zero { name }),
        1..=MAX_THREADS => Ok(()),
        _ => Err(SpecError::TooManyThreads { name, value }),
    }
}

/// Why a context with this description is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A value that must be at least 1.
    #[error("{name} is 0; it must be 1 or more")]
    Zero {
        /// The setting.
        name: &'static str,
    },
    /// More threads than llama.cpp supports.
    #[error("{name} is {value}; llama.cpp supports at most {MAX_THREADS} threads")]
    TooManyThreads {
        /// The setting.
        name: &'static str,
        /// The given value.
        value: u32,
    },
    /// A quantised V cache requires flash attention.
    #[error("a V cache of type {type_v} needs flash attention, which is switched off")]
    QuantisedV {
        /// The type of the V cache.
        type_v: KvType,
    },
    /// Unknown type.
    #[error("'{text}' is not a KV cache type; types are {}", KvType::ALL.map(KvType::name).join(", "))]
    UnknownKvType {
        /// The given text.
        text: String,
    },
    /// Unknown setting.
    #[error("'{text}' is not a flash attention setting: auto, on or off")]
    UnknownFlashAttention {
        /// The given text.
        text: String,
    },
}

/// Whether flash attention is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashAttention {
    /// If llama.cpp finds that the device supports it.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl FlashAttention {
    /// Name on llama.cpp's command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for FlashAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FlashAttention {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        [Self::Auto, Self::On, Self::Off]
            .into_iter()
            .find(|choice| choice.name() == text)
            .ok_or_else(|| SpecError::UnknownFlashAttention { text: text.into() })
    }
}

/// Type of the keys or values in a KV cache: those that llama-bench accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[allow(missing_docs)]
pub enum KvType {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Iq4Nl,
}

impl KvType {
    /// All types, largest first.
    pub const ALL: [Self; 9] =
        [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q5_1, Self::Q5_0, Self::Q4_1, Self::Q4_0, Self::Iq4Nl];

    /// Name in ggml.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q5_0 => "q5_0",
            Self::Q4_1 => "q4_1",
            Self::Q4_0 => "q4_0",
            Self::Iq4Nl => "iq4_nl",
        }
    }

    /// Bits per value, including its share of the block's scale, times ten.
    #[must_use]
    pub const fn bits_x10(self) -> u32 {
        match self {
            Self::F32 => 320,
            Self::F16 | Self::Bf16 => 160,
            Self::Q8_0 => 85,
            Self::Q5_1 => 60,
            Self::Q5_0 => 55,
            Self::Q4_1 => 50,
            Self::Q4_0 | Self::Iq4Nl => 45,
        }
    }

    /// Whether values are stored in blocks with a scale.
    #[must_use]
    pub const fn is_quantised(self) -> bool {
        !matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }
}

impl fmt::Display for KvType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<KvType> for String {
    fn from(kind: KvType) -> Self {
        kind.name().into()
    }
}

impl TryFrom<String> for KvType {
    type Error = SpecError;

    fn try_from(text: String) -> Result<Self, SpecError> {
        text.parse()
    }
}

impl FromStr for KvType {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| SpecError::UnknownKvType { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama_bench_context_is_valid() {
        assert_eq!(ContextSpec::default().check(), Ok(()));
    }

    #[test]
    fn quantised_v_cache_needs_flash_attention() {
        for kind in KvType::ALL {
            let with = |flash_attention| ContextSpec { type_v: kind, flash_attention, ..ContextSpec::default() };
            let refused = kind.is_quantised().then_some(SpecError::QuantisedV { type_v: kind });
            assert_eq!(with(FlashAttention::Off).check().err(), refused);
            assert_eq!(with(FlashAttention::Auto).check(), Ok(()));
            assert_eq!(with(FlashAttention::On).check(), Ok(()));
            let quantised_k = ContextSpec { type_v: KvType::F16, type_k: kind, ..with(FlashAttention::Off) };
            assert_eq!(quantised_k.check(), Ok(()));
        }
        assert_eq!(
            SpecError::QuantisedV { type_v: KvType::Q8_0 }.to_string(),
            "a V cache of type q8_0 needs flash attention, which is switched off"
        );
    }

    #[test]
    fn unsupported_numbers_are_rejected_by_name() {
        let spec = ContextSpec::default();
        for (spec, message) in [
            (ContextSpec { n_batch: 0, ..spec }, "n_batch is 0; it must be 1 or more"),
            (ContextSpec { n_ubatch: 0, ..spec }, "n_ubatch is 0; it must be 1 or more"),
            (ContextSpec { n_threads: 0, ..spec }, "n_threads is 0; it must be 1 or more"),
            (
                ContextSpec { n_threads_batch: 513, ..spec },
                "n_threads_batch is 513; llama.cpp supports at most 512 threads",
            ),
        ] {
            assert_eq!(spec.check().expect_err("refused").to_string(), message);
        }
        assert_eq!(ContextSpec { n_threads: 512, ..spec }.check(), Ok(()));
    }

    #[test]
    fn type_names_round_trip() {
        for kind in KvType::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for choice in [FlashAttention::Auto, FlashAttention::On, FlashAttention::Off] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!(
            "q9".parse::<KvType>().expect_err("unknown").to_string(),
            "'q9' is not a KV cache type; types are f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl"
        );
        assert_eq!(
            "maybe".parse::<FlashAttention>().expect_err("unknown").to_string(),
            "'maybe' is not a flash attention setting: auto, on or off"
        );
    }
}
