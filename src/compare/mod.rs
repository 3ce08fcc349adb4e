//! Whether new runs are slower than old ones, from their saved figures.
//!
//! Pure: figures in, verdicts out. The unit is a run, never a message. Whatever cannot be judged is reported; nothing
//! that is missing, unreadable or not comparable ever passes.

mod comparable;
mod comparison;
mod error;
mod gate;
mod history;
mod interleaved;
mod judgement;
mod pattern;
mod runs;
#[cfg(test)]
pub(crate) mod sample;
mod sequential;

pub use comparison::{BudgetJudgement, Comparison, ComparisonOutcome, ComparisonSpec, Design, NoiseFloor, compare};
pub use error::GateError;
pub use gate::{Budget, FigureSelection, Gate};
pub use history::{FigureSeries, LevelChange, SeriesPoint, WideRow, series, wide_rows};
pub use interleaved::{Interleaved, InterleavedResult, RunPairs};
pub use judgement::{FigureChange, Judgement, Verdict};
pub use sequential::{InterimLook, looks};
