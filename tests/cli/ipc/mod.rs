//! `ipc` and its studies, from the user's view.

mod breakdown;
mod command;
mod max_rate;
mod replay;
mod unity;
mod variants;
