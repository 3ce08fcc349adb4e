//! `watch`, from the user's view.

pub(crate) mod command;
mod gpus;
