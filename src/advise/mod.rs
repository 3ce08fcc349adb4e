//! From what is known to a recommendation: pure rules that measure nothing, read nothing and print nothing.

mod thread_choice;
pub mod threads;

pub use thread_choice::{Candidate, Certainty, ThreadChoice};
