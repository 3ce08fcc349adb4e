//! The one owner of standard output and standard error: data on the first, everything else on the second.

mod printer;
mod progress;
mod screen;

pub use printer::{Printer, is_coloured};
pub use progress::Progress;
pub use screen::{Key, Screen, restore_terminal};
