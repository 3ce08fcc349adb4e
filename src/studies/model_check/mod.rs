//! A model file must not crash the program: the first use of a file by llama.cpp happens in a process that may crash.

mod ask;
mod question;
mod worker;

pub(crate) use ask::check_model_file;
pub(crate) use question::{ModelCheckRequest, Use};
pub(crate) use worker::answer_model_check;
