//! `workly-perf model synth`: writes a synthetic model.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::super::report::show;
use super::pages::decimal_count;
use crate::cli::SynthArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::synth::{Overwrite, SyntheticModel, WriteProgress};
use crate::term::{Printer, Progress};
use crate::text::{self, decimal_bytes};

pub(super) fn run(args: &SynthArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let model = SyntheticModel::new(args.shape, args.seed);
    let default = || PathBuf::from(format!("synth-{}-seed{}.gguf", args.shape.name, args.seed));
    let path = args.out.clone().unwrap_or_else(default);
    let overwrite = if args.force { Overwrite::Replace } else { Overwrite::Refuse };
    let progress = Progress::start_bytes(printer, &args.shape.name, model.file_bytes());
    let written = model.write_file(&path, overwrite, WriteProgress { written: progress.counter(), stop });
    if let Err(error) = written {
        progress.clear();
        return Err(error.into());
    }
    progress.finish(&format!(
        "{}: {}, {} synthetic weights ({}), seed {}; its text is meaningless. Path:",
        args.shape.name,
        decimal_bytes(model.file_bytes()),
        decimal_count(model.parameters()),
        args.shape.quantisation.name(),
        args.seed,
    ));
    show(&text::path(&path), printer)?;
    Ok(Exit::Done)
}
