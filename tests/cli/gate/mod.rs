//! `compare` and `history`, from the user's view.

mod compare;
pub(crate) mod files;
mod python_readers;
mod simulated;
