//! Writes `summary.csv`.

use std::io::{self, Write};

use super::super::run::Run;
use super::super::schema::SCHEMA;
use super::origin::{CsvOrigin, ORIGIN};
use super::row::{CsvRow, CsvStatus, HEADER};
use crate::text;

/// The rows of a run, in the order of its cases, with sanitised text.
pub(super) fn rows(run: &Run) -> impl Iterator<Item = CsvRow> {
    let origin = CsvOrigin::of(run);
    let simulated = !run.simulated.is_empty();
    let metrics = run.cases.iter().flat_map(|case| case.metrics.iter().map(move |metric| (case, metric)));
    metrics.map(move |(case, metric)| CsvRow {
        schema: SCHEMA,
        run_id: text::cell(&run.run_id).into(),
        command: text::cell(&run.command).into(),
        case: text::cell(&case.path).into(),
        metric: text::cell(&metric.name).into(),
        unit: text::cell(&metric.unit).into(),
        value: metric.value,
        n: metric.n,
        spread: metric.spread,
        ci_low: metric.ci_low,
        ci_high: metric.ci_high,
        direction: metric.direction,
        status: CsvStatus { status: metric.status, simulated },
        origin: Some(origin.clone()),
    })
}

/// Writes the run's figures as CSV, header first. A figure that is not a finite number is an error.
pub fn write_csv(writer: impl Write, run: &Run) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(writer);
    csv.write_record(HEADER.iter().chain(&ORIGIN)).map_err(io_error)?;
    for row in rows(run) {
        csv.serialize(row).map_err(io_error)?;
    }
    csv.flush()
}

/// Keeps the kind of an I/O error, by which a caller detects a broken pipe; the crate's own conversion loses it.
fn io_error(error: csv::Error) -> io::Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::new(io::ErrorKind::InvalidData, text),
    }
}
