//! From what is known to a recommendation: pure rules that measure nothing, read nothing and print nothing.

mod gpu_rules;
mod placement;
mod thread_choice;
pub mod threads;

pub use gpu_rules::{Compares, GpuRule, RuleAnswer, Step, TableCard, gpu_rules, table_cards};
pub use placement::{MemoryBudget, PlacementOption, PlacementPick, cliffs, pick};
pub use thread_choice::{Candidate, Certainty, ThreadChoice};
