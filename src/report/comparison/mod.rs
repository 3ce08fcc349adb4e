//! A comparison as text: for the terminal, for pull requests, and in the formats of other programs.

mod annotations;
mod benchmark;
mod history;
mod junit;
mod outline;
mod page;
mod summary;
mod wide;
mod words;

pub use annotations::{annotations, without_commands};
pub use benchmark::{bencher, benchmark};
pub use history::{history_markdown, history_table};
pub use junit::junit;
pub use page::{comparison_json, comparison_markdown, comparison_table};
pub use summary::comparison_summary;
pub use wide::{is_wide, read_wide, wide, without_gaps};
pub use words::headline;
