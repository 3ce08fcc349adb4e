//! Faults in the contents of a valid GGUF file. Texts from the file are quoted and escaped.

use std::io;

/// An inconsistency in a model's vocabulary or hyperparameters.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// Reading failed.
    #[error("cannot read the vocabulary: {source}")]
    Io {
        /// The system's error.
        source: io::Error,
    },
    /// A key has a type that llama.cpp does not accept.
    #[error("{key} is {found}, not {expected}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// Actual type.
        found: String,
        /// Accepted types.
        expected: &'static str,
    },
    /// A list has fewer entries than there are tokens.
    #[error("{key} has {found} entries for {tokens} tokens")]
    TooFew {
        /// The key.
        key: &'static str,
        /// Its number of entries.
        found: u64,
        /// Tokens of the vocabulary.
        tokens: u64,
    },
    /// A vocabulary without tokens, or with more than any model has.
    #[error("the vocabulary has {tokens} tokens")]
    TokenCount {
        /// Number of tokens.
        tokens: u64,
    },
    /// Two tokens have the same text.
    #[error("token {number} of the vocabulary, {token}, is a duplicate")]
    RepeatedToken {
        /// Number of the second one.
        number: u64,
        /// Its text, quoted.
        token: String,
    },
    /// A byte has no token: text that contains it cannot be tokenised.
    #[error("the vocabulary has no token for the byte 0x{byte:02X}")]
    MissingByte {
        /// The first such byte.
        byte: u8,
    },
    /// A byte token that does not denote a byte.
    #[error("token {number} of the vocabulary, {token}, is marked as a byte but names none")]
    NotAByte {
        /// Its number.
        number: u64,
        /// Its text, quoted.
        token: String,
    },
    /// A required begin or end token is missing.
    #[error("{key} is true, but the vocabulary has no such token")]
    NoSpecialToken {
        /// The key that requires it.
        key: &'static str,
    },
    /// A tokenizer without its required merge rules.
    #[error("the tokenizer {tokenizer} needs tokenizer.ggml.merges, which is not there")]
    NoMerges {
        /// The tokenizer.
        tokenizer: String,
    },
    /// An impossible hyperparameter.
    #[error("{what} is {found}: {wants}")]
    Figure {
        /// Its name.
        what: String,
        /// Value in the file.
        found: String,
        /// Accepted values.
        wants: &'static str,
    },
    /// A tensor's shape contradicts the hyperparameters.
    #[error("tensor {tensor} has the shape {found}; the model's metadata requires {expected}")]
    Shape {
        /// The tensor, quoted.
        tensor: String,
        /// Its shape.
        found: String,
        /// Expected shape.
        expected: String,
    },
}
