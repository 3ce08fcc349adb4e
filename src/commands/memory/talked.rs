//! A model of our own: loaded, talked to, judged.

use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::super::failure::Failure;
use super::super::located_model::{LocatedModel, locate};
use super::super::recorder::{Beginning, Recorder};
use super::super::report::{rendered, show};
use super::expected::Expected;
use super::judged::{exit, sentence};
use super::life::{Step, Talk, talk, timed};
use super::steps::{reconciled, step_cases, talk_case};
use crate::cli::MemoryArgs;
use crate::exit::Exit;
use crate::host;
use crate::llm::engine::{Backend, ContextSpec, LogLevel, Model, Placement, Projection, Target, project};
use crate::plan::ConversationPlan;
use crate::record::RunState;
use crate::report::amount;
use crate::term::{Printer, Progress};

/// Walks through the life cycle, and says what came out.
pub(super) fn run(args: &MemoryArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let plan = ConversationPlan::resolve(args, &host::topology())?;
    let located = locate(args.model.as_ref(), args.config.as_deref(), printer, stop)?;
    let spec = ContextSpec {
        n_ctx: plan.n_ctx,
        n_threads: plan.n_threads,
        n_threads_batch: plan.n_threads,
        ..ContextSpec::default()
    };
    let mut steps = vec![Step::after("start", 0)];
    let (backend, took_ns) = timed(Backend::start);
    let backend = backend?;
    let projection = project(backend, &located.path, plan.n_gpu_layers, &spec, Target::Machine)?;
    steps.push(Step::after("backend", took_ns));
    let position = backend.log().position();
    let placement = Placement { n_gpu_layers: Some(plan.n_gpu_layers), use_mmap: plan.use_mmap, mlock: false };
    let (model, took_ns) = timed(|| Model::load(backend, &located.path, &placement, &mut |_| true));
    let model = model?;
    steps.push(Step::after("model", took_ns));
    let (session, took_ns) = timed(|| model.session(&spec));
    let mut session = session?;
    steps.push(Step::after("context", took_ns));
    let expected = Expected::of(&projection, backend, position);

    let mut recorder =
        Recorder::start(args.out.as_deref(), beginning(&plan, &located, &model, &projection, &expected))?;
    let progress = Progress::start(printer, "messages", plan.messages.into());
    let mut saved = 0;
    let talked = talk(&plan, &model, &mut session, progress.counter(), stop, |so_far| {
        // The record grows with the conversation: written at each doubling, it costs no message much.
        if so_far.turns.len() < 2 * saved {
            return Ok(());
        }
        saved = so_far.turns.len();
        fill(&mut recorder, &plan, &steps, so_far, &expected);
        recorder.save().map_err(Failure::from)
    });
    progress.clear();
    let talk = match talked {
        Ok(talk) => talk,
        Err(failure) => {
            return Err(recorder.fail(failure));
        }
    };
    let verdict = fill(&mut recorder, &plan, &steps, &talk, &expected);
    (recorder.run.state, recorder.run.reason) =
        if talk.stopped { (RunState::Interrupted, Some("ended by Ctrl-C".into())) } else { (RunState::Complete, None) };
    recorder.finish()?;
    tell(&recorder, backend, args, printer)?;
    Ok(if talk.stopped { Exit::Interrupted } else { verdict })
}

fn tell(recorder: &Recorder, backend: &Backend, args: &MemoryArgs, printer: Printer) -> Result<(), Failure> {
    let said: Vec<String> = backend.log().lines(LogLevel::Info).into_iter().map(|line| line.text).collect();
    recorder.log(&(said.join("\n") + "\n"))?;
    if args.verbose {
        for line in &said {
            printer.note(line);
        }
    }
    show(&rendered(&recorder.run, args.format, printer)?, printer)?;
    printer.note(&format!("record: {}", recorder.path().display()));
    Ok(())
}

fn beginning(
    plan: &ConversationPlan,
    located: &LocatedModel,
    model: &Model,
    projection: &Projection,
    expected: &Expected,
) -> Beginning {
    let facts = model.facts();
    Beginning {
        command: "memory",
        plan: serde_json::to_value(plan).unwrap_or_default(),
        subject: json!({
            "model_filename": located.name(),
            "found_by": located.found_by,
            "model_type": facts.description,
            "model_size": facts.size_bytes,
            "model_n_params": facts.n_params,
            "header_hash": located.facts.header_hash,
            "quantisation": located.facts.quantisation,
            "projection": projection,
            "expected": expected,
        }),
        simulated: located.simulated(),
        warnings: facts.warnings.iter().map(|line| line.text.clone()).collect(),
    }
}

/// Puts what there is into the record, and says how the process would end.
fn fill(recorder: &mut Recorder, plan: &ConversationPlan, steps: &[Step], talk: &Talk, expected: &Expected) -> Exit {
    let (conversation, judgement) = talk_case(plan, talk);
    let run = &mut recorder.run;
    run.cases = step_cases(steps, &talk.turns, Some(expected));
    run.cases.push(conversation);
    run.findings = vec![sentence("anonymous memory", &plan.leak, &judgement)];
    let parts = format!(
        "llama.cpp foresaw {} of weights in its own memory, {} of KV cache and {} of compute buffers; {} of weights stay \
         pages of their file",
        amount(expected.weights_bytes as f64),
        amount(expected.kv_bytes as f64),
        amount(expected.compute_bytes as f64),
        amount(expected.mapped_bytes as f64)
    );
    run.findings.push(match reconciled(steps, expected) {
        Some(found) => format!(
            "{parts}. From the backend to the context anonymous memory and pages of files grew by {}: {:.1} % of the weights \
             and the cache.",
            amount(found.measured_bytes),
            100.0 * found.measured_bytes / found.expected_bytes.max(1.0)
        ),
        None => format!("{parts}."),
    });
    if expected.device_bytes > 0 {
        run.findings.push(format!(
            "{} of it was foreseen on devices, and is in no figure of this process.",
            amount(expected.device_bytes as f64)
        ));
    }
    exit(&judgement)
}
