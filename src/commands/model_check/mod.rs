//! A model file must not end the program: what llama.cpp does with a file for the first time, it does in a process that may die.

#[cfg(feature = "llama")]
mod ask;
#[cfg(feature = "llama")]
mod question;
#[cfg(feature = "llama")]
mod tried;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(super) use ask::{TrialDepth, check_model_file};
#[cfg(feature = "llama")]
pub(super) use tried::run;
#[cfg(not(feature = "llama"))]
pub(super) use without_engine::{TrialDepth, check_model_file, run};
