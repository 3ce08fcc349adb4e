//! What can be wrong with the contents of a sound GGUF file. Texts from inside of the file are quoted and escaped.

use std::io;

/// A contradiction in a model's vocabulary or figures.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// Reading stopped working.
    #[error("cannot read the vocabulary: {source}")]
    Io {
        /// The system's answer.
        source: io::Error,
    },
    /// A key holds something else than llama.cpp takes.
    #[error("{key} is {found}, not {expected}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What is there.
        found: String,
        /// What could be.
        expected: &'static str,
    },
    /// A list has fewer entries than there are tokens.
    #[error("{key} has {found} entries for {tokens} tokens")]
    TooFew {
        /// The key.
        key: &'static str,
        /// Its entries.
        found: u64,
        /// Tokens of the vocabulary.
        tokens: u64,
    },
    /// A vocabulary without a token, or with more than any model has.
    #[error("the vocabulary has {tokens} tokens")]
    TokenCount {
        /// How many.
        tokens: u64,
    },
    /// Two tokens are the same text.
    #[error("token {number} of the vocabulary, {token}, is a duplicate")]
    RepeatedToken {
        /// The number of the second one.
        number: u64,
        /// Its text, quoted.
        token: String,
    },
    /// A byte has no token: text with it cannot be tokenised.
    #[error("the vocabulary has no token for the byte 0x{byte:02X}")]
    MissingByte {
        /// The first such byte.
        byte: u8,
    },
    /// A token that should stand for a byte.
    #[error("token {number} of the vocabulary, {token}, is marked as a byte but names none")]
    NotAByte {
        /// Its number.
        number: u64,
        /// Its text, quoted.
        token: String,
    },
    /// Every text should begin or end with a token that there is not.
    #[error("{key} is true, but the vocabulary has no such token")]
    NoSpecialToken {
        /// The key that demands it.
        key: &'static str,
    },
    /// A tokenizer that needs rules and has none.
    #[error("the tokenizer {tokenizer} needs tokenizer.ggml.merges, which is not there")]
    NoMerges {
        /// The tokenizer.
        tokenizer: String,
    },
    /// A figure of the architecture that no model can have.
    #[error("{what} is {found}: {wants}")]
    Figure {
        /// The figure.
        what: String,
        /// What the file says.
        found: String,
        /// What could be.
        wants: &'static str,
    },
    /// A tensor does not have the shape that the figures ask for.
    #[error("tensor {tensor} has the shape {found}; the model's metadata requires {expected}")]
    Shape {
        /// The tensor, quoted.
        tensor: String,
        /// Its shape.
        found: String,
        /// What it should be.
        expected: String,
    },
}
