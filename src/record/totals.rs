//! The histograms of a record, for plotting.

use std::path::Path;

use hdrhistogram::Histogram;

use super::case::{Case, HistogramFiles};
use super::error::RecordError;
use super::folder::RUN_FILE;
use super::hlog::read_hlog;
use super::rendered::sum;
use super::run::Run;

/// Path of a case, and the total of its histogram or why it could not be read.
pub type CaseTotal = (String, Result<Histogram<u64>, RecordError>);

/// Reads the total of one quantity for each case of `run` that has a histogram, in the order of the cases. `path` is
/// the record's folder or its `run.json`. An unreadable file does not affect the others.
#[must_use]
pub fn read_totals(path: &Path, run: &Run, quantity: &str) -> Vec<CaseTotal> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let totals = run.cases.iter().filter_map(|case| {
        let files = case.histograms.iter().find(|files| files.quantity == quantity)?;
        Some((case.path.clone(), read_total(folder, case, files)))
    });
    totals.collect()
}

fn read_total(folder: &Path, case: &Case, files: &HistogramFiles) -> Result<Histogram<u64>, RecordError> {
    if Path::new(&files.hlog).file_name().is_none_or(|name| name != files.hlog.as_str()) {
        let detail = format!("case {}: '{}' is not a file name", case.path, files.hlog);
        return Err(RecordError::corrupt(&folder.join(RUN_FILE), detail));
    }
    let file = folder.join(&files.hlog);
    let untagged = read_hlog(&file)?.into_iter().filter(|(tag, _)| tag.is_none()).map(|(_, total)| total);
    sum(untagged).ok_or_else(|| RecordError::corrupt(&file, "it has no untagged total"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::super::folder::RecordFolder;
    use super::super::hlog::HlogPart;
    use super::super::rendered::Histograms;
    use super::super::sample::run;
    use super::*;
    use crate::stats::histogram_of;

    #[test]
    fn unreadable_histogram_does_not_affect_others() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        let total = histogram_of(&[1_000, 2_000_000]);
        let part = HlogPart { tag: None, histogram: &total, start: Duration::ZERO, duration: Duration::ZERO };
        let write = |stem| {
            let parts = [part];
            let (started, comments) = (Timestamp::UNIX_EPOCH, [].as_slice());
            let histograms = Histograms { stem, quantity: "latency", started, comments, parts: &parts };
            folder.write_histograms(&histograms).unwrap()
        };
        let mut run = run();
        run.cases.truncate(2);
        (run.cases[0].histograms, run.cases[1].histograms) = (vec![write("a")], vec![write("b")]);
        std::fs::remove_file(temp.path().join("a.hlog")).unwrap();
        let totals = read_totals(&temp.path().join(RUN_FILE), &run, "latency");
        assert!(matches!(totals[0].1, Err(RecordError::Io { .. })), "{totals:?}");
        assert_eq!(totals[1].1.as_ref().ok(), Some(&total));

        run.cases[0].histograms[0].hlog = "../a.hlog".into();
        let error = read_totals(temp.path(), &run, "latency").remove(0).1.unwrap_err().to_string();
        assert!(error.ends_with("case applied/closed/100B: '../a.hlog' is not a file name"), "{error}");
    }
}
