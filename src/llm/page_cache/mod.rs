//! The page cache and a model: how much of its files lies in it, filling it, and emptying it of them.
//!
//! What was dropped is never taken on trust: the share that is left is looked at. Where a system cannot tell, it says so.

mod error;
mod fill;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
mod parts;

pub use error::PageCacheError;
pub use parts::{cached_share, drop_from_cache, read_through};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;
