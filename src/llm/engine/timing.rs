//! What was timed: tokens and nanoseconds.

use super::Token;

/// A prompt, processed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTiming {
    /// Tokens processed.
    pub n: usize,
    /// From before the first batch until after the last was computed, in nanoseconds.
    pub elapsed_ns: u64,
}

/// Tokens, computed one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenTiming {
    /// Tokens computed.
    pub n: usize,
    /// All of them, in nanoseconds.
    pub elapsed_ns: u64,
    /// Each of them, in nanoseconds: `n` values, which add up to `elapsed_ns`.
    pub inter_token_ns: Vec<u64>,
}

/// A prompt and its answer, as a person meets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTiming {
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// Tokens of the answer.
    pub n_gen: usize,
    /// From before the prompt until the first token of the answer was chosen, in nanoseconds.
    pub ttft_ns: u64,
    /// From each token of the answer to the next, in nanoseconds: `n_gen` − 1 values.
    pub inter_token_ns: Vec<u64>,
    /// From before the prompt until the last token of the answer was chosen: `ttft_ns` and all of `inter_token_ns`.
    pub elapsed_ns: u64,
    /// The answer.
    pub tokens: Vec<Token>,
}

impl PromptTiming {
    /// Tokens per second.
    #[must_use]
    pub fn tokens_per_s(&self) -> f64 {
        rate(self.n, self.elapsed_ns)
    }
}

impl GenTiming {
    /// Tokens per second.
    #[must_use]
    pub fn tokens_per_s(&self) -> f64 {
        rate(self.n, self.elapsed_ns)
    }
}

/// Tokens per second, as llama-bench reckons it. A clock that did not move counts as 1 ns.
fn rate(n: usize, elapsed_ns: u64) -> f64 {
    n as f64 * 1e9 / elapsed_ns.max(1) as f64
}

/// Turns moments into the steps between them. `moments_ns` starts with the beginning of the first step.
pub(super) fn steps(moments_ns: &[u64]) -> Vec<u64> {
    moments_ns.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_tokens_over_seconds() {
        let timing = PromptTiming { n: 128, elapsed_ns: 250_000_000 };
        assert!((timing.tokens_per_s() - 512.0).abs() < 1e-9);
        let timing = GenTiming { n: 1, elapsed_ns: 0, inter_token_ns: vec![0] };
        assert!(timing.tokens_per_s().is_finite());
    }

    #[test]
    fn steps_add_up() {
        let moments_ns = [5, 7, 7, 20];
        assert_eq!(steps(&moments_ns), [2, 0, 13]);
        assert_eq!(steps(&moments_ns).iter().sum::<u64>(), 15);
        assert!(steps(&[5]).is_empty());
    }
}
