//! A record as text: Markdown for the folder, a table for a terminal, one HTML file for sharing.
//!
//! Pure: a run in, text out. Knows no terminal and no command line, writes no file, and computes no figure that the
//! record does not hold.

mod conditions;
mod figure;
mod html;
mod line;
mod markdown;
mod outline;
mod plot;
mod table;

pub use figure::with_interval;
pub use html::html;
pub use line::case_line;
pub use markdown::markdown;
pub use table::table;
