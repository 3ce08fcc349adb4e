//! The two tests of llama-bench, whose words name runs in records.

use serde::{Deserialize, Serialize};

/// One of the two tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TokenTest {
    /// Prompt processing: many tokens at once, compute-bound.
    #[serde(rename = "pp")]
    Prompt,
    /// Generation: one token at a time, memory-bound.
    #[serde(rename = "tg")]
    Generation,
}

impl TokenTest {
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
    fn tests_are_written_as_their_words() {
        for test in [TokenTest::Prompt, TokenTest::Generation] {
            assert_eq!(serde_json::to_value(test).unwrap(), test.word());
        }
    }
}
