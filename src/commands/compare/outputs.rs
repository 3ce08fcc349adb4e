//! Standard output and the files of a comparison.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use super::super::report::show;
use super::super::run::tell;
use super::command::RequestedComparison;
use crate::cli::{CompareArgs, OutputFile};
use crate::compare::ComparisonOutcome;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::replacing::write_named;
use crate::report::{
    self, COMPARISON_FORMATS, ComparisonFile, ComparisonPage, FILE_FORMATS, Format, ReportError, exporter_of,
};
use crate::term::Printer;

/// The file whose Markdown GitHub shows.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The variables of CI systems with the revision and the branch.
const COMMIT_VARIABLES: [&str; 2] = ["GITHUB_SHA", "CI_COMMIT_SHA"];
const BRANCH_VARIABLES: [&str; 2] = ["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"];

/// GitHub's size limit for the summary of a step; it shows nothing of a larger one.
const SUMMARY_BYTES: usize = 1024 * 1024;

/// Refuses files that cannot be written, before anything is measured.
pub(super) fn check(args: &CompareArgs) -> Result<(), Failure> {
    args.write.iter().try_for_each(|output| {
        let path = &output.path;
        check_writable(path)
            .with_context(|| format!("cannot write {}", path.display()))
            .and_then(|()| existing_at(output).map(drop))
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

/// Prints the result, then writes all requested files: a file that cannot be written affects neither the verdict nor
/// the other files.
pub(super) fn put_out(
    compared: &RequestedComparison,
    outcome: ComparisonOutcome,
    args: &CompareArgs,
    printer: Printer,
) -> Result<(), Failure> {
    let comparison = &compared.comparison;
    let page = ComparisonPage {
        comparison,
        outcome,
        conditions: &compared.conditions,
        width: printer.width(),
        token: rand::random(),
    };
    let shown = show(&exporter_of(COMPARISON_FORMATS, args.format)?.export(&page)?, printer);
    let mut failures: Vec<Failure> = shown.err().into_iter().collect();
    if let Some(folder) = &compared.folder {
        let markdown = report::comparison_markdown(comparison, comparison.outcome(Some(0.0)));
        failures.extend(folder.write_report(&markdown).err().map(Failure::from));
    }
    let summary = std::env::var_os(SUMMARY_VARIABLE).filter(|_| args.format == Format::Github);
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
fn summarise(path: &Path, compared: &RequestedComparison, outcome: ComparisonOutcome) -> anyhow::Result<()> {
    let there = fs::metadata(path).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX));
    let room = SUMMARY_BYTES.saturating_sub(there);
    let text = report::comparison_summary(&compared.comparison, outcome, room);
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()));
    written.and_then(|file| file.write_all(text.as_bytes())).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file; one without content is not written, with the reason.
fn write(
    output: &OutputFile,
    compared: &RequestedComparison,
    outcome: ComparisonOutcome,
    args: &CompareArgs,
    printer: Printer,
) -> anyhow::Result<()> {
    let path = &output.path;
    let file = ComparisonFile {
        comparison: &compared.comparison,
        outcome,
        conditions: &compared.conditions,
        strict: args.strict,
        commit: named(args.commit.as_ref(), COMMIT_VARIABLES),
        branch: named(args.branch.as_ref(), BRANCH_VARIABLES),
        existing: existing_at(output)?,
    };
    match exporter_of(FILE_FORMATS, output.format)?.export(&file) {
        Ok(text) => write_named(path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display())),
        Err(ReportError::Nothing { reason }) => {
            printer.warning(&format!("{} was not written: {reason}", path.display()));
            Ok(())
        }
        Err(ReportError::NotAHistory { detail }) => Err(no_history(path, &detail)),
        Err(error) => Err(error.into()),
    }
}

/// The text that a file has, for an exporter that appends to it; empty if there is no file yet, and for all other
/// exporters.
fn existing_at(output: &OutputFile) -> anyhow::Result<String> {
    if !exporter_of(FILE_FORMATS, output.format)?.appends() {
        return Ok(String::new());
    }
    let path = &output.path;
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
