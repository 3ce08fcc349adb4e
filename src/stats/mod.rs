//! Statistics, pure: samples in, figures out. Knows no clock, no bridge and no file.

mod histogram;
mod mean;
mod paired;
mod quantile;
mod slope;
mod summary;

pub use histogram::{SIGNIFICANT_DIGITS, histogram_of};
pub use mean::{Mean, mean_of, median_of_sorted};
pub use paired::{FEWEST_PAIRS, PairedRatio, paired_ratio};
pub use quantile::{nearest_rank, percentile_interval, samples_needed};
pub use slope::{Slope, theil_sen};
pub use summary::{PERCENTILES, Percentile, Summary};
