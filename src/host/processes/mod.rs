//! The processes of Workly and Unity, or selected ones: found and read.
//!
//! What is read of them: what they hold, and how busy they are. Their command lines are looked at to tell what they are, of
//! their environment one variable of our own, and neither is kept.

mod environment;
mod kind;
mod named;
mod process_table;
mod query;

pub use environment::variable_of;
pub use kind::ProcessKind;
pub use named::{NamedProcess, process_numbered, processes_named};
pub use process_table::{FoundProcess, ProcessLook, Processes};
pub use query::{ProcessChoiceError, ProcessQuery};
