//! Figures of many runs: a CSV, the folder of a run, or a folder of any of these.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::csv::{CsvOrigin, each_row, write_csv};
use super::error::RecordError;
use super::folder::{CSV_FILE, RecordFolder};
use super::metric::Metric;

/// The first columns of every `summary.csv` header.
const FIRST_COLUMNS: &[u8] = b"schema,run_id,";

/// The identity of a figure, the same in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FigureName<'a> {
    /// The command that measured it.
    pub command: &'a str,
    /// Path of the case.
    pub case: &'a str,
    /// Name of the metric.
    pub metric: &'a str,
}

/// One run, as read from its CSV.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFigures {
    /// Its id.
    pub run_id: String,
    /// The command that measured.
    pub command: String,
    /// Its origin; `None` in files of schema 1.0.
    pub origin: Option<CsvOrigin>,
    /// Case and figure, in the order of the file.
    pub figures: Vec<(String, Metric)>,
}

/// The runs at a path.
#[derive(Debug, Default)]
pub struct SavedRuns {
    /// In the order of their start; those without a start time in the order of their IDs, which start with the time.
    pub runs: Vec<RunFigures>,
    /// Files that may have been intended but were not read: one sentence each.
    pub left_out: Vec<String>,
}

/// The runs at `path`: of a CSV file or a `run.json`, or of each `summary.csv` (in any letter case) in and below a
/// folder, or of other CSV files directly in it if there is none. Other files there with figures of runs are named in
/// `left_out`. One unreadable file fails the whole: a run that is silently omitted could be the important one.
///
/// Only the figures that `is_wanted` accepts are kept; every row is checked.
pub fn read_runs(path: &Path, is_wanted: &dyn Fn(FigureName<'_>) -> bool) -> Result<SavedRuns, RecordError> {
    let mut reader = RunGrouping { is_wanted, saved: SavedRuns::default(), places: HashMap::new() };
    if !path.is_dir() {
        reader.read(path)?;
        return Ok(reader.ended());
    }
    let mut found = FigureFiles::default();
    found.search(path)?;
    let FigureFiles { mut summaries, mut others, .. } = found;
    if summaries.is_empty() {
        (summaries, others) = others.into_iter().partition(|file| file.parent() == Some(path));
    } else {
        others.retain(|file| holds_runs(file));
    }
    if summaries.is_empty() {
        return Err(RecordError::NotARecord { path: path.to_owned(), missing: CSV_FILE });
    }
    summaries.sort();
    others.sort();
    for file in &summaries {
        reader.read(file)?;
    }
    for file in others.iter().filter(|file| holds_runs(file)) {
        reader
            .saved
            .left_out
            .push(format!("{} was not read: give its path, or rename it to {CSV_FILE}", file.display()));
    }
    Ok(reader.ended())
}

/// Files that may have figures, in and below a folder.
#[derive(Default)]
struct FigureFiles {
    /// Those called `summary.csv`.
    summaries: Vec<PathBuf>,
    /// Other CSV files.
    others: Vec<PathBuf>,
    /// Folders that were searched, by their real paths: links may be circular.
    searched: HashSet<PathBuf>,
}

impl FigureFiles {
    fn search(&mut self, folder: &Path) -> Result<(), RecordError> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let real = fs::canonicalize(&folder).map_err(RecordError::io("read", &folder))?;
            if !self.searched.insert(real) {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(RecordError::io("read", &folder))? {
                let path = entry.map_err(RecordError::io("read", &folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|name| name.eq_ignore_ascii_case(CSV_FILE)) {
                    self.summaries.push(path);
                } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(OsStr::new("csv"))) {
                    self.others.push(path);
                }
            }
        }
        Ok(())
    }
}

/// Whether a CSV file starts like the figures of runs; there are also histories and events.
fn holds_runs(file: &Path) -> bool {
    let mut begin = Vec::new();
    // A file that cannot be opened is named as well.
    File::open(file)
        .and_then(|file| file.take(FIRST_COLUMNS.len() as u64 + 3).read_to_end(&mut begin))
        .map_or(true, |_| begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&begin).starts_with(FIRST_COLUMNS))
}

/// The table of figures in a file, or of the run in a `run.json`.
fn table(file: &Path) -> Result<Vec<u8>, RecordError> {
    let text = fs::read(file).map_err(RecordError::io("read", file))?;
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Ok(text);
    }
    let mut table = Vec::new();
    write_csv(&mut table, &RecordFolder::read(file)?).map_err(RecordError::io("read", file))?;
    Ok(table)
}

/// Groups rows by run.
struct RunGrouping<'a> {
    is_wanted: &'a dyn Fn(FigureName<'_>) -> bool,
    saved: SavedRuns,
    /// Run ID, and its index among the runs.
    places: HashMap<String, usize>,
}

impl RunGrouping<'_> {
    fn read(&mut self, file: &Path) -> Result<(), RecordError> {
        let text = table(file)?;
        let (known, is_wanted) = (self.saved.runs.len(), self.is_wanted);
        let (runs, places) = (&mut self.saved.runs, &mut self.places);
        let mut again = BTreeSet::new();
        each_row(file, &text, |row, origin| {
            let place = places.get(&row.run_id).copied().unwrap_or_else(|| {
                places.insert(row.run_id.clone(), runs.len());
                let (run_id, command) = (row.run_id.clone(), row.command.clone());
                runs.push(RunFigures { run_id, command, origin: origin.cloned(), figures: Vec::new() });
                runs.len() - 1
            });
            // A complete run that also occurs in an earlier file is the same run. Schema 1.0 does not record
            // completeness.
            if place < known && runs[place].origin.is_some() {
                again.insert(row.run_id);
                return;
            }
            if is_wanted(FigureName { command: &row.command, case: &row.case, metric: &row.metric }) {
                let figure = row.figure();
                runs[place].figures.push((row.case, figure));
            }
        })?;
        if let Some(run_id) = again.first() {
            let more = if again.len() > 1 { format!(" and {} more", again.len() - 1) } else { String::new() };
            let sentence = format!("{}: run {run_id}{more} is also in another file and counts once", file.display());
            self.saved.left_out.push(sentence);
        }
        Ok(())
    }

    fn ended(mut self) -> SavedRuns {
        self.saved.runs.sort_by(|a, b| {
            let started = |run: &RunFigures| run.origin.as_ref().map(|origin| origin.started);
            started(a).cmp(&started(b)).then_with(|| a.run_id.cmp(&b.run_id))
        });
        self.saved
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::RecordFolder;
    use super::super::sample::run;
    use super::*;

    /// A folder with the run `name` in each of the folders.
    fn saved(names: &[&str]) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        let mut run = run();
        for name in names {
            run.run_id = format!("20260102T030405Z-{}", name.replace('/', "-"));
            RecordFolder::create(&temp.path().join(name)).unwrap().write_run(&run).unwrap();
        }
        temp
    }

    fn read(path: &Path) -> Result<SavedRuns, RecordError> {
        read_runs(path, &|_| true)
    }

    #[test]
    fn files_runs_and_folders_of_runs_are_read() {
        let temp = saved(&["a/1", "a/2"]);
        let runs = |name: &str| read(&temp.path().join(name)).unwrap().runs.len();
        assert_eq!((runs("a/1/summary.csv"), runs("a/1"), runs("a"), runs("")), (1, 1, 2, 2));

        let text = fs::read_to_string(temp.path().join("a/1/summary.csv")).unwrap();
        fs::create_dir(temp.path().join("kept")).unwrap();
        fs::write(temp.path().join("kept/main.CSV"), &text).unwrap();
        assert_eq!(runs("kept"), 1);
        fs::write(temp.path().join("a/2/summary.csv"), &text[..text.len() - 9]).unwrap();
        assert!(matches!(read(temp.path()), Err(RecordError::Corrupt { .. })));
        fs::create_dir(temp.path().join("none")).unwrap();
        assert!(matches!(read(&temp.path().join("none")), Err(RecordError::NotARecord { .. })));
    }

    #[test]
    fn only_wanted_figures_are_kept_but_all_runs() {
        let temp = saved(&["a", "b"]);
        let read = read_runs(temp.path(), &|name| name.metric == "p50" && name.case == "applied/closed/100B").unwrap();
        assert_eq!(read.runs.iter().map(|run| run.figures.len()).collect::<Vec<_>>(), [1, 1]);
        let none = read_runs(temp.path(), &|_| false).unwrap();
        assert_eq!((none.runs.len(), none.runs[0].figures.len()), (2, 0));
    }

    #[test]
    fn runs_are_found_at_any_depth_and_in_any_letter_case() {
        let deep = "1/2/3/4/5/6/7/8/9/10/11/12";
        let temp = saved(&["a", deep]);
        fs::rename(temp.path().join("a/summary.csv"), temp.path().join("a/SUMMARY.CSV")).unwrap();
        let read = read(temp.path()).unwrap();
        assert_eq!((read.runs.len(), read.left_out.len()), (2, 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn non_unicode_names_and_circular_links_are_handled() {
        use std::os::unix::ffi::OsStrExt;

        let temp = saved(&["a", "b"]);
        let odd = temp.path().join(OsStr::from_bytes(b"caf\xe9"));
        fs::rename(temp.path().join("b"), &odd).unwrap();
        std::os::unix::fs::symlink(temp.path(), temp.path().join("a/up")).unwrap();
        assert_eq!(read(temp.path()).unwrap().runs.len(), 2);
        let kept = tempfile::tempdir().unwrap();
        fs::copy(odd.join("summary.csv"), kept.path().join(OsStr::from_bytes(b"\xff.csv"))).unwrap();
        assert_eq!(read(kept.path()).unwrap().runs.len(), 1);
    }

    #[test]
    fn unread_files_next_to_runs_are_named() {
        let temp = saved(&["a", "b"]);
        fs::copy(temp.path().join("a/summary.csv"), temp.path().join("older.csv")).unwrap();
        fs::write(temp.path().join("events.csv"), "time,at_s\n").unwrap();
        let read = read(temp.path()).unwrap();
        assert_eq!(read.runs.len(), 2);
        assert_eq!(read.left_out.len(), 1, "{:?}", read.left_out);
        assert!(read.left_out[0].contains("older.csv was not read"), "{:?}", read.left_out);
    }

    #[test]
    fn run_in_two_files_counts_once_and_is_named() {
        let temp = saved(&["a", "b"]);
        fs::create_dir(temp.path().join("copy")).unwrap();
        fs::copy(temp.path().join("a/summary.csv"), temp.path().join("copy/summary.csv")).unwrap();
        let read = read(temp.path()).unwrap();
        assert_eq!(read.runs.iter().map(|run| run.figures.len()).collect::<Vec<_>>(), [17, 17]);
        assert!(read.left_out[0].contains("copy") && read.left_out[0].contains("counts once"), "{:?}", read.left_out);
    }
}
