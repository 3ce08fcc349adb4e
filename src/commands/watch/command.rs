//! The outline of the command.

use std::sync::atomic::AtomicBool;

use anyhow::Context;
use serde_json::{Value, json};

use super::super::report::show;
use super::apply::Apply;
use super::devices::Devices;
use super::display::Display;
use super::events::EventKind;
use super::failure::WatchError;
use super::findings::findings;
use super::lines;
use super::log::Log;
use super::look::Looker;
#[cfg(feature = "llama")]
use super::saturate::Saturation;
use super::session::{Ended, Seen, Session};
use crate::advise::watch::WatchMachine;
use crate::cli::{LookFormat, WatchArgs};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::WatchPlan;
use crate::record::{RunState, Simulation};
use crate::studies::ended_by;
use crate::studies::{Recorder, RunManifest};
use crate::term::Printer;

/// Plans, watches, says what it saw.
pub(in super::super) fn run(args: &WatchArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let plan = WatchPlan::resolve(args)?;
    let devices = Devices::open(&plan)?;
    if let Some(reason) = devices.none_since.as_ref().filter(|_| args.require_gpu) {
        return Err(WatchError::NoGpu { reason: reason.clone() }.into());
    }
    let looker = Looker::new(&plan.processes)?;
    if args.once {
        return once(args.format, &devices, looker, printer);
    }
    let mut session = session(&plan, devices, looker)?;
    session.log = args.csv.as_deref().map(Log::create).transpose()?;
    session.apply = plan.apply.as_deref().map(Apply::to).transpose()?;
    let beginning = RunManifest {
        command: "watch",
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        subject: subject(&session),
        simulated: simulated(&session),
        warnings: session.devices.none_since.iter().map(|reason| format!("no GPU can be asked: {reason}")).collect(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?.without_noise();
    for warning in &recorder.run.warnings {
        printer.warning(warning);
    }
    session.clock = Clock::start();
    let ended = Display::open(args.plain, printer)
        .map_err(Failure::from)
        .and_then(|display| session.run(display, &mut recorder, stop));
    conclude(&mut session, &mut recorder, ended, printer)
}

/// Everything that is needed to watch, before the first look.
fn session(plan: &WatchPlan, devices: Devices, looker: Looker) -> Result<Session<'_>, Failure> {
    #[cfg(feature = "llama")]
    let (devices, saturation) = {
        let mut devices = devices;
        let free = looker.free_memory();
        let start = |saturate| Saturation::start(saturate, &plan.rules, plan.interval_s, &mut devices, free);
        let saturation = plan.saturate.as_ref().map(start).transpose()?;
        (devices, saturation)
    };
    #[cfg(not(feature = "llama"))]
    if plan.saturate.is_some() {
        return Err(WatchError::NoEngine.into());
    }
    Ok(Session {
        plan,
        clock: Clock::start(),
        devices,
        looker,
        machine: WatchMachine::new(plan.rules.clone()),
        log: None,
        apply: None,
        #[cfg(feature = "llama")]
        saturation,
        seen: Seen::default(),
    })
}

/// One look, printed; a second one right after it, since how busy something is shows between two.
fn once(format: LookFormat, devices: &Devices, mut looker: Looker, printer: Printer) -> Result<Exit, Failure> {
    let look = looker.look(devices, &Clock::start(), 0);
    let text = match format {
        LookFormat::Table => lines::full(&look, devices.none_since.as_deref()),
        LookFormat::Json => {
            let mut value = serde_json::to_value(&look).unwrap_or_default();
            value["no_gpu_because"] = json!(devices.none_since);
            value["ggml_devices"] = ggml_devices();
            serde_json::to_string_pretty(&value)
                .context("cannot render the look")
                .map_err(|error| Failure::new(Exit::Bug, error))?
        }
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}

/// What ggml can compute on in this build.
#[cfg(feature = "llama")]
fn ggml_devices() -> Value {
    let devices = crate::llm::engine::Backend::start().map(crate::llm::engine::Backend::devices).unwrap_or_default();
    let device = |device: &crate::llm::engine::Device| {
        json!({
            "name": device.name,
            "description": device.description,
            "backend": device.backend,
            "kind": format!("{:?}", device.kind),
            "memory_total_bytes": device.memory_total_bytes,
            "memory_free_bytes": device.memory_free_bytes,
        })
    };
    devices.iter().map(device).collect()
}

#[cfg(not(feature = "llama"))]
fn ggml_devices() -> Value {
    Value::Null
}

fn subject(session: &Session<'_>) -> Value {
    let gpus: Vec<Value> = session
        .devices
        .gpus
        .iter()
        .map(|gpu| json!({ "label": gpu.label, "name": gpu.name, "memory_bytes": gpu.memory_bytes }))
        .collect();
    json!({ "gpus": gpus, "state_of": session.label() })
}

fn simulated(session: &Session<'_>) -> Vec<Simulation> {
    let card = session.devices.gpus.iter().find(|gpu| gpu.is_stand_in());
    let simulation = |gpu: &super::devices::WatchedGpu| Simulation {
        what: "card".into(),
        parameters: format!("{} of the machine's memory", lines::bytes(gpu.memory_bytes)),
    };
    card.map(simulation).into_iter().collect()
}

/// Writes what there is, says what it comes to, and how it ended.
fn conclude(
    session: &mut Session<'_>,
    recorder: &mut Recorder,
    ended: Result<Ended, Failure>,
    printer: Printer,
) -> Result<Exit, Failure> {
    let lost = session.seen.events.iter().any(|event| event.kind == EventKind::Lost);
    let unfinished = session.plan.duration_s.is_some() || session.plan.saturate.is_some();
    let (state, reason, exit) = match &ended {
        Err(failure) => (RunState::Failed, Some(failure.reason()), Exit::Failed),
        Ok(Ended::Stopped) if unfinished => (RunState::Interrupted, Some(ended_by()), Exit::Interrupted),
        Ok(_) if lost => (RunState::Complete, None, Exit::Failed),
        Ok(_) => (RunState::Complete, None, Exit::Done),
    };
    (recorder.run.state, recorder.run.reason) = (state, reason);
    session.save(recorder)?;
    recorder.run.findings = findings(session);
    if let Some(Err(error)) = session.log.as_mut().map(Log::finish) {
        recorder.lacks(error);
    }
    recorder.finish()?;
    ended?;
    for finding in &recorder.run.findings {
        printer.note(finding);
    }
    printer.note(&format!("record: {}", recorder.path().display()));
    if exit == Exit::Failed {
        printer.error("a GPU was gone for a while: some of its figures are missing");
    }
    recorder.settle()?;
    Ok(exit)
}
