//! A record that is written during the run.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::case::HistogramFiles;
use super::error::RecordError;
use super::folder::{CSV_FILE, REPORT_FILE, RUN_FILE, RecordFolder};
use super::rendered::{self, Histograms, RenderedFile};
use super::run::{Run, RunState};
use super::under_way;

/// Space that is reserved at the start, so that the end of the run can be written on a disk that is full by then.
pub(super) const RESERVE_FILE: &str = ".reserve";
const RESERVE_BYTES: usize = 128 << 10;

/// Writes a record during its run. What cannot be written, for example on a full disk, is kept and retried at the next
/// save: no measurement is aborted because of it. At the end [`RecordSaver::finish`] reports what is missing.
#[derive(Debug)]
pub struct RecordSaver {
    folder: RecordFolder,
    unwritten: BTreeMap<String, Vec<u8>>,
    refused: Option<RecordError>,
}

impl RecordSaver {
    /// Writes the run at its start. If even that fails there is no point in measuring.
    pub fn start(folder: RecordFolder, run: &Run) -> Result<Self, RecordError> {
        let saver = Self { folder, unwritten: BTreeMap::new(), refused: None };
        // First, so that a run whose start was written has space for its end. If reserving fails, the other files may
        // still be written.
        let _ = saver.set_room_aside();
        saver.folder.write_run(run)?;
        under_way::begins(saver.path());
        Ok(saver)
    }

    /// Path of the record.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The system's last error for a file that is still not written.
    #[must_use]
    pub fn refused(&self) -> Option<&RecordError> {
        self.refused.as_ref()
    }

    /// Writes the current state of the run, and whatever could not be written before. Only fails for an inconsistent
    /// run.
    pub fn save(&mut self, run: &Run) -> Result<(), RecordError> {
        self.refused = None;
        self.write_others();
        // A record never names files that do not exist: pending ones are named by the next save.
        let (named, _) = self.without_unwritten(run);
        self.keep(rendered::of_run(&named)?);
        self.write_run();
        Ok(())
    }

    /// Writes the histograms of one quantity of a case.
    pub fn histograms(&mut self, histograms: &Histograms<'_>) -> Result<HistogramFiles, RecordError> {
        let (files, rendered) = rendered::of_histograms(histograms)?;
        self.keep(rendered);
        self.refused = None;
        self.write_others();
        Ok(files)
    }

    /// Writes another file of the record.
    pub fn file(&mut self, name: &str, text: &str) {
        self.keep([RenderedFile { name: name.into(), bytes: text.into() }]);
        self.refused = None;
        self.write_others();
    }

    /// Writes the ended run with its report. If there is no space for everything, the reserved space goes to the most
    /// important file: `run.json`, from which the rest can be regenerated. If not even that can be written, the last
    /// state on disk is marked as failed.
    ///
    /// # Errors
    /// [`RecordError::NotWhole`] with what is missing; [`RecordError::Inconsistent`].
    pub fn finish(&mut self, run: &mut Run, report: impl Fn(&Run) -> String) -> Result<(), RecordError> {
        self.keep([RenderedFile { name: REPORT_FILE.into(), bytes: report(run).into() }]);
        self.save(run)?;
        self.release_room();
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.write_run();
        if self.unwritten.contains_key(RUN_FILE) {
            self.make_room();
        }
        self.refused = None;
        self.write_others();
        let (named, lost) = self.without_unwritten(run);
        *run = named;
        if !lost.is_empty() {
            run.warnings.push(format!("histograms could not be written and were lost: {}", lost.join(", ")));
        }
        self.keep(rendered::of_run(run)?);
        self.write_run();
        if self.unwritten.contains_key(RUN_FILE) {
            self.mark_as_failed();
        }
        self.remove_stale();
        let lacking = std::mem::take(&mut self.unwritten).into_keys().collect::<Vec<_>>().join(", ");
        let source = self.refused.take().map(Box::new);
        source.map_or(Ok(()), |source| Err(RecordError::NotWhole { lacking, source }))
    }

    fn keep<const N: usize>(&mut self, files: [RenderedFile; N]) {
        self.unwritten.extend(files.into_iter().map(|file| (file.name, file.bytes)));
    }

    /// Tries the run: its table first, so that the table exists once the run is marked as ended.
    fn write_run(&mut self) {
        self.write_named(&[CSV_FILE.into(), RUN_FILE.into()]);
    }

    /// Tries all files except those of the run itself.
    fn write_others(&mut self) {
        let is_other = |name: &&String| *name != CSV_FILE && *name != RUN_FILE;
        let names: Vec<String> = self.unwritten.keys().filter(is_other).cloned().collect();
        self.write_named(&names);
    }

    fn write_named(&mut self, names: &[String]) {
        let _writing = under_way::writing();
        for name in names {
            let Some((name, bytes)) = self.unwritten.remove_entry(name) else { continue };
            let file = RenderedFile { name, bytes };
            if let Err(error) = self.folder.write(&file) {
                self.refused.get_or_insert(error);
                self.unwritten.insert(file.name, file.bytes);
            }
        }
    }

    /// The run without the histogram files that are not written, and their names.
    fn without_unwritten(&self, run: &Run) -> (Run, Vec<String>) {
        let is_written =
            |files: &HistogramFiles| ![&files.hlog, &files.hgrm].iter().any(|name| self.unwritten.contains_key(*name));
        with_files(run, is_written)
    }

    fn reserve_path(&self) -> PathBuf {
        self.path().join(RESERVE_FILE)
    }

    fn set_room_aside(&self) -> std::io::Result<()> {
        let mut file = fs::File::create_new(self.reserve_path())?;
        // Data that no file system would compress.
        let bytes: Vec<u8> = std::iter::repeat_with(rand::random::<u8>).take(RESERVE_BYTES).collect();
        file.write_all(&bytes)?;
        file.sync_all()
    }

    fn release_room(&self) {
        // It may not exist.
        let _ = fs::remove_file(self.reserve_path());
    }

    /// Deletes what can be regenerated from `run.json`, to make space for that.
    fn make_room(&mut self) {
        for name in [CSV_FILE, REPORT_FILE] {
            let _ = fs::remove_file(self.path().join(name));
        }
        self.write_named(&[RUN_FILE.into()]);
    }

    /// Removes files of an earlier state, which would contradict the run.
    fn remove_stale(&self) {
        for name in [CSV_FILE, REPORT_FILE].into_iter().filter(|name| self.unwritten.contains_key(*name)) {
            let _ = fs::remove_file(self.path().join(name));
        }
    }

    /// Marks the last state on disk, which would otherwise look like a run in progress forever.
    fn mark_as_failed(&self) {
        let Ok(last) = RecordFolder::read(self.path()) else { return };
        let is_there =
            |files: &HistogramFiles| [&files.hlog, &files.hgrm].iter().all(|name| self.path().join(name).is_file());
        let (mut last, _) = with_files(&last, is_there);
        let why = self.refused.as_ref().map(ToString::to_string).unwrap_or_default();
        last.state = RunState::Failed;
        last.reason = Some(format!("the end of the run could not be written: {why}"));
        last.finished = Some(Timestamp::now());
        if let Ok([_, of_run]) = rendered::of_run(&last) {
            let _ = self.folder.write(&of_run);
        }
    }
}

/// The run with only those histogram files that `keeps` names; and the others.
fn with_files(run: &Run, keeps: impl Fn(&HistogramFiles) -> bool) -> (Run, Vec<String>) {
    let (mut run, mut left_out) = (run.clone(), Vec::new());
    for case in &mut run.cases {
        let (kept, others) = std::mem::take(&mut case.histograms).into_iter().partition(&keeps);
        case.histograms = kept;
        left_out.extend(others.into_iter().map(|files: HistogramFiles| files.hlog));
    }
    (run, left_out)
}

impl Drop for RecordSaver {
    fn drop(&mut self) {
        under_way::ends(self.path());
        self.release_room();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::hlog::HlogPart;
    use super::super::sample::run;
    use super::*;
    use crate::stats::histogram_of;

    /// A folder of that name prevents writing a file, as a full disk does.
    fn obstruct(folder: &Path, name: &str) {
        fs::create_dir_all(folder.join(name).join("in the way")).unwrap();
    }

    fn saver(folder: &Path, run: &mut Run) -> RecordSaver {
        run.state = RunState::Running;
        run.cases.truncate(1);
        run.cases[0].histograms.clear();
        RecordSaver::start(RecordFolder::create(folder).unwrap(), run).unwrap()
    }

    fn add_histograms(saver: &mut RecordSaver, run: &mut Run) {
        let histogram = histogram_of(&[1_000]);
        let parts = [HlogPart { tag: None, histogram: &histogram, start: Duration::ZERO, duration: Duration::ZERO }];
        let histograms =
            Histograms { stem: "a", quantity: "latency", started: run.started, comments: &[], parts: &parts };
        run.cases[0].histograms.push(saver.histograms(&histograms).unwrap());
    }

    #[test]
    fn pending_files_are_not_named_by_the_record() {
        let (temp, mut run) = (tempfile::tempdir().unwrap(), run());
        let mut saver = saver(temp.path(), &mut run);
        obstruct(temp.path(), "a.hgrm");
        add_histograms(&mut saver, &mut run);
        saver.save(&run).unwrap();
        assert!(saver.refused().is_some());
        assert_eq!(RecordFolder::read(temp.path()).unwrap().cases[0].histograms, []);
        fs::remove_dir_all(temp.path().join("a.hgrm")).unwrap();
        saver.save(&run).unwrap();
        assert!(saver.refused().is_none());
        assert_eq!(RecordFolder::read(temp.path()).unwrap(), run);
        assert!(temp.path().join("a.hgrm").is_file());
    }

    #[test]
    fn lost_files_are_named_by_the_error_and_the_record() {
        let (temp, mut run) = (tempfile::tempdir().unwrap(), run());
        let mut saver = saver(temp.path(), &mut run);
        obstruct(temp.path(), "a.hlog");
        add_histograms(&mut saver, &mut run);
        (run.state, run.finished) = (RunState::Complete, Some(run.started));
        let error = saver.finish(&mut run, |_| "# Report".into()).unwrap_err().to_string();
        assert!(error.starts_with("the record is incomplete: a.hlog could not be written: "), "{error}");
        let kept = RecordFolder::read(temp.path()).unwrap();
        assert_eq!((kept.state, &kept.cases[0].histograms), (RunState::Complete, &Vec::new()));
        let lost = "histograms could not be written and were lost: a.hlog";
        assert!(kept.warnings.iter().any(|warning| warning == lost), "{:?}", kept.warnings);
        assert!(!temp.path().join(RESERVE_FILE).exists());
    }

    #[test]
    fn space_is_reserved_during_the_run() {
        let (temp, mut run) = (tempfile::tempdir().unwrap(), run());
        let saver = saver(temp.path(), &mut run);
        assert_eq!(fs::metadata(temp.path().join(RESERVE_FILE)).unwrap().len(), RESERVE_BYTES as u64);
        drop(saver);
        assert!(!temp.path().join(RESERVE_FILE).exists());
    }
}
