//! `workly-perf threads`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::{keep_engine_log, show_finished};
use crate::cli::ThreadsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::Backend;
use crate::plan::{ThreadsPlan, app_profile};
use crate::studies::model_check::Use;
use crate::studies::setup::{load, locate};
use crate::studies::threads::{LoadedModels, ThreadsStudy};
use crate::studies::{RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &ThreadsArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = ThreadsPlan::resolve(args, &topology, app_profile(args.config.as_deref()), rand::random());
    let located = locate(args.model.as_ref(), args.config.as_deref(), Use::weights(plan.n_gpu_layers), &printer, stop)?;
    let backend = Backend::start()?;
    let study = ThreadsStudy { plan, located, backend, topology };
    let mut models = LoadedModels::new();
    for placement in study.placements() {
        models.insert(placement.use_mmap, load(backend, &study.located.path, &placement, &printer, stop)?);
    }
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = drive(&study, &mut models, &options)?;
    keep_engine_log(&finished, printer)?;
    show_finished(&finished, args.format, printer)
}
