//! From a model's name to an existing file.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::super::observer::Observer;
use crate::failure::Failure;
use crate::llm::synth::{SyntheticModel, WriteProgress};
use crate::llm::{ModelCache, ModelRef, fetched_file};
use crate::text::{self, decimal_bytes};

/// The file of a model. A published one must be in the user's cache. A synthetic one is taken from the cache and
/// created there first if necessary.
pub(crate) fn ready(model: &ModelRef, observer: &dyn Observer, stop: &AtomicBool) -> Result<PathBuf, Failure> {
    let (shape, seed) = match model {
        ModelRef::File(path) => return Ok(path.clone()),
        ModelRef::Published(model) => return Ok(fetched_file(model)?),
        ModelRef::Synthetic { shape, seed } => (*shape, *seed),
    };
    let synthetic = SyntheticModel::new(shape, seed);
    let cache = ModelCache::of_user()?;
    if let Some(found) = cache.find(&synthetic) {
        observer.note(&format!("{model}: {} in the cache, {}", decimal_bytes(found.bytes), text::path(&found.path)));
        return Ok(found.path);
    }
    let progress = observer.phase_bytes(&model.to_string(), synthetic.file_bytes());
    let watch = WriteProgress { written: progress.counter(), stop };
    let waits = || observer.note(&format!("{model}: another run is creating it; waiting"));
    match cache.fetch(&synthetic, watch, waits) {
        Ok(made) => {
            progress.finish(&format!(
                "{model}: {} written to the cache, {}",
                decimal_bytes(made.bytes),
                text::path(&made.path)
            ));
            Ok(made.path)
        }
        Err(error) => Err(error.into()),
    }
}
