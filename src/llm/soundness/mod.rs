//! Whether a model's vocabulary and figures fit together, judged from its header by our own reader.
//!
//! A GGUF file can be sound and its contents still contradict each other: fewer scores than tokens, a token twice, heads that do
//! not divide. llama.cpp refuses some of that and ends the process on the rest, so it is looked at before llama.cpp is.

mod fault;
mod figures;
mod model;
mod vocabulary;

pub use fault::ModelFault;
#[cfg(test)]
pub(super) use model::check;
pub use model::check_soundness;
