//! How the next token is sampled, as plain data.

/// Values of a sampler chain: top-k, top-p, min-p, temperature, then a random draw. [`Sampling::APP`] was read back
/// from the application's llama.cpp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Number of most likely tokens kept.
    pub top_k: i32,
    /// Probability mass kept.
    pub top_p: f32,
    /// Minimum probability of a token relative to the most likely one.
    pub min_p: f32,
    /// The temperature.
    pub temperature: f32,
}

impl Sampling {
    /// The application's values, which are the defaults: temperature 0.7, top-p 0.9, top-k 40, min-p 0.05; its
    /// repetition penalty of 1.0 has no effect.
    pub const APP: Self = Self { top_k: 40, top_p: 0.9, min_p: 0.05, temperature: 0.7 };
}
