//! The outline of the command.

use std::sync::atomic::AtomicBool;

use super::super::ending::{SPEAKS_OTHERWISE, bridge_hint, conclude, verdict};
use super::super::report::{rendered, show_record};
use super::session::Session;
use super::{breakdown, max_rate, round_trips, variants};
use crate::cli::{Format, IpcArgs};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{IpcPlan, Study};
use crate::record::{Case, CaseState, Run};
use crate::studies::setup::Connection;
use crate::studies::{Recorder, RunManifest};
use crate::term::Printer;

/// Plans, connects, measures, restores, reports.
pub(in super::super) fn run(args: &IpcArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let mut plan = IpcPlan::resolve(args, rand::random())?;
    let connection = Connection::open(&plan, stop)?;
    if let Some(found) = connection.found.clone() {
        plan.adopt(found, args)?;
    }
    plan.check()?;
    let greeting = connection.greeting_warning(&plan);
    let beginning = RunManifest {
        command: "ipc",
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        subject: connection.subject(&plan),
        simulated: connection.simulated(),
        warnings: plan.cautions().into_iter().chain(greeting).collect(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?;
    recorder.measures(connection.processes());
    introduce(&plan, &recorder.run, printer);

    let mut session =
        Session { plan: &plan, printer, stop, clock: Clock::start(), connection, recorder, cut_short: false };
    let outcome = match &plan.study {
        Study::Replay(study) => super::replay::run(&mut session, study),
        Study::RoundTrips(study) => round_trips::run(&mut session, study),
        Study::MaxRate(study) => max_rate::run(&mut session, study),
        Study::Breakdown(study) => breakdown::run(&mut session, study),
        Study::Variants(study) => variants::run(&mut session, study),
    };
    let faults = session.connection.restore(&plan);
    let Session { mut recorder, connection, cut_short, .. } = session;
    recorder.run.findings.extend(connection.reported_fps());
    let foreign = connection.foreign_warning(&plan);
    let speaks_otherwise = foreign.is_some();
    recorder.run.warnings.extend(foreign);
    if !faults.is_empty() {
        let faults = faults.join("; ");
        recorder.run.warnings.push(format!("the avatar could not be put back as it was found: {faults}"));
    }
    recorder.run.cases.sort_by_key(|case| case.conditions["place_in_plan"].as_u64());
    let interrupted = match outcome {
        Err(failure) if failure.exit() != Exit::Interrupted => {
            let failure = if speaks_otherwise { failure.hint(SPEAKS_OTHERWISE) } else { failure };
            return Err(abandon(recorder, failure));
        }
        outcome => outcome.is_err() || cut_short || recorder.run.cases.iter().any(is_interrupted),
    };
    // A signal that comes after the last case, while the avatar is put back, takes nothing from the run.
    conclude(&mut recorder.run, interrupted);
    recorder.finish()?;

    if matches!(args.format, Format::Csv | Format::Json) {
        // The other two formats show them with the figures.
        recorder.run.warnings.iter().for_each(|warning| printer.warning(warning));
    }
    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    verdict(&recorder.run, bridge_hint(&recorder.run, speaks_otherwise))
}

fn is_interrupted(case: &Case) -> bool {
    case.state == CaseState::Interrupted
}

fn introduce(plan: &IpcPlan, run: &Run, printer: Printer) {
    let simulated = if run.simulated.is_empty() { "" } else { ", SIMULATED: a stand-in for Unity" };
    printer.note(&format!(
        "{} against {} ({} dialect{simulated})",
        plan.study.announcement(plan),
        plan.target,
        plan.dialect.name
    ));
}

/// Leaves what was measured until then as a run that failed. A bridge that went away meanwhile is a measurement that failed, not a
/// machine that has none.
fn abandon(mut recorder: Recorder, failure: Failure) -> Failure {
    recorder.fail(failure.during_a_run())
}
