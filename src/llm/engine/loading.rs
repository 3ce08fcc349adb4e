//! Loads a model on a separate thread, so that progress output cannot slow it down and is not skipped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use llama_cpp_2::LlamaModelLoadError;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use super::Placement;
use crate::clock::Clock;

/// Result of loading.
pub(super) enum LoadResult {
    /// The model, and the loading time in nanoseconds.
    Model(LlamaModel, u64),
    /// `progress` returned false.
    Stopped,
    /// llama.cpp rejected the file.
    Refused(LlamaModelLoadError),
}

/// Loads an existing file. `progress` is called on this thread with shares from 0 to 1, and stops loading by returning
/// false, even if llama.cpp has finished in the meantime.
pub(super) fn load(
    llama: &LlamaBackend,
    path: &Path,
    placement: &Placement,
    progress: &mut dyn FnMut(f32) -> bool,
) -> LoadResult {
    let stopped = Arc::new(AtomicBool::new(false));
    let (shares, received) = mpsc::channel();
    let (loaded, load_ns) = thread::scope(|scope| {
        let goes_on = {
            let stopped = Arc::clone(&stopped);
            move |share| {
                // The receiver is only gone while this thread unwinds.
                shares.send(share).is_ok() && !stopped.load(Ordering::Relaxed)
            }
        };
        let loader = scope.spawn(move || {
            let parameters = parameters(placement).with_progress_callback(goes_on);
            let clock = Clock::start();
            let loaded = LlamaModel::load_from_file(llama, path, &parameters);
            (loaded, clock.now_ns())
        });
        for share in received {
            if !stopped.load(Ordering::Relaxed) && !progress(share) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        loader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    match loaded {
        _ if stopped.load(Ordering::Relaxed) => LoadResult::Stopped,
        Ok(model) => LoadResult::Model(model, load_ns),
        Err(error) => LoadResult::Refused(error),
    }
}

/// The placement in llama.cpp's terms. Everything else keeps the defaults of llama.cpp, as in llama-bench.
fn parameters(placement: &Placement) -> LlamaModelParams {
    let mut parameters = LlamaModelParams::default();
    if let Some(layers) = placement.n_gpu_layers {
        parameters = parameters.with_n_gpu_layers(layers);
    }
    // Only set if different: llama.cpp's default also asks the devices whether they can map a file.
    if placement.use_mmap != parameters.use_mmap() {
        parameters = parameters.with_use_mmap(placement.use_mmap);
    }
    if placement.mlock {
        parameters = parameters.with_use_mlock(true);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_sets_the_parameters() {
        let usual = parameters(&Placement::default());
        assert_eq!((usual.n_gpu_layers(), usual.use_mmap(), usual.use_mlock()), (-1, true, false));
        let other = parameters(&Placement { n_gpu_layers: Some(5), use_mmap: false, mlock: true });
        assert_eq!((other.n_gpu_layers(), other.use_mmap(), other.use_mlock()), (5, false, true));
    }
}
