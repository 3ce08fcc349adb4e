//! A record's folder: `run.json`, `summary.csv`, `report.md` and the histogram files. Each is complete or absent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::case::HistogramFiles;
use super::error::RecordError;
use super::rendered::{self, Histograms, RenderedFile};
use super::run::Run;
use super::schema::SchemaVersion;
use crate::replacing::replace;

/// The file that makes a folder a record.
pub const RUN_FILE: &str = "run.json";

/// The figures, one per row.
pub const CSV_FILE: &str = "summary.csv";

/// The report as Markdown.
pub const REPORT_FILE: &str = "report.md";

/// The result of a `recommend` run.
pub const RECOMMENDATION_FILE: &str = "recommendation.json";

/// The events of a `watch` run.
pub const EVENTS_FILE: &str = "events.csv";

/// Output of llama.cpp.
pub const LOG_FILE: &str = "llama.log";

/// The folder of a record that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFolder {
    path: PathBuf,
}

impl RecordFolder {
    /// A new record at `path`, which must be absent or an empty folder; created with its parents.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        if path.is_file() {
            return Err(RecordError::NotAFolder { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(RecordError::io("create", path))?;
        let mut entries = fs::read_dir(path).map_err(RecordError::io("read", path))?;
        if entries.next().is_some() {
            return Err(RecordError::NotEmpty { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned() })
    }

    /// A new folder under `base`, named `<YYYYMMDDTHHMMSSZ>-<command>` after the start of the run, with `-2`, `-3` …
    /// appended if that exists. No two runs share a folder, however close together they start.
    pub fn create_in(base: &Path, started: Timestamp, command: &str) -> Result<Self, RecordError> {
        fs::create_dir_all(base).map_err(RecordError::io("create", base))?;
        let name = format!("{}-{command}", started.strftime("%Y%m%dT%H%M%SZ"));
        let mut path = base.join(&name);
        let mut next = 2_u64;
        loop {
            // Only the call that creates the folder owns it; checking first would be a race with another run.
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    path = base.join(format!("{name}-{next}"));
                }
                Err(error) => return Err(RecordError::io("create", &path)(error)),
            }
            next += 1;
        }
    }

    /// The record that exists at `path`, to continue writing it.
    pub(super) fn existing(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, which is the run's ID if the folder came from [`RecordFolder::create_in`].
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Writes `summary.csv` and `run.json`, replacing those of an earlier state of the run. An inconsistent run is
    /// [`RecordError::Inconsistent`] and changes nothing.
    pub fn write_run(&self, run: &Run) -> Result<(), RecordError> {
        rendered::of_run(run)?.iter().try_for_each(|file| self.write(file))
    }

    /// Writes the histogram files of one quantity of a case: the log of all parts, and the distribution of the total.
    pub fn write_histograms(&self, histograms: &Histograms<'_>) -> Result<HistogramFiles, RecordError> {
        let (files, rendered) = rendered::of_histograms(histograms)?;
        rendered.iter().try_for_each(|file| self.write(file))?;
        Ok(files)
    }

    /// Writes `report.md`.
    pub fn write_report(&self, markdown: &str) -> Result<(), RecordError> {
        self.write(&RenderedFile { name: REPORT_FILE.into(), bytes: markdown.into() })
    }

    /// Reads the run of a record: its folder, or the `run.json` in it.
    ///
    /// The schema is checked first, so that a newer major version is [`RecordError::TooNew`] and not a format error.
    pub fn read(path: &Path) -> Result<Run, RecordError> {
        #[derive(Deserialize)]
        struct Probe {
            schema: SchemaVersion,
        }
        let file = if path.is_dir() { path.join(RUN_FILE) } else { path.to_owned() };
        let text = fs::read(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if path.is_dir() => {
                RecordError::NotARecord { path: path.to_owned(), missing: RUN_FILE }
            }
            _ => RecordError::io("read", &file)(error),
        })?;
        let corrupt = |error: serde_json::Error| RecordError::corrupt(&file, error.to_string());
        let Probe { schema } = serde_json::from_slice(&text).map_err(corrupt)?;
        if !schema.is_readable() {
            return Err(RecordError::TooNew { path: file, found: schema });
        }
        let run: Run = serde_json::from_slice(&text).map_err(corrupt)?;
        run.check().map_err(|detail| RecordError::corrupt(&file, detail))?;
        Ok(run)
    }

    /// Writes a temporary file next to the target and renames it once it is complete and on disk.
    pub(super) fn write(&self, file: &RenderedFile) -> Result<(), RecordError> {
        let path = self.path.join(&file.name);
        replace(&path, &file.bytes).map_err(RecordError::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::Histogram;

    use super::super::hlog::HlogPart;
    use super::super::sample::run;
    use super::super::totals::read_totals;
    use super::*;
    use crate::stats::histogram_of;

    fn part<'a>(tag: Option<&'a str>, histogram: &'a Histogram<u64>) -> HlogPart<'a> {
        HlogPart { tag, histogram, start: Duration::ZERO, duration: Duration::from_secs(1) }
    }

    fn histograms<'a>(stem: &'a str, quantity: &'a str, parts: &'a [HlogPart<'a>]) -> Histograms<'a> {
        Histograms { stem, quantity, started: Timestamp::UNIX_EPOCH, comments: &[], parts }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn record_round_trips_from_its_folder_or_file() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(&temp.path().join("a/b")).unwrap();
        let mut run = run();
        run.cases[0].metrics[0].value = Some(0.1 + 0.2);
        folder.write_run(&run).unwrap();
        folder.write_report("# Report\n").unwrap();
        assert_eq!(names(folder.path()), [REPORT_FILE, RUN_FILE, CSV_FILE]);
        assert_eq!(RecordFolder::read(folder.path()).unwrap(), run);
        assert_eq!(RecordFolder::read(&folder.path().join(RUN_FILE)).unwrap(), run);
        let json = fs::read_to_string(folder.path().join(RUN_FILE)).unwrap();
        assert!(json.starts_with("{\n  \"schema\": \"1.1\",\n") && json.ends_with("}\n"));
    }

    #[test]
    fn later_state_replaces_earlier_one_and_inconsistent_run_changes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        let mut run = run();
        folder.write_run(&run).unwrap();
        run.cases.pop();
        folder.write_run(&run).unwrap();
        assert_eq!(RecordFolder::read(temp.path()).unwrap(), run);

        let mut broken = run.clone();
        broken.cases[0].metrics[0].value = Some(f64::NAN);
        let error = folder.write_run(&broken).unwrap_err();
        let says = "the record is inconsistent: case applied/closed/100B: metric p50: a figure is not a finite number";
        assert_eq!(error.to_string(), says);
        assert_eq!(RecordFolder::read(temp.path()).unwrap(), run);
        assert_eq!(names(temp.path()), [RUN_FILE, CSV_FILE]);
    }

    #[test]
    fn non_empty_folder_is_not_overwritten() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("precious"), "").unwrap();
        assert!(matches!(RecordFolder::create(temp.path()), Err(RecordError::NotEmpty { .. })));
        let file = RecordFolder::create(&temp.path().join("precious"));
        assert!(matches!(file, Err(RecordError::NotAFolder { .. })), "{file:?}");
    }

    #[test]
    fn runs_started_in_the_same_second_get_separate_folders() {
        let temp = tempfile::tempdir().unwrap();
        let started: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let create = || RecordFolder::create_in(&temp.path().join("local"), started, "ipc").unwrap().name();
        let mut names: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        names.sort();
        let mut expected: Vec<_> = (2..=8).map(|n| format!("20260102T030405Z-ipc-{n}")).collect();
        expected.insert(0, "20260102T030405Z-ipc".into());
        assert_eq!(names, expected);
    }

    #[test]
    fn histograms_are_named_after_case_and_quantity_and_round_trip() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        let (total, part_of_it) = (histogram_of(&[1_000, 2_000_000]), histogram_of(&[1_000]));
        let parts = [part(None, &total), part(Some("first"), &part_of_it)];
        let mut run = run();
        let write = |quantity| folder.write_histograms(&histograms("a-b", quantity, &parts)).unwrap();
        let files = [write("latency"), write("lateness")];
        assert_eq!(names(temp.path()), ["a-b.hgrm", "a-b.hlog", "a-b.lateness.hgrm", "a-b.lateness.hlog"]);
        let hgrm = fs::read_to_string(temp.path().join(&files[0].hgrm)).unwrap();
        assert!(hgrm.contains("Total count    =            2]"), "{hgrm}");

        run.cases.truncate(1);
        run.cases[0].histograms = files.to_vec();
        let totals = read_totals(temp.path(), &run, "latency");
        assert_eq!((totals.len(), totals[0].1.as_ref().ok()), (1, Some(&total)));
        assert!(read_totals(temp.path(), &run, "bytes").is_empty());
    }

    #[test]
    fn untagged_intervals_add_up_to_the_total_and_are_required() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        let (small, large) = (histogram_of(&[1]), histogram_of(&[5_000_000_000]));
        let two = [part(None, &small), part(None, &large)];
        folder.write_histograms(&histograms("a", "latency", &two)).unwrap();
        assert!(fs::read_to_string(temp.path().join("a.hgrm")).unwrap().contains("Total count    =            2]"));

        let error = folder.write_histograms(&histograms("b", "latency", &[part(Some("x"), &small)]));
        assert_eq!(error.unwrap_err().to_string(), "the record is inconsistent: b.hlog has no untagged total");
        assert_eq!(names(temp.path()), ["a.hgrm", "a.hlog"]);
    }

    #[test]
    fn non_records_are_reported_as_such() {
        let temp = tempfile::tempdir().unwrap();
        let error = RecordFolder::read(temp.path()).unwrap_err();
        assert!(matches!(error, RecordError::NotARecord { missing: RUN_FILE, .. }), "{error}");
        let error = RecordFolder::read(&temp.path().join("absent")).unwrap_err();
        assert!(matches!(error, RecordError::Io { action: "read", .. }), "{error}");
    }

    #[test]
    fn damaged_run_json_is_corrupt_with_its_position() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        folder.write_run(&run()).unwrap();
        let file = temp.path().join(RUN_FILE);
        let whole = fs::read_to_string(&file).unwrap();
        let refusal = |text: &str| {
            fs::write(&file, text).unwrap();
            RecordFolder::read(temp.path()).unwrap_err()
        };
        for end in (0..whole.len() - 2).step_by(97) {
            let error = refusal(&whole[..end]);
            assert!(matches!(error, RecordError::Corrupt { .. }), "cut after {end} bytes: {error}");
            assert!(error.to_string().contains(" at line "), "{error}");
        }
        let error = refusal(&whole.replacen("\"schema\": \"1.1\",", "", 1)).to_string();
        assert!(error.contains("missing field `schema`"), "{error}");
        let error = refusal(&whole.replacen("\"value\": 16.6667", "\"value\": null", 1)).to_string();
        assert!(error.ends_with("case applied/closed/100B: metric p50: status ok without a value"), "{error}");
    }

    #[test]
    fn newer_major_schema_is_too_new_whatever_its_content() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join(RUN_FILE);
        fs::write(&file, r#"{"figures": {}, "schema": "2.0"}"#).unwrap();
        let error = RecordFolder::read(temp.path()).unwrap_err();
        assert_eq!(error.to_string(), format!("{} has schema 2.0, newer than this build's 1.1", file.display()));
    }

    #[cfg(unix)]
    #[test]
    fn record_files_have_default_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let folder = RecordFolder::create(temp.path()).unwrap();
        folder.write_report("").unwrap();
        fs::write(temp.path().join("plain"), "").unwrap();
        let mode = |name: &str| fs::metadata(temp.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode(REPORT_FILE), mode("plain"));
    }
}
