//! Workly's own `data/config.json`: the one file of the user's that this project knows. So far it is only read.

mod read;

pub use read::{ConfigError, WorklyConfig};
