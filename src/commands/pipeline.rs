//! `workly-perf pipeline`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::PipelineArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::plan::PipelinePlan;
use crate::studies::pipeline::{ModelSource, Models, PipelineStudy, measured_settings};
use crate::studies::setup::BridgeSession;
use crate::studies::{RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &PipelineArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let source = ModelSource { model: args.model.as_ref(), config: args.bridge_connection.config.as_deref() };
    let asks = |settings: &str| settings.split(',').next() == Some("recommended");
    let is_recommended = cfg!(feature = "llama") && args.paced.is_empty() && (asks(&args.before) || asks(&args.after));
    let measured = if is_recommended { measured_settings(source, &printer, stop)? } else { None };
    let mut plan = PipelinePlan::resolve(args, &topology, measured.as_ref(), rand::random())?;
    let models = Models::ready(&plan, source, &printer, stop)?;
    if let Some(tokens) = models.tokens() {
        plan.fit_system_prompt(tokens);
    }
    let mut connection = BridgeSession::open(&plan.bridge_connection, stop)?;
    if let Some(found) = connection.found.take() {
        plan.bridge_connection.switch_dialect(found);
    }
    let study = PipelineStudy { plan, models, topology };
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = drive(&study, &mut connection, &options)?;
    show_finished(&finished, args.format, printer)
}
