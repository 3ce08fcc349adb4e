//! Timings: tokens and nanoseconds.

use super::Token;

/// A prompt that was processed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTiming {
    /// Tokens processed.
    pub n: usize,
    /// From before the first batch until the last was computed, in nanoseconds.
    pub elapsed_ns: u64,
}

/// Tokens computed one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenTiming {
    /// Tokens computed.
    pub n: usize,
    /// Total time in nanoseconds.
    pub elapsed_ns: u64,
    /// Time of each token in nanoseconds: `n` values, which add up to `elapsed_ns`.
    pub inter_token_ns: Vec<u64>,
}

/// A prompt and its answer.
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
    /// From before the prompt until the last token of the answer was chosen: the sum of `ttft_ns` and `inter_token_ns`.
    pub elapsed_ns: u64,
    /// The tokens of the answer.
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

/// Tokens per second, computed like llama-bench. Zero elapsed time counts as 1 ns.
fn rate(n: usize, elapsed_ns: u64) -> f64 {
    n as f64 * 1e9 / elapsed_ns.max(1) as f64
}

/// Differences of consecutive times. The first time is the start of the first step.
pub(super) fn steps(moments_ns: &[u64]) -> Vec<u64> {
    moments_ns.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_tokens_over_seconds() {
        let timing = PromptTiming { n: 128, elapsed_ns: 250_000_000 };
        assert!((timing.tokens_per_s() - 512.0).abs() < 1e-9);
        let timing = GenTiming { n: 1, elapsed_ns: 0, inter_token_ns: vec![0] };
        assert!(timing.tokens_per_s().is_finite());
    }

    #[test]
    fn steps_add_up_to_the_total() {
        let moments_ns = [5, 7, 7, 20];
        assert_eq!(steps(&moments_ns), [2, 0, 13]);
        assert_eq!(steps(&moments_ns).iter().sum::<u64>(), 15);
        assert!(steps(&[5]).is_empty());
    }
}
