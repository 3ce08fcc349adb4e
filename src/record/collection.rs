//! Figures of many runs: a CSV, the folder of a run, or a folder of any of these.

use std::fs;
use std::path::{Path, PathBuf};

use super::csv::{CsvRow, read_csv};
use super::error::RecordError;
use super::folder::CSV_FILE;

/// Folders below folders: deeper than anybody keeps runs, and an end to links that lead in circles.
const DEEPEST: usize = 8;

/// The rows of every run at `path`: of a CSV file, or of each `summary.csv` in and below a folder, and of other CSV files
/// directly in it when there is none. One file that cannot be read spoils all: a run that is silently left out could be the
/// one that mattered.
pub fn read_rows(path: &Path) -> Result<Vec<CsvRow>, RecordError> {
    if !path.is_dir() {
        return read_csv(path);
    }
    let mut files = Vec::new();
    find(path, DEEPEST, &|name| name == CSV_FILE, &mut files)?;
    if files.is_empty() {
        find(path, 1, &|name| Path::new(name).extension().is_some_and(|extension| extension == "csv"), &mut files)?;
    }
    if files.is_empty() {
        return Err(RecordError::NotARecord { path: path.to_owned(), missing: CSV_FILE });
    }
    files.sort();
    let mut rows = Vec::new();
    for file in &files {
        rows.extend(read_csv(file)?);
    }
    Ok(rows)
}

fn find(
    folder: &Path,
    depth: usize,
    is_wanted: &dyn Fn(&str) -> bool,
    files: &mut Vec<PathBuf>,
) -> Result<(), RecordError> {
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(RecordError::io("read", folder))? {
        let path = entry.map_err(RecordError::io("read", folder))?.path();
        if path.is_dir() {
            find(&path, depth - 1, is_wanted, files)?;
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(is_wanted) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::folder::RecordFolder;
    use super::super::sample::run;
    use super::*;

    #[test]
    fn a_file_a_run_and_a_folder_of_runs_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let mut run = run();
        for name in ["a/1", "a/2"] {
            run.run_id = format!("20260102T030405Z-{}", name.replace('/', "-"));
            RecordFolder::create(&temp.path().join(name)).unwrap().write_run(&run).unwrap();
        }
        let rows = |name: &str| read_rows(&temp.path().join(name)).unwrap().len();
        let one = rows("a/1/summary.csv");
        assert_eq!((rows("a/1"), rows("a"), rows("")), (one, 2 * one, 2 * one));

        let text = fs::read_to_string(temp.path().join("a/1/summary.csv")).unwrap();
        fs::create_dir(temp.path().join("kept")).unwrap();
        fs::write(temp.path().join("kept/main.csv"), &text).unwrap();
        assert_eq!(rows("kept"), one);
        fs::write(temp.path().join("a/2/summary.csv"), &text[..text.len() - 9]).unwrap();
        assert!(matches!(read_rows(temp.path()), Err(RecordError::Corrupt { .. })));
        fs::create_dir(temp.path().join("none")).unwrap();
        assert!(matches!(read_rows(&temp.path().join("none")), Err(RecordError::NotARecord { .. })));
    }
}
