//! `workly-perf memory`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::MemoryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::MemoryWatchPlan;
use crate::studies::memory::{ProcessMemoryStudy, find_process};
use crate::studies::{FinishedRun, RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &MemoryArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = match find_process(args.pid, args.process.as_deref())? {
        Some(target) => {
            let plan = MemoryWatchPlan::resolve(args);
            let (study, mut counter) = ProcessMemoryStudy::open(plan, target, args.vram, args.count_lines.as_deref())?;
            drive(&study, &mut counter, &options)?
        }
        None => own_model(args, &options, printer)?,
    };
    show_finished(&finished, args.format, printer)
}

/// A model in this process.
#[cfg(feature = "llama")]
fn own_model(args: &MemoryArgs, options: &RunOptions<'_>, printer: Printer) -> Result<FinishedRun, Failure> {
    use super::report::keep_engine_log;
    use crate::host;
    use crate::plan::ConversationPlan;
    use crate::studies::memory::TracedModel;
    use crate::studies::model_check::Use;
    use crate::studies::setup::locate;

    let topology = host::topology();
    let plan = ConversationPlan::resolve(args, &topology)?;
    let located =
        locate(args.model.as_ref(), args.config.as_deref(), Use::weights(plan.n_gpu_layers), &printer, options.stop)?;
    let loaded = TracedModel::load(plan, located, &topology, args.vram, options.stop)?;
    let (study, mut session) = loaded.open()?;
    let finished = drive(&study, &mut session, options)?;
    keep_engine_log(&finished, printer)?;
    Ok(finished)
}

/// Without llama.cpp, only other processes can be measured.
#[cfg(not(feature = "llama"))]
fn own_model(_: &MemoryArgs, _: &RunOptions<'_>, _: Printer) -> Result<FinishedRun, Failure> {
    Err(Failure::lacking(anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build with the default features (cargo build --release), or measure another process with --pid"))
}
