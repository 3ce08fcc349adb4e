//! Errors on their way to the user: each carries its exit code and, where something helps, a hint.

mod classified;
mod conversions;

pub(crate) use classified::Failure;
