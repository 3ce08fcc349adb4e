//! The hyperparameters of a model's architecture, from its metadata.

use serde::Serialize;

use super::gguf::{Metadata, Value};
use super::inspect::InspectError;

/// A figure for all blocks, or one per block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PerBlock {
    /// The same for all.
    One(u64),
    /// One per block.
    Each(Vec<u64>),
}

impl PerBlock {
    /// The figure, if it is the same for all blocks.
    #[must_use]
    pub fn one(&self) -> Option<u64> {
        match self {
            Self::One(figure) => Some(*figure),
            Self::Each(figures) => {
                figures.first().copied().filter(|first| figures.iter().all(|figure| figure == first))
            }
        }
    }

    /// The sum over this number of blocks; `None` if there are figures for another number of blocks, or on overflow.
    #[must_use]
    pub fn sum_over(&self, blocks: u64) -> Option<u64> {
        match self {
            Self::One(figure) => figure.checked_mul(blocks),
            Self::Each(figures) if figures.len() as u64 == blocks => {
                figures.iter().try_fold(0_u64, |sum, figure| sum.checked_add(*figure))
            }
            Self::Each(_) => None,
        }
    }
}

impl std::fmt::Display for PerBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self, self.one()) {
            (&Self::One(figure), _) | (_, Some(figure)) => write!(f, "{figure}"),
            (Self::Each(figures), None) => {
                let (least, most) = (figures.iter().min().unwrap_or(&0), figures.iter().max().unwrap_or(&0));
                write!(f, "{least} to {most}, by block")
            }
        }
    }
}

/// Hyperparameters. `None` means not in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hyperparameters {
    /// Transformer blocks.
    pub blocks: Option<u64>,
    /// Trained context, in tokens.
    pub trained_context: Option<u64>,
    /// Embedding length.
    pub embedding: Option<u64>,
    /// Width of the feed-forward part.
    pub feed_forward: Option<PerBlock>,
    /// Attention heads.
    pub heads: Option<PerBlock>,
    /// KV heads; as many as attention heads if the file has no figure.
    pub kv_heads: Option<PerBlock>,
    /// Key length per head: from the file, otherwise embedding / heads.
    pub key_length: Option<u64>,
    /// Value length per head, likewise.
    pub value_length: Option<u64>,
    /// Number of experts.
    pub experts: Option<u64>,
    /// Experts used per token.
    pub experts_used: Option<u64>,
}

impl Hyperparameters {
    /// Reads the hyperparameters of `architecture`. A key of the wrong type is [`InspectError::WrongType`].
    pub(super) fn read(metadata: &Metadata, architecture: &str) -> Result<Self, InspectError> {
        let number = |key: &str| number(metadata, &format!("{architecture}.{key}"));
        let per_block = |key: &str| per_block(metadata, &format!("{architecture}.{key}"));
        let (embedding, heads) = (number("embedding_length")?, per_block("attention.head_count")?);
        let divided = embedding
            .zip(heads.as_ref().and_then(PerBlock::one))
            .filter(|&(embedding, heads)| heads > 0 && embedding.is_multiple_of(heads))
            .map(|(embedding, heads)| embedding / heads);
        Ok(Self {
            blocks: number("block_count")?,
            trained_context: number("context_length")?,
            embedding,
            feed_forward: per_block("feed_forward_length")?,
            kv_heads: per_block("attention.head_count_kv")?.or_else(|| heads.clone()),
            heads,
            key_length: number("attention.key_length")?.or(divided),
            value_length: number("attention.value_length")?.or(divided),
            experts: number("expert_count")?,
            experts_used: number("expert_used_count")?,
        })
    }
}

/// A non-negative integer.
pub(super) fn number(metadata: &Metadata, key: &str) -> Result<Option<u64>, InspectError> {
    let Some(value) = metadata.get(key) else { return Ok(None) };
    value.as_u64().map(Some).ok_or_else(|| InspectError::wrong_type(key, "a whole number", value))
}

fn per_block(metadata: &Metadata, key: &str) -> Result<Option<PerBlock>, InspectError> {
    let Some(Value::Array(array)) = metadata.get(key) else {
        return Ok(number(metadata, key)?.map(PerBlock::One));
    };
    // Arrays longer than any model's blocks are not kept.
    let Some(kept) = &array.kept else { return Ok(None) };
    let figures = kept.iter().map(Value::as_u64).collect::<Option<Vec<_>>>();
    let wrong = || InspectError::wrong_type(key, "whole numbers", &Value::Array(array.clone()));
    figures.map(|figures| Some(PerBlock::Each(figures))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_block_figures_are_summed_and_shown() {
        let even = PerBlock::Each(vec![8, 8]);
        let uneven = PerBlock::Each(vec![2, 4, 3]);
        assert_eq!((even.one(), even.sum_over(2), even.to_string()), (Some(8), Some(16), "8".into()));
        assert_eq!((uneven.one(), uneven.sum_over(3)), (None, Some(9)));
        assert_eq!(uneven.to_string(), "2 to 4, by block");
        assert_eq!(uneven.sum_over(2), None);
        assert_eq!(PerBlock::One(u64::MAX).sum_over(2), None);
        assert_eq!(PerBlock::Each(Vec::new()).to_string(), "0 to 0, by block");
    }
}
