//! The outline of the command.

use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::located_model::{LocatedModel, load, locate};
use super::super::model_check::TrialDepth;
use super::super::recorder::{Beginning, Recorder};
use super::super::report::{rendered_tokens, show_record};
use super::super::stop::ended_by;
use super::cases::{cases, write_histograms};
use super::findings::findings;
use super::sweep::{Ended, Sweep, SweepError, Swept};
use crate::cli::ThreadsArgs;
use crate::clock::{Clock, ms};
use crate::exit::Exit;
use crate::host;
use crate::llm::engine::{Backend, ContextSpec, DeviceKind, LoadFacts, LogLevel, Placement};
use crate::plan::{Rounds, ThreadsPlan, oversubscribed};
use crate::record::{RunState, Topology};
use crate::term::{Printer, Progress};

/// Plans, loads once, sweeps, says what came out.
pub(in super::super) fn run(args: &ThreadsArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = ThreadsPlan::resolve(args, &topology, rand::random());
    let located = locate(args.model.as_ref(), args.config.as_deref(), TrialDepth::Weights, printer, stop)?;
    let backend = Backend::start()?;
    let placement = Placement { n_gpu_layers: Some(plan.n_gpu_layers), use_mmap: plan.use_mmap, mlock: false };
    let model = load(backend, &located.path, &placement, printer, stop)?;
    let context = ContextSpec {
        n_ctx: plan.n_prompt.max(plan.n_gen) + 1,
        n_batch: plan.n_batch,
        n_ubatch: plan.n_ubatch,
        ..ContextSpec::default()
    };
    let session = model.session(&context)?;
    let beginning = Beginning {
        command: "threads",
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        subject: subject(&located, model.facts(), backend, &topology),
        simulated: located.simulated(),
        warnings: [located.facts.concerns(context.n_ctx.into()), warnings(backend, model.facts(), &topology, &plan)]
            .concat(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning)?;

    let clock = Clock::start();
    let progress = Progress::start(printer, &title(&plan), steps(&plan));
    let sweep =
        Sweep { plan: &plan, model: &model, session, clock: &clock, stop, began_ns: 0, done: progress.counter() };
    let swept = { sweep }.run(|swept| keep(&mut recorder, &plan, swept));
    progress.clear();
    let swept = swept.or_else(|failure: Failure| fail(&mut recorder, failure))?;

    conclude(&mut recorder, &plan, &swept)?;
    let said = recorder.log(backend, LogLevel::Info);
    if args.verbose {
        for line in &said {
            printer.note(line);
        }
    }
    show_record(&recorder, &rendered_tokens(&recorder.run, args.format, printer)?, printer)?;
    Ok(if swept.ended == Ended::Interrupted { Exit::Interrupted } else { Exit::Done })
}

fn title(plan: &ThreadsPlan) -> String {
    let counts: Vec<String> = plan.counts.iter().map(|count| count.threads.to_string()).collect();
    format!("threads {}", counts.join(","))
}

/// Repetitions to come; unknown with a budget.
fn steps(plan: &ThreadsPlan) -> u64 {
    match plan.rounds {
        Rounds::Repetitions(rounds) => u64::from(rounds) * (plan.counts.len() * plan.loads.len() * 2) as u64,
        Rounds::BudgetS(_) => 0,
    }
}

/// What the reader must know before any figure.
fn warnings(backend: &Backend, facts: &LoadFacts, topology: &Topology, plan: &ThreadsPlan) -> Vec<String> {
    let mut warnings: Vec<String> = backend.vector_units().into_iter().collect();
    warnings.extend(facts.warnings.iter().map(|line| line.text.clone()));
    // Where the machine itself has no more, the counts say so.
    if topology.usable_cpus() != topology.logical_cpus {
        let most = plan.counts.iter().map(|count| count.threads).max().unwrap_or(1);
        warnings.extend(oversubscribed(most, topology));
    }
    warnings
}

/// What was measured, under llama-bench's names where it has one.
fn subject(located: &LocatedModel, facts: &LoadFacts, backend: &Backend, topology: &Topology) -> Value {
    let (ggml_version, commit) = backend.versions();
    let devices = backend.devices();
    let others: Vec<_> = devices.iter().filter(|device| device.kind != DeviceKind::Cpu).collect();
    let more = json!({
        "load_ms": ms(facts.load_ns),
        "backends": devices.iter().map(|device| device.backend.as_str()).collect::<Vec<_>>(),
        "cpu_info": host::machine().cpu,
        "gpu_info": others.iter().map(|device| device.description.as_str()).collect::<Vec<_>>().join(", "),
        "build_commit": commit,
        "build_number": 0,
        "ggml_version": ggml_version,
        "system_info": backend.system_info(),
        "topology": topology,
    });
    located.subject(facts, more)
}

/// Writes what there is after each block.
fn keep(recorder: &mut Recorder, plan: &ThreadsPlan, swept: &Swept) -> Result<(), Failure> {
    recorder.run.cases = cases(plan, swept);
    Ok(recorder.save()?)
}

/// Leaves what was measured until then as a run that failed.
fn fail(recorder: &mut Recorder, failure: Failure) -> Result<Swept, Failure> {
    Err(recorder.fail(failure))
}

fn conclude(recorder: &mut Recorder, plan: &ThreadsPlan, swept: &Swept) -> Result<(), Failure> {
    recorder.run.cases = cases(plan, swept);
    let is_disturbed = recorder.judge_noise().is_disturbed();
    recorder.run.findings = findings(plan, swept, is_disturbed);
    write_histograms(recorder, swept)?;
    (recorder.run.state, recorder.run.reason) = match swept.ended {
        Ended::Interrupted => (RunState::Interrupted, Some(ended_by())),
        _ => (RunState::Complete, None),
    };
    Ok(recorder.finish()?)
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Engine(error) => error.into(),
            SweepError::BudgetTooSmall { least_s, .. } => {
                let hint = format!(
                    "a single round takes about {:.0} s here: --budget {:.0}s or more, fewer counts with --sweep, or fewer tokens",
                    least_s.ceil(),
                    least_s.ceil()
                );
                Self::new(Exit::Failed, error.into()).hint(hint)
            }
            SweepError::Load(error) => {
                Self::new(Exit::Failed, error.into()).hint("--under-load none measures without it")
            }
        }
    }
}
