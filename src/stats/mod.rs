//! Statistics, pure: samples in, figures out. No clock, bridge or files.

mod attribution;
mod by_round;
mod change_points;
mod histogram;
mod holm;
mod mean;
mod paired;
mod quantile;
mod race;
mod ranks;
mod reservoir;
mod slope;
mod summary;
mod unpaired;

pub use attribution::{Attribution, AttributionStep};
pub use by_round::{ByRound, fastest_of};
pub use change_points::{ChangePoint, FEWEST_BETWEEN, change_points};
pub use histogram::{SIGNIFICANT_DIGITS, histogram_of};
pub use holm::holm;
pub use mean::{Mean, mean_of, median_of, median_of_sorted};
pub use paired::{
    FEWEST_PAIRS, PairedDifference, PairedRatio, paired_difference_at, paired_ratio, paired_ratio_at, scatter_of_pairs,
};
pub use quantile::{median, nearest_rank, percentile_interval, samples_needed};
pub use race::{DropReason, Dropped, EQUAL_WITHIN, FrameCounts, NEAR_THE_FEWEST, Race, RaceState, RoundResult, Runner};
pub use reservoir::Reservoir;
pub use slope::{FittedLine, Slope, robust_line, theil_sen};
pub use summary::{PERCENTILES, Percentile, Summary};
pub use unpaired::{RankSumTest, UnpairedRatio, unpaired_ratio};
