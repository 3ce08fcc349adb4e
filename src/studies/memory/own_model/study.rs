//! A model of our own: loaded, talked to, judged.

use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::super::report::{rendered, show_record};
use super::expected::Expected;
use super::judged::{exit, sentence};
use super::life::{Step, Talk, talk, timed};
use super::steps::{device_growth, reconciled, step_cases, talk_case};
use super::vram::VramReader;
use crate::cli::MemoryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, ContextSpec, LogLevel, Model, Placement, Projection, Target, project};
use crate::plan::{ConversationPlan, oversubscribed};
use crate::record::RunState;
use crate::report::amount;
use crate::studies::ended_by;
use crate::studies::model_check::Use;
use crate::studies::setup::{LocatedModel, locate};
use crate::studies::{Recorder, RunManifest};
use crate::term::{Printer, Progress};

/// Walks through the life cycle, and says what came out.
pub(super) fn run(args: &MemoryArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = ConversationPlan::resolve(args, &topology)?;
    let located = locate(args.model.as_ref(), args.config.as_deref(), Use::weights(plan.n_gpu_layers), &printer, stop)?;
    let spec = ContextSpec {
        n_ctx: plan.n_ctx,
        n_threads: plan.n_threads,
        n_threads_batch: plan.n_threads,
        ..ContextSpec::default()
    };
    // Opened before the first step, so that what the driver's library takes is in no step's growth.
    let gpus = args.vram.then(VramReader::of_driver);
    let mut steps = vec![Step::after("start", 0, gpus.as_ref())];
    let (backend, took_ns) = timed(Backend::start);
    let backend = backend?;
    let gpus = gpus.map(|gpus| gpus.or_ggml(backend));
    let gpus = gpus.as_ref();
    let projection = project(backend, &located.path, plan.n_gpu_layers, &spec, Target::Machine)?;
    steps.push(Step::after("backend", took_ns, gpus));
    let position = backend.log().position();
    let placement = Placement { n_gpu_layers: Some(plan.n_gpu_layers), use_mmap: plan.use_mmap, mlock: false };
    let (model, took_ns) = timed(|| Model::load(backend, &located.path, &placement, &mut |_| true));
    let model = model?;
    steps.push(Step::after("model", took_ns, gpus));
    let (session, took_ns) = timed(|| model.session(&spec));
    let mut session = session?;
    steps.push(Step::after("context", took_ns, gpus));
    let held = session.held(plan.n_gpu_layers).ok().map(|held| held.on_devices().total_bytes());
    let expected = Expected::of(&projection, held, backend, position);

    let mut recorder = Recorder::start(
        args.out.as_deref(),
        beginning(&plan, &located, &model, &projection, &expected),
        std::rc::Rc::new(printer),
    )?;
    recorder.run.warnings.extend(oversubscribed(plan.n_threads, &topology));
    let progress = Progress::start(printer, "messages", plan.messages.into());
    let mut saved = 0;
    let talked = talk(&plan, &model, &mut session, gpus, progress.counter(), stop, |so_far| {
        // The record grows with the conversation: written at each doubling, it costs no message much.
        if so_far.turns.len() < 2 * saved {
            return Ok(());
        }
        saved = so_far.turns.len();
        fill(&mut recorder, &plan, &steps, so_far, &expected, gpus);
        recorder.save().map_err(Failure::from)
    });
    progress.clear();
    let talk = match talked {
        Ok(talk) => talk,
        Err(failure) => {
            return Err(recorder.fail(failure));
        }
    };
    let verdict = fill(&mut recorder, &plan, &steps, &talk, &expected, gpus);
    (recorder.run.state, recorder.run.reason) =
        if talk.stopped { (RunState::Interrupted, Some(ended_by())) } else { (RunState::Complete, None) };
    recorder.finish()?;
    tell(&recorder, backend, args, printer)?;
    Ok(if talk.stopped { Exit::Interrupted } else { verdict })
}

fn tell(recorder: &Recorder, backend: &Backend, args: &MemoryArgs, printer: Printer) -> Result<(), Failure> {
    let said = recorder.log(backend, LogLevel::Info);
    if args.verbose {
        for line in &said {
            printer.note(line);
        }
    }
    show_record(recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    Ok(())
}

fn beginning(
    plan: &ConversationPlan,
    located: &LocatedModel,
    model: &Model,
    projection: &Projection,
    expected: &Expected,
) -> RunManifest {
    let facts = model.facts();
    RunManifest {
        command: "memory",
        plan: serde_json::to_value(plan).unwrap_or_default(),
        subject: located.subject(facts, json!({"projection": projection, "expected": expected})),
        simulated: located.simulated(),
        warnings: located
            .facts
            .concerns(plan.n_ctx.into())
            .into_iter()
            .chain(facts.warnings.iter().map(|line| line.text.clone()))
            .collect(),
    }
}

/// Puts what there is into the record, and says how the process would end.
fn fill(
    recorder: &mut Recorder,
    plan: &ConversationPlan,
    steps: &[Step],
    talk: &Talk,
    expected: &Expected,
    gpus: Option<&VramReader>,
) -> Exit {
    let (conversation, judgement) = talk_case(plan, talk);
    let run = &mut recorder.run;
    run.cases = step_cases(steps, &talk.turns, Some(expected));
    run.cases.push(conversation);
    run.findings = vec![sentence("anonymous memory", &plan.leak, &judgement)];
    let parts = parts(expected);
    run.findings.push(match reconciled(steps, expected) {
        Some(found) => format!(
            "{parts}. From the backend to the context anonymous memory and pages of files grew by {}: {:.1} % of the weights \
             and the cache.",
            amount(found.measured_bytes),
            100.0 * found.measured_bytes / found.expected_bytes.max(1.0)
        ),
        None => format!("{parts}."),
    });
    run.findings.extend(on_devices(steps, expected));
    run.findings.extend(gpus.map(VramReader::in_words));
    exit(&judgement)
}

/// Where weights, cache and buffers lie, in a sentence or two without the last full stop.
fn parts(expected: &Expected) -> String {
    let of = |bytes: u64| amount(bytes as f64);
    let (own, repacked, mapped) = (expected.weights_bytes, expected.repacked_bytes, expected.mapped_bytes);
    let repacked_words =
        if repacked > 0 { format!(", {} of it repacked for this CPU", of(repacked)) } else { String::new() };
    let twice = match (repacked, mapped) {
        (1.., 1..) => {
            "; while the file is mapped, repacked weights are in memory twice, and the system can take the file's pages back"
        }
        _ => "",
    };
    format!(
        "By llama.cpp's own account {} of weights are in memory of the process{repacked_words}, and {} are pages of their \
         file{twice}. It foresaw {} of KV cache and {} of compute buffers",
        of(own),
        of(mapped),
        of(expected.kv_bytes),
        of(expected.compute_bytes),
    )
}

/// What was foreseen on devices, beside what ggml's buffers there hold, and what their memory grew by where that is told.
fn on_devices(steps: &[Step], expected: &Expected) -> Option<String> {
    let foreseen = expected.device_bytes as f64;
    if expected.device_bytes == 0 {
        return None;
    }
    let of_it = |bytes: f64| format!("{}, {:.1} % of it", amount(bytes), 100.0 * bytes / foreseen);
    let held = expected.device_held_bytes.map(|bytes| format!(" ggml's buffers there hold {}.", of_it(bytes as f64)));
    let grown = device_growth(steps)
        .map(|(name, grown)| format!(" From the backend to the context {name} grew by {}.", of_it(grown)));
    Some(format!(
        "{} more was foreseen on devices, and is in no figure of this process's own memory.{}{}",
        amount(foreseen),
        held.unwrap_or_default(),
        grown.unwrap_or_default()
    ))
}
