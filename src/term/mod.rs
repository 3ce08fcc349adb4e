//! The single owner of standard output and standard error: data on the first, everything else on the second.

mod hyperlink;
mod keys;
mod printer;
mod progress;
mod screen;

pub use keys::Key;
pub use printer::{Printer, is_coloured};
pub use progress::Progress;
pub use screen::{Screen, restore_terminal};
