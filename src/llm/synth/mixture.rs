//! Storage type of each tensor: the layouts of llama.cpp's quantiser for the llama architecture.

use serde::{Deserialize, Serialize};

use crate::llm::gguf::TensorType;

/// A whole-file quantisation, by llama.cpp's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(non_camel_case_types, missing_docs)]
pub enum Mixture {
    Q4_0,
    Q8_0,
    Q4_K_M,
    Q5_K_M,
    Q6_K,
}

/// Purpose of a tensor, as far as its storage depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TensorRole {
    /// Token embeddings; `shared` if the output layer uses them too.
    Embedding {
        /// Whether the output layer uses them.
        shared: bool,
    },
    /// The output layer.
    Output,
    /// A norm.
    Norm,
    /// Values or the second half of the feed-forward part of one block: where a mixture spends its extra bits.
    Favoured {
        /// Index of the block.
        block: u64,
        /// Number of blocks.
        blocks: u64,
    },
    /// Everything else.
    Plain,
}

impl Mixture {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q8_0 => "Q8_0",
            Self::Q4_K_M => "Q4_K_M",
            Self::Q5_K_M => "Q5_K_M",
            Self::Q6_K => "Q6_K",
        }
    }

    /// Required divisor of every row length.
    pub(super) fn row_multiple(self) -> u64 {
        match self {
            Self::Q8_0 => 32,
            // The output layer of every other mixture is Q6_K.
            _ => 256,
        }
    }

    /// Storage type of a tensor.
    pub(super) fn storage(self, role: TensorRole) -> &'static TensorType {
        let base = match self {
            Self::Q4_0 => "Q4_0",
            Self::Q8_0 => "Q8_0",
            Self::Q4_K_M => "Q4_K",
            Self::Q5_K_M => "Q5_K",
            Self::Q6_K => "Q6_K",
        };
        let name = match (role, self) {
            (TensorRole::Norm, _) => "F32",
            (TensorRole::Output | TensorRole::Embedding { shared: true }, mixture) if mixture != Self::Q8_0 => "Q6_K",
            (TensorRole::Favoured { block, blocks }, Self::Q4_K_M | Self::Q5_K_M) if is_favoured(block, blocks) => {
                "Q6_K"
            }
            _ => base,
        };
        TensorType::by_name(name).expect("the names above are rows of the table")
    }
}

/// Whether the M mixtures give a block more bits: the first and last eighth, and every third of the rest.
fn is_favoured(block: u64, blocks: u64) -> bool {
    let eighth = blocks / 8;
    block < eighth || block >= 7 * blocks / 8 || (block - eighth) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_mixtures_favour_the_ends_and_every_third_block() {
        let favoured: Vec<u64> = (0..32).filter(|&block| is_favoured(block, 32)).collect();
        assert_eq!(favoured, [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]);
        let storage = |role| Mixture::Q5_K_M.storage(role).name;
        assert_eq!(storage(TensorRole::Favoured { block: 0, blocks: 32 }), "Q6_K");
        assert_eq!(storage(TensorRole::Favoured { block: 4, blocks: 32 }), "Q5_K");
        assert_eq!(storage(TensorRole::Embedding { shared: false }), "Q5_K");
        assert_eq!(storage(TensorRole::Output), "Q6_K");
        assert_eq!(storage(TensorRole::Norm), "F32");
    }

    #[test]
    fn shared_embeddings_have_the_outputs_type() {
        assert_eq!(Mixture::Q4_K_M.storage(TensorRole::Embedding { shared: true }).name, "Q6_K");
        assert_eq!(Mixture::Q8_0.storage(TensorRole::Embedding { shared: true }).name, "Q8_0");
        assert_eq!(Mixture::Q4_0.storage(TensorRole::Favoured { block: 0, blocks: 8 }).name, "Q4_0");
    }
}
