//! The records that this process is writing, so that they can be ended if their runs cannot continue.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::error::RecordError;
use super::folder::RecordFolder;
use super::run::{Run, RunState};
use super::saver::RESERVE_FILE;

/// The folders of the records being written. Files of a record are written under this lock.
static UNDER_WAY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// While this is held, no other thread writes to a record.
pub(super) fn writing() -> MutexGuard<'static, Vec<PathBuf>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers the record at `folder`.
pub(super) fn begins(folder: &Path) {
    writing().push(folder.to_owned());
}

/// Unregisters it.
pub(super) fn ends(folder: &Path) {
    let mut under_way = writing();
    if let Some(at) = under_way.iter().position(|path| path == folder) {
        under_way.swap_remove(at);
    }
}

/// Marks every run that this process is recording as failed for this reason, with its report. Figures remain as last
/// saved. For a process that is about to end: no thread writes to a record afterwards.
pub fn fail_runs_under_way(reason: &str, report: impl Fn(&Run) -> String) {
    let under_way = writing();
    for folder in &*under_way {
        // The process is about to end and prints the reason: there is no caller to return an error to.
        let _ = fail(folder, reason, &report);
    }
    std::mem::forget(under_way);
}

fn fail(folder: &Path, reason: &str, report: impl Fn(&Run) -> String) -> Result<(), RecordError> {
    let mut run = RecordFolder::read(folder)?;
    if run.state != RunState::Running {
        return Ok(());
    }
    (run.state, run.reason, run.finished) = (RunState::Failed, Some(reason.into()), Some(Timestamp::now()));
    // It may not exist.
    let _ = fs::remove_file(folder.join(RESERVE_FILE));
    let folder = RecordFolder::existing(folder);
    folder.write_run(&run)?;
    folder.write_report(&report(&run))
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::super::saver::RecordSaver;
    use super::*;

    #[test]
    fn unfinished_run_is_marked_failed_and_finished_one_unchanged() {
        let (temp, mut run) = (tempfile::tempdir().unwrap(), run());
        (run.state, run.reason, run.finished) = (RunState::Running, None, None);
        run.cases.iter_mut().for_each(|case| case.histograms.clear());
        let saver = RecordSaver::start(RecordFolder::create(temp.path()).unwrap(), &run).unwrap();
        assert!(writing().iter().any(|folder| folder == temp.path()));
        fail(temp.path(), "its file was truncated", |run| format!("{:?}", run.state)).unwrap();
        let told = RecordFolder::read(temp.path()).unwrap();
        assert_eq!((told.state, told.reason.as_deref()), (RunState::Failed, Some("its file was truncated")));
        assert_eq!((told.finished.is_some(), &told.cases), (true, &run.cases));
        let read = |name: &str| fs::read_to_string(temp.path().join(name)).unwrap();
        assert_eq!(read("report.md"), "Failed");
        assert!(read("summary.csv").contains(",failed,"), "{}", read("summary.csv"));
        assert!(!temp.path().join(RESERVE_FILE).exists());
        fail(temp.path(), "something else", |_| String::new()).unwrap();
        assert_eq!(RecordFolder::read(temp.path()).unwrap(), told);
        drop(saver);
        assert!(writing().iter().all(|folder| folder != temp.path()));
    }
}
