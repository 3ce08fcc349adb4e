//! Finds and reads the processes of Workly and Unity, or selected ones.
//!
//! Read of each: its memory and CPU use. Command lines are inspected to identify a process, and one variable of ours in
//! its environment; neither is stored.

mod environment;
mod kind;
mod named;
mod process_load;
mod process_table;
mod query;

pub use environment::variable_of;
pub use kind::ProcessKind;
pub use named::{NamedProcess, process_numbered, processes_named};
pub use process_load::ProcessLoad;
pub use process_table::{FoundProcess, ProcessReading, ProcessTable};
pub use query::{ProcessChoiceError, ProcessQuery};
