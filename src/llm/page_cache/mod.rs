//! A model's files in the page cache: their share, loading and dropping them.
//!
//! Success is verified: after dropping, the remaining share is read. If a system does not report it, that is stated.

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
