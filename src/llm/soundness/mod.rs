//! Whether a model's vocabulary and hyperparameters are consistent, checked with our own reader.
//!
//! A GGUF file can be valid and still be inconsistent: fewer scores than tokens, duplicate tokens, heads that do not
//! divide. llama.cpp rejects some of that and crashes on the rest, so it is checked first.

mod fault;
mod figures;
mod model;
mod vocabulary;

pub use fault::ModelFault;
#[cfg(test)]
pub(super) use model::check;
pub use model::check_soundness;
