//! The maximum rate: open-loop steps at rising rates, a verdict on each, and the search for the knee.

mod figures;
mod search;
mod step;
mod verdict;

pub use figures::{saturated_per_s, search_metrics, step_metrics};
pub use search::{RateSearch, SearchPhase};
pub use step::{RateStep, due_count, measure_step};
pub use verdict::{Bottleneck, FailureReason, RateVerdict, judge};
