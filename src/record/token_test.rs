//! The two tests of llama-bench, which runs of tokens name by its words.

use serde::{Deserialize, Serialize};

/// One of the two tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Test {
    /// Prompt processing: many tokens at once, compute-bound.
    #[serde(rename = "pp")]
    Prompt,
    /// Generation: one token at a time, memory-bound.
    #[serde(rename = "tg")]
    Generation,
}

impl Test {
    /// llama-bench's word for it, as in the conditions of a case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prompt => "pp",
            Self::Generation => "tg",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_written_by_its_word() {
        for test in [Test::Prompt, Test::Generation] {
            assert_eq!(serde_json::to_value(test).unwrap(), test.word());
        }
    }
}
