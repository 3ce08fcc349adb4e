//! `workly-perf gpu-profiles`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::GpuProfilesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, LogLevel};
use crate::plan::{GpuProfilesPlan, ModelChoice, SweepDepth};
use crate::studies::gpu_profiles::{GpuProfilesStudy, ProjectionStudy, check_gpu};
use crate::studies::model_check::Use;
use crate::studies::setup::locate;
use crate::studies::{RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &GpuProfilesArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = GpuProfilesPlan::resolve(args, &topology, rand::random());
    plan.first_context().check().map_err(|error| Failure::usage(error).hint("--flash-attn on"))?;
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let (model, config) = (args.model.as_ref(), args.config.as_deref());
    let finished = match plan.depth {
        SweepDepth::Project => {
            let choice = ModelChoice::find(model, config)?;
            let backend = Backend::start()?;
            check_gpu(&plan, backend)?;
            drive(&ProjectionStudy::prepare(plan, choice, backend, &printer, stop)?, &mut (), &options)?
        }
        SweepDepth::Measure => {
            let backend = Backend::start()?;
            check_gpu(&plan, backend)?;
            // Every placement on the GPU has its own process.
            let located = locate(model, config, Use::weights(0), &printer, stop)?;
            let study = GpuProfilesStudy::prepare(plan, located, (backend, topology), stop)?;
            let finished = drive(&study, &mut (), &options)?;
            finished.recorder.log(backend, LogLevel::Warn);
            finished
        }
    };
    show_finished(&finished, args.format, printer)
}
