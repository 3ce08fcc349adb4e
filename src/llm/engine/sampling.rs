//! How the next token is chosen, as plain data.

/// The values of a chain of samplers: top-k, top-p, min-p, temperature, then a draw. Source of [`Sampling::APP`]: what the
/// application's llama.cpp was read back to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The likeliest tokens that stay.
    pub top_k: i32,
    /// The share of probability that stays.
    pub top_p: f32,
    /// The share of the likeliest token's probability that a token needs to stay.
    pub min_p: f32,
    /// The temperature.
    pub temperature: f32,
}

impl Sampling {
    /// What the application sets, its defaults: temperature 0.7, top-p 0.9, top-k 40, min-p 0.05; its repetition penalty of 1.0 changes
    /// nothing.
    pub const APP: Self = Self { top_k: 40, top_p: 0.9, min_p: 0.05, temperature: 0.7 };
}
