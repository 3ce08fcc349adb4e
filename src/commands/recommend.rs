//! `workly-perf recommend`.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::apply;
use super::report::show_record;
use crate::cli::RecommendArgs;
use crate::config::{AppProfile, ConfigError, ConfigFile, Patch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{DEFAULT_CONFIG, RecommendPlan};
use crate::studies::recommend::recommend;
use crate::term::Printer;
use crate::text::quoted;

pub(super) fn run(args: &RecommendArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    // Before anything is measured: if the result could not be written, the run is not started.
    let to_write = args.write.as_deref().map(writable).transpose()?;
    let current = config_path(args).map(|path| ConfigFile::open(&path)).transpose()?;
    let warning = current
        .as_ref()
        .and_then(ConfigFile::refusal)
        .map(|refusal| format!("{refusal}: the application silently ignores the file and runs on its defaults"));
    if let Some(warning) = &warning {
        printer.warning(warning);
    }
    let plan = RecommendPlan::resolve(args, current.as_ref(), !printer.is_watched());
    let (recorder, recommendation) = recommend(&plan, warning, args.out.as_deref(), Rc::new(printer), stop)?;
    show_record(&recorder, args.format, printer)?;
    match (to_write, args.write.as_deref()) {
        // Read again, because measuring took some time.
        (Some(()), Some(path)) => apply::consented(&recommendation, path, printer)?,
        _ => printer.note(&format!("to apply it: workly-perf apply {}", quoted(recorder.path()))),
    }
    Ok(Exit::Done)
}

/// Refuses a file that the application would reject with any recommendation: only the profile's value is replaced.
fn writable(path: &Path) -> Result<(), ConfigError> {
    let file = ConfigFile::open(path)?;
    match file.change(&Patch::default().gpu_profile(AppProfile::CpuFallback)) {
        Err(refusal) if refusal.is_refusal() => Err(refusal),
        _ => Ok(()),
    }
}

/// The configuration with the current settings.
fn config_path(args: &RecommendArgs) -> Option<PathBuf> {
    let named = args.config.clone().or_else(|| args.write.clone());
    named.or_else(|| Some(PathBuf::from(DEFAULT_CONFIG)).filter(|path| path.is_file()))
}
