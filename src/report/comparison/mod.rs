//! A comparison as text: for the terminal, for pull requests, and in the formats of other programs.

mod annotations;
mod benchmark;
mod history;
mod html;
mod junit;
mod outline;
mod page;
mod summary;
mod wide;
mod words;

pub(super) use annotations::{annotations, without_commands};
pub(super) use benchmark::{bencher, benchmark};
pub(super) use history::{history_markdown, history_table};
pub(super) use html::{comparison_html, history_html};
pub(super) use junit::junit;
pub use page::comparison_markdown;
pub(super) use page::{comparison_json, comparison_table};
pub use summary::comparison_summary;
pub use wide::{is_wide, read_wide, wide, without_gaps};
pub use words::headline;
