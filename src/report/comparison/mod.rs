//! A comparison as text: for eyes, for pull requests, and in the shapes that other programs read.

mod annotations;
mod benchmark;
mod history;
mod junit;
mod outline;
mod page;
mod words;

pub use annotations::annotations;
pub use benchmark::{bencher, benchmark};
pub use history::{history_markdown, history_table, wide};
pub use junit::junit;
pub use page::{comparison_json, comparison_markdown, comparison_table};
pub use words::headline;
