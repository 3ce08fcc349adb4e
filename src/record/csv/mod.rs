//! `summary.csv`: tidy, one row per case and metric, with the same columns for every command. It suffices on its own: each
//! row says which machine, build and subject its run had.

mod origin;
mod read;
mod row;
mod write;

pub use origin::CsvOrigin;
pub(super) use read::each_row;
pub use read::read_csv;
pub use row::{CsvRow, CsvStatus};
pub use write::write_csv;
