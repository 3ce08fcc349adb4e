//! The full-screen display. It only lays out the data it gets.

mod draw;
mod parts;
#[cfg(test)]
mod tests;

pub(super) use draw::{ViewContent, draw};
