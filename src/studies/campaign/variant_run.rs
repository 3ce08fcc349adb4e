//! One run of a variant, in a separate process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::child_run::{ChildRun, ChildRunError};
use crate::failure::{ChildExit, Failure};
use crate::plan::CampaignVariant;
use crate::record::{CSV_FILE, RunFigures, read_runs};

/// File name of its standard error, in its folder.
const LOG_FILE: &str = "stderr.txt";

/// Why a run has no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum VariantError {
    /// It did not run to its end.
    #[error(transparent)]
    Run(#[from] ChildRunError),
    /// It ended without writing a record.
    #[error("'{args}' ended with {ending} and wrote no record{said}", ending = ending(*code))]
    NoRecord {
        /// The variant.
        args: String,
        /// Its exit code; `None` if it was killed.
        code: Option<i32>,
        /// Its last output, after a line end.
        said: String,
    },
    /// Its folder cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

fn ending(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".into(), |code| format!("exit code {code}"))
}

/// Runs the variant with its record in `out`; `None` if interrupted.
pub(super) fn run_variant(
    variant: &CampaignVariant,
    out: &Path,
    stop: &AtomicBool,
) -> Result<Option<RunFigures>, Failure> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| VariantError::Io { path, source }
    };
    let log = out.with_extension(LOG_FILE);
    let parent = out.parent().unwrap_or(out);
    fs::create_dir_all(parent).map_err(io(parent))?;
    let file = File::create(&log).map_err(io(&log))?;
    let run =
        ChildRun { program: variant.program.as_deref(), args: &variant.args, out, is_quiet: true, log: Some(file) };
    let code = run.run(stop).map_err(VariantError::Run)?.code();
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    if said.is_empty() {
        // Nothing to keep; it does not matter whether removing it fails.
        let _ = fs::remove_file(&log);
    }
    if !out.join(CSV_FILE).is_file() {
        let lines: Vec<&str> = said.lines().take(6).collect();
        let said = if lines.is_empty() { String::new() } else { format!(":\n  {}", lines.join("\n  ")) };
        return Err(VariantError::NoRecord { args: variant.args.join(" "), code, said }.into());
    }
    // The exit code does not matter: figures that could not be measured are marked in the record and never pass.
    Ok(read_runs(out, &|_| true)?.runs.into_iter().next())
}

impl From<VariantError> for Failure {
    fn from(error: VariantError) -> Self {
        match &error {
            VariantError::Run(ChildRunError::NotStarted { .. }) => Self::usage(error).hint("check --bin-a and --bin-b"),
            VariantError::NoRecord { code, .. } => ChildExit::of(*code)
                .failure(error)
                .hint("run the variant on its own first; it must be a measuring command, which writes a record"),
            VariantError::Run(_) | VariantError::Io { .. } => Self::failed(error),
        }
    }
}
