//! Statistics, pure: samples in, figures out. Knows no clock, no bridge and no file.

mod histogram;
mod quantile;
mod summary;

pub use histogram::{SIGNIFICANT_DIGITS, histogram_of};
pub use quantile::{nearest_rank, percentile_interval, samples_needed};
pub use summary::{PERCENTILES, Percentile, Summary};
