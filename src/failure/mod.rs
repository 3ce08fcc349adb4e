//! Errors for the user: each has its exit code and, if possible, a hint.

mod child_exit;
mod classified;
mod conversions;

pub(crate) use child_exit::ChildExit;
pub(crate) use classified::Failure;
#[cfg(feature = "llama")]
pub(crate) use conversions::UNUSABLE_MODEL;
