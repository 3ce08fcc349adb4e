//! The page cache and a file: how much of the file lies in it, filling it, and emptying it of the file.
//!
//! What was dropped is never taken on trust: the share that is left is looked at. Where a system cannot tell, it says so.

mod error;
mod fill;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

pub use error::PageCacheError;
pub use fill::read_through;
#[cfg(target_os = "linux")]
pub use linux::{cached_share, drop_from_cache};
#[cfg(not(target_os = "linux"))]
pub use other::{cached_share, drop_from_cache};
