//! Errors on their way to the user: each carries its exit code and, where something helps, a hint.

mod child_exit;
mod classified;
mod conversions;

pub(crate) use child_exit::ChildExit;
pub(crate) use classified::Failure;
