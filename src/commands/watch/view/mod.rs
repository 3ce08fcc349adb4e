//! The view that fills a terminal. It only sets what it is handed.

mod draw;
mod parts;
#[cfg(test)]
mod tests;

pub(super) use draw::{History, Shown, draw};
