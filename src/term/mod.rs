//! The one owner of standard output and standard error: data on the first, everything else on the second.

mod printer;
mod progress;

pub use printer::Printer;
pub use progress::Progress;
