//! The files of a comparison, and what goes to standard output.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::super::failure::Failure;
use super::super::report::show;
use super::command::Compared;
use crate::cli::{CompareArgs, CompareFormat, Output, OutputKind};
use crate::compare::Outcome;
use crate::exit::Exit;
use crate::record::Direction;
use crate::report;
use crate::term::Printer;

/// Where GitHub shows Markdown from.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The variables of CI systems that name the revision and the branch.
const COMMIT_VARIABLES: [&str; 2] = ["GITHUB_SHA", "CI_COMMIT_SHA"];
const BRANCH_VARIABLES: [&str; 2] = ["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"];

/// Writes all files that were asked for, then prints.
pub(super) fn put_out(
    compared: &Compared,
    outcome: Outcome,
    args: &CompareArgs,
    printer: Printer,
) -> Result<(), Failure> {
    for output in &args.write {
        write(output, compared, outcome, args).map_err(|error| Failure::new(Exit::Unreadable, error))?;
    }
    let comparison = &compared.comparison;
    let text = match args.format {
        CompareFormat::Table => report::comparison_table(comparison, outcome, printer.width()),
        CompareFormat::Md => report::comparison_markdown(comparison, outcome),
        CompareFormat::Json => report::comparison_json(comparison, outcome, &compared.conditions),
        CompareFormat::Github => {
            if let Some(path) = std::env::var_os(SUMMARY_VARIABLE) {
                append(Path::new(&path), &report::comparison_markdown(comparison, outcome))
                    .map_err(|error| Failure::new(Exit::Unreadable, error))?;
            }
            let annotations = report::annotations(comparison, outcome);
            annotations + &report::comparison_table(comparison, outcome, printer.width())
        }
    };
    show(&text, printer)
}

fn write(output: &Output, compared: &Compared, outcome: Outcome, args: &CompareArgs) -> anyhow::Result<()> {
    let comparison = &compared.comparison;
    let text = match output.kind {
        OutputKind::Md => report::comparison_markdown(comparison, outcome),
        OutputKind::Json => report::comparison_json(comparison, outcome, &compared.conditions),
        OutputKind::Junit => report::junit(comparison, outcome, args.strict),
        OutputKind::BenchmarkSmaller => report::benchmark(comparison, Direction::Lower),
        OutputKind::BenchmarkBigger => report::benchmark(comparison, Direction::Higher),
        OutputKind::Bencher => report::bencher(comparison),
        OutputKind::History => history(&output.path, compared, args)?,
    };
    fs::write(&output.path, text).with_context(|| format!("cannot write {}", output.path.display()))
}

/// The history with a row for this comparison. What is not comparable has none: its figures belong to another series.
fn history(path: &Path, compared: &Compared, args: &CompareArgs) -> anyhow::Result<String> {
    let existing = if path.exists() {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    } else {
        String::new()
    };
    let (commit, branch) =
        (named(args.commit.as_ref(), COMMIT_VARIABLES), named(args.branch.as_ref(), BRANCH_VARIABLES));
    let commit = commit.unwrap_or_else(|| compared.comparison.new_commit.clone());
    let row = compared.comparison.wide_row(&commit, &branch.unwrap_or_default());
    let rows: Vec<_> = row.filter(|row| !row.values.is_empty()).into_iter().collect();
    report::wide(&existing, &rows).map_err(|detail| anyhow::anyhow!("{} is not a history: {detail}", path.display()))
}

fn named(given: Option<&String>, variables: [&str; 2]) -> Option<String> {
    given.cloned().or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()))
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.as_mut().map_err(|error| std::io::Error::new(error.kind(), error.to_string()));
    written.and_then(|file| file.write_all(text.as_bytes())).with_context(|| format!("cannot write {}", path.display()))
}
