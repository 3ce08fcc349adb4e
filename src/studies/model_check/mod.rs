//! A model file must not end the program: what llama.cpp does with a file for the first time, it does in a process that may die.

mod ask;
mod question;
mod worker;

pub(crate) use ask::check_model_file;
pub(crate) use question::{ModelCheckRequest, Use};
pub(crate) use worker::answer_model_check;
