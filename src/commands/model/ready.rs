//! From the model that was named to a file that is there.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use super::pages::decimal_bytes;
use crate::llm::synth::{SyntheticModel, Watch};
use crate::llm::{ModelCache, ModelRef};
use crate::term::{Printer, Progress};

/// The file of a model. A synthetic one comes from the user's cache, and is made there first if need be.
pub(in super::super) fn ready(model: &ModelRef, printer: Printer, stop: &AtomicBool) -> Result<PathBuf, Failure> {
    let (shape, seed) = match model {
        ModelRef::File(path) => return Ok(path.clone()),
        ModelRef::Synthetic { shape, seed } => (*shape, *seed),
    };
    let synthetic = SyntheticModel::new(shape, seed);
    let cache = ModelCache::of_user()?;
    if let Some(found) = cache.find(&synthetic) {
        printer.note(&format!("{model}: {} in the cache, {}", decimal_bytes(found.bytes), found.path.display()));
        return Ok(found.path);
    }
    let progress = Progress::start_bytes(printer, &model.to_string(), synthetic.file_bytes());
    let watch = Watch { written: progress.counter(), stop };
    let waits = || printer.note(&format!("{model}: another run is making it; waiting"));
    match cache.fetch(&synthetic, watch, waits) {
        Ok(made) => {
            progress.finish(&format!(
                "{model}: {} made for the cache, {}",
                decimal_bytes(made.bytes),
                made.path.display()
            ));
            Ok(made.path)
        }
        Err(error) => {
            progress.clear();
            Err(error.into())
        }
    }
}
