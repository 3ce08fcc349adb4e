//! `summary.csv`: tidy, one row per case and metric, with the same columns for every command. It is self-contained:
//! each row has the run's machine, build and subject.

mod origin;
mod read;
mod row;
mod write;

pub use origin::CsvOrigin;
pub(super) use read::each_row;
pub use read::read_csv;
pub use row::{CsvRow, CsvStatus};
pub use write::write_csv;
