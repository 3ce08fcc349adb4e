//! Keys of a full-screen display, and the closing of its terminal.

mod key;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

pub use key::Key;
#[cfg(unix)]
pub(super) use unix::Keys;
#[cfg(not(unix))]
pub(super) use windows::Keys;
