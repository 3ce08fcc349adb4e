//! The files of a record as bytes, before they are written.

use std::io;

use hdrhistogram::Histogram;
use jiff::Timestamp;

use super::case::HistogramFiles;
use super::csv::write_csv;
use super::error::RecordError;
use super::folder::{CSV_FILE, RUN_FILE};
use super::hgrm::write_hgrm;
use super::hlog::{HlogPart, write_hlog};
use super::json::write_json;
use super::run::Run;

/// The quantity whose histogram files have only the name of their case.
const LATENCY: &str = "latency";

/// A file of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RenderedFile {
    /// Its name in the record's folder.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
}

impl RenderedFile {
    fn of(name: &str, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<Self, RecordError> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail: any error is a figure that cannot be written.
        write(&mut bytes).map_err(|error| RecordError::Inconsistent { detail: format!("{name}: {error}") })?;
        Ok(Self { name: name.into(), bytes })
    }
}

/// `summary.csv` and `run.json`, in the order in which they are written. An inconsistent run is
/// [`RecordError::Inconsistent`].
pub(super) fn of_run(run: &Run) -> Result<[RenderedFile; 2], RecordError> {
    run.check().map_err(|detail| RecordError::Inconsistent { detail })?;
    Ok([
        RenderedFile::of(CSV_FILE, |bytes| write_csv(bytes, run))?,
        RenderedFile::of(RUN_FILE, |bytes| write_json(bytes, run))?,
    ])
}

/// The histograms of one quantity of a case.
#[derive(Debug, Clone, Copy)]
pub struct Histograms<'a> {
    /// [`super::Case::file_stem`].
    pub stem: &'a str,
    /// Their quantity: `latency`.
    pub quantity: &'a str,
    /// When the run started.
    pub started: Timestamp,
    /// Comments at the head of the log.
    pub comments: &'a [String],
    /// Those without a tag are the total and are required.
    pub parts: &'a [HlogPart<'a>],
}

/// The log of all parts, and the distribution of the total.
pub(super) fn of_histograms(histograms: &Histograms<'_>) -> Result<(HistogramFiles, [RenderedFile; 2]), RecordError> {
    let Histograms { stem, quantity, started, comments, parts } = *histograms;
    let stem = if quantity == LATENCY { stem.to_owned() } else { format!("{stem}.{quantity}") };
    let files = HistogramFiles {
        quantity: quantity.into(),
        unit: "ns".into(),
        hlog: format!("{stem}.hlog"),
        hgrm: format!("{stem}.hgrm"),
    };
    let untagged = parts.iter().filter(|part| part.tag.is_none()).map(|part| part.histogram.clone());
    let total = sum(untagged)
        .ok_or_else(|| RecordError::Inconsistent { detail: format!("{} has no untagged total", files.hlog) })?;
    let rendered = [
        RenderedFile::of(&files.hlog, |bytes| write_hlog(bytes, started, comments, parts))?,
        RenderedFile::of(&files.hgrm, |bytes| write_hgrm(bytes, &total))?,
    ];
    Ok((files, rendered))
}

/// The sum of the histograms; `None` if there are none. The first grows to the range of the others.
pub(super) fn sum(histograms: impl Iterator<Item = Histogram<u64>>) -> Option<Histogram<u64>> {
    histograms.reduce(|mut total, histogram| {
        total.auto(true);
        total += &histogram;
        total
    })
}
