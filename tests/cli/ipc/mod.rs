//! `ipc` and its studies, from the user's view.

mod breakdown;
mod command;
mod max_rate;
pub(crate) mod replay;
mod unity;
mod variants;
