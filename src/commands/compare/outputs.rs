//! Standard output and the files of a comparison.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use super::super::report::show;
use super::super::run::tell;
use super::command::Compared;
use crate::cli::{CompareArgs, CompareFormat, Output, OutputKind};
use crate::compare::Outcome;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::record::Direction;
use crate::report;
use crate::term::Printer;

/// The file whose Markdown GitHub shows.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The variables of CI systems with the revision and the branch.
const COMMIT_VARIABLES: [&str; 2] = ["GITHUB_SHA", "CI_COMMIT_SHA"];
const BRANCH_VARIABLES: [&str; 2] = ["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"];

/// GitHub's size limit for the summary of a step; it shows nothing of a larger one.
const SUMMARY_BYTES: usize = 1024 * 1024;

/// GitHub's size limit for a comment, in characters, which are at most as many as bytes; it refuses a longer one.
const COMMENT_BYTES: usize = 65_536;

/// Refuses files that cannot be written, before anything is measured.
pub(super) fn check(args: &CompareArgs) -> Result<(), Failure> {
    args.write.iter().try_for_each(|output| {
        let path = &output.path;
        check_writable(path)
            .with_context(|| format!("cannot write {}", path.display()))
            .and_then(|()| if output.kind == OutputKind::History { history_at(path).map(drop) } else { Ok(()) })
            .map_err(|error| {
                Failure::new(Exit::Unreadable, error).hint("check the path of --write; nothing was measured")
            })
    })
}

fn check_writable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if found.is_file() => OpenOptions::new().append(true).open(path).map(drop),
        // A device or a pipe: opening it may wait for its reader.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            tempfile::Builder::new().prefix(".checking-").tempfile_in(folder).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// Prints the result, then writes all requested files: a file that cannot be written affects neither the verdict nor the other
/// files.
pub(super) fn put_out(
    compared: &Compared,
    outcome: Outcome,
    args: &CompareArgs,
    printer: Printer,
) -> Result<(), Failure> {
    let comparison = &compared.comparison;
    let text = match args.format {
        CompareFormat::Table => report::comparison_table(comparison, outcome, printer.width()),
        CompareFormat::Md => report::comparison_markdown(comparison, outcome),
        CompareFormat::Json => report::comparison_json(comparison, outcome, &compared.conditions),
        CompareFormat::Github => {
            let table = report::comparison_table(comparison, outcome, printer.width());
            report::annotations(comparison, outcome) + &report::without_commands(&table, rand::random())
        }
    };
    let shown = show(&text, printer);
    let mut failures: Vec<Failure> = shown.err().into_iter().collect();
    if let Some(folder) = &compared.folder {
        let markdown = report::comparison_markdown(comparison, comparison.outcome(Some(0.0)));
        failures.extend(folder.write_report(&markdown).err().map(Failure::from));
    }
    let summary = std::env::var_os(SUMMARY_VARIABLE).filter(|_| args.format == CompareFormat::Github);
    let unwritable = |error| Failure::new(Exit::Unreadable, error).hint("the verdict above is valid");
    failures.extend(summary.and_then(|path| summarise(Path::new(&path), compared, outcome).err()).map(unwritable));
    let written = args.write.iter().filter_map(|output| write(output, compared, outcome, args, printer).err());
    failures.extend(written.map(unwritable));
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else { return Ok(()) };
    failures.for_each(|failure| tell(&failure, printer));
    Err(first)
}

/// Appends to the summary of GitHub's job, as far as its size limit allows.
fn summarise(path: &Path, compared: &Compared, outcome: Outcome) -> anyhow::Result<()> {
    let there = fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX));
    let room = SUMMARY_BYTES.saturating_sub(there);
    let text = report::comparison_summary(&compared.comparison, outcome, room);
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()));
    written.and_then(|file| file.write_all(text.as_bytes())).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file; one without content is not written, with the reason.
fn write(
    output: &Output,
    compared: &Compared,
    outcome: Outcome,
    args: &CompareArgs,
    printer: Printer,
) -> anyhow::Result<()> {
    let comparison = &compared.comparison;
    let text = match output.kind {
        OutputKind::Md => Ok(report::comparison_summary(comparison, outcome, COMMENT_BYTES)),
        OutputKind::Json => Ok(report::comparison_json(comparison, outcome, &compared.conditions)),
        OutputKind::Junit => Ok(report::junit(comparison, outcome, args.strict)),
        OutputKind::BenchmarkSmaller => report::benchmark(comparison, Direction::Lower)
            .ok_or("NEW has no figure for which smaller is better, and github-action-benchmark fails on an empty list"),
        OutputKind::BenchmarkBigger => report::benchmark(comparison, Direction::Higher)
            .ok_or("NEW has no figure for which bigger is better, and github-action-benchmark fails on an empty list"),
        OutputKind::Bencher => report::bencher(comparison).ok_or("NEW has no figures"),
        OutputKind::History => history(&output.path, compared, args)?
            .ok_or("NEW has no figures, or its start time is not known: there is no row to add"),
    };
    let path = &output.path;
    match text {
        Ok(text) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        Err(reason) => {
            printer.warning(&format!("{} was not written: {reason}", path.display()));
            Ok(())
        }
    }
}

/// The history with a row for this comparison; `None` if there is none. A refused comparison has no row: its figures belong to
/// another series.
fn history(path: &Path, compared: &Compared, args: &CompareArgs) -> anyhow::Result<Option<String>> {
    let existing = history_at(path)?;
    let (commit, branch) =
        (named(args.commit.as_ref(), COMMIT_VARIABLES), named(args.branch.as_ref(), BRANCH_VARIABLES));
    let commit = commit.unwrap_or_else(|| compared.comparison.new_commit.clone());
    let row = compared.comparison.wide_row(&commit, &branch.unwrap_or_default());
    let Some(row) = row.filter(|row| !row.values.is_empty()) else { return Ok(None) };
    report::wide(&existing, &[row]).map(Some).map_err(|detail| no_history(path, &detail))
}

/// The text of a history, empty if the file does not exist yet.
fn history_at(path: &Path) -> anyhow::Result<String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    report::wide(&text, &[]).map_err(|detail| no_history(path, &detail))?;
    Ok(text)
}

fn no_history(path: &Path, detail: &str) -> anyhow::Error {
    anyhow::anyhow!("{} is not a history: {detail}", path.display())
}

fn named(given: Option<&String>, variables: [&str; 2]) -> Option<String> {
    given.cloned().or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()))
}
