//! `launch`, from the user's view.

mod runs;
mod settings;
