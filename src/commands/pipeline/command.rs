//! The outline of the command.

use std::sync::atomic::AtomicBool;
use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::super::ending::{SPEAKS_OTHERWISE, bridge_hint, conclude, verdict};
use super::super::report::{rendered, show_record};
use super::budget::Budget;
use super::card::CardNeed;
use super::cases::{cases, write_histograms};
use super::compared::{self, compare};
use super::contention::{self, CELLS, Cells, Partners};
use super::findings::findings;
use super::models::Models;
use super::rows::{remarks, rows};
use super::turns::{All, Table};
use super::voices::Voice;
use crate::cli::PipelineArgs;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::measure::{Delivery, Reactor, RenderLoad, Watch};
use crate::plan::{Arm, PipelinePlan, Side, oversubscribed};
use crate::plural::counted;
use crate::studies::setup::Connection;
use crate::studies::setup::{Seen, seen};
use crate::studies::{Recorder, RunManifest};
use crate::term::{Printer, Progress};

/// Plans, loads, connects, takes the turns, measures the contention, leaves the avatar as it was found, says what came out.
pub(in super::super) fn run(args: &PipelineArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let mut plan = PipelinePlan::resolve(args, &topology, rand::random())?;
    let models = Models::ready(args, &plan, printer, stop)?;
    if let Some(tokens) = models.tokens() {
        plan.fit_system_prompt(tokens);
    }
    let mut connection = Connection::open(&plan.reach, stop)?;
    if let Some(found) = connection.found.take() {
        plan.reach.speak(found);
    }
    let mut recorder = start(args, &plan, &models, &connection, printer)?;
    let most_threads = plan.arms.iter().map(|(_, arm)| arm.n_threads.max(arm.n_threads_batch)).max().unwrap_or(1);
    recorder.run.warnings.extend(oversubscribed(most_threads, &topology));
    announce(&plan, &recorder, printer);

    let mut measured = Measured::default();
    let outcome = measure(&plan, &models, &mut connection, &mut recorder, &mut measured, (printer, stop));
    let faults = connection.restore(&plan.reach);
    if !faults.is_empty() {
        let faults = faults.join("; ");
        recorder.run.warnings.push(format!("the avatar could not be put back as it was found: {faults}"));
    }
    let foreign = connection.foreign_warning(&plan.reach);
    let speaks_otherwise = foreign.is_some();
    recorder.run.warnings.extend(foreign);
    let interrupted = match outcome {
        Ok(()) => false,
        Err(failure) if failure.exit() == Exit::Interrupted => true,
        Err(failure) => {
            measured.keep(&plan, models.cards(), &mut recorder, true);
            write_histograms(&mut recorder, &measured.turns)?;
            let failure = if speaks_otherwise { failure.hint(SPEAKS_OTHERWISE) } else { failure };
            return Err(recorder.fail(failure));
        }
    };
    measured.keep(&plan, models.cards(), &mut recorder, interrupted);
    write_histograms(&mut recorder, &measured.turns)?;
    conclude(&mut recorder.run, interrupted);
    recorder.finish()?;
    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    verdict(&recorder.run, bridge_hint(&recorder.run, speaks_otherwise))
}

/// Everything measured so far.
#[derive(Default)]
struct Measured {
    seen: Option<Seen>,
    turns: All,
    cells: Cells,
}

impl Measured {
    /// Puts all of it into the record.
    fn keep(&self, plan: &PipelinePlan, cards: &[CardNeed], recorder: &mut Recorder, interrupted: bool) {
        let compared = compare(&self.turns);
        recorder.run.cases = cases(plan, &self.turns, (cards, self.seen), interrupted);
        let rows = rows(plan, &self.turns, &compared, cards);
        recorder.run.cases.extend(compared::case(&compared, &rows, remarks(&compared, cards), interrupted));
        recorder.run.cases.extend(contention::cases(&self.cells, interrupted));
        recorder.run.findings = findings(plan, (&self.turns, self.seen), &compared, &self.cells, interrupted);
    }
}

fn start(
    args: &PipelineArgs,
    plan: &PipelinePlan,
    models: &Models,
    connection: &Connection,
    printer: Printer,
) -> Result<Recorder, Failure> {
    let mut subject = connection.subject(&plan.reach);
    if let (Some(subject), Value::Object(model)) = (subject.as_object_mut(), models.subject()) {
        subject.extend(model);
    }
    let beginning = RunManifest {
        command: "pipeline",
        plan: serde_json::to_value(plan).unwrap_or_default(),
        subject,
        simulated: models.simulated().into_iter().chain(connection.simulated()).collect(),
        warnings: plan
            .reach
            .warnings
            .iter()
            .cloned()
            .chain(plan.reach.blink_warning())
            .chain(models.warnings())
            .chain(connection.greeting_warning(&plan.reach))
            .collect(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?;
    recorder.measures(connection.processes());
    Ok(recorder)
}

fn announce(plan: &PipelinePlan, recorder: &Recorder, printer: Printer) {
    let names: Vec<String> = plan.arms.iter().map(|(side, arm)| format!("{} {}", side.word(), arm.name)).collect();
    let simulated = if recorder.run.simulated.is_empty() { "" } else { ", SIMULATED: see the report" };
    printer.note(&format!(
        "{} ({}) against {} ({} dialect{simulated})",
        counted(plan.turns, "turn"),
        names.join(", "),
        plan.reach.target,
        plan.reach.dialect.name
    ));
}

fn measure(
    plan: &PipelinePlan,
    models: &Models,
    connection: &mut Connection,
    recorder: &mut Recorder,
    measured: &mut Measured,
    (printer, stop): (Printer, &AtomicBool),
) -> Result<(), Failure> {
    let clock = Clock::start();
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let voices: Vec<(Side, &Arm, Voice<'_>)> =
        plan.arms.iter().enumerate().map(|(at, (side, arm))| (*side, arm, models.voice(at))).collect();
    connection.is_clean = false;
    let budget = Budget::start(plan.budget_s);
    turns(plan, &voices, models.cards(), connection, recorder, measured, (&clock, budget), &mut rng, (printer, stop))?;
    // A bridge that failed in the last turn owes nobody anything on a fresh connection.
    let failed = measured.turns.values().any(|taken| taken.turns.iter().any(|turn| turn.reaction.is_err()));
    connection.is_clean = !failed || connection.is_alive(&plan.reach, stop);
    if plan.contention_rounds > 0 && connection.is_clean {
        contend(plan, &voices, connection, measured, (&clock, budget), &mut rng, (printer, stop))?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)] // All that a turn needs; they live in different hands.
fn turns(
    plan: &PipelinePlan,
    voices: &[(Side, &Arm, Voice<'_>)],
    cards: &[CardNeed],
    connection: &mut Connection,
    recorder: &mut Recorder,
    measured: &mut Measured,
    (clock, budget): (&Clock, Budget),
    rng: &mut StdRng,
    (printer, stop): (Printer, &AtomicBool),
) -> Result<(), Failure> {
    let render = plan.render.map(|render| RenderLoad::start(render, *clock)).transpose()?;
    let total = u64::from(plan.turns + plan.first_turns) * voices.len() as u64;
    let progress = Progress::start(printer, "turns", total);
    let is_alone = plan.arms.iter().any(|(_, arm)| arm.reaction == Delivery::Expression);
    let (watch, seen) =
        if is_alone { seen(&plan.reach, connection, plan.seed, (clock, stop)) } else { (Watch::default(), None) };
    measured.seen = seen;
    let client = &mut connection.client;
    let dialect = plan.reach.dialect;
    let outcome = thread::scope(|scope| {
        let reactor = Reactor::start(scope, (client, dialect, watch), *clock, stop);
        let table =
            Table { plan, clock, stop, reactor: &reactor, render: render.as_ref(), budget, done: progress.counter() };
        table.first_turns(voices, rng, &mut measured.turns)?;
        table.conversation(voices, rng, &mut measured.turns, &mut |all| {
            recorder.run.cases = cases(plan, all, (cards, seen), false);
            Ok(recorder.save()?)
        })
    });
    progress.clear();
    outcome
}

fn contend(
    plan: &PipelinePlan,
    voices: &[(Side, &Arm, Voice<'_>)],
    connection: &mut Connection,
    measured: &mut Measured,
    (clock, budget): (&Clock, Budget),
    rng: &mut StdRng,
    (printer, stop): (Printer, &AtomicBool),
) -> Result<(), Failure> {
    // With the settings that would be used: the last ones.
    let Some((_, arm, voice)) = voices.last() else { return Ok(()) };
    let progress = Progress::start(printer, "contention", u64::from(plan.contention_rounds) * CELLS);
    let (mut speaker, _) = voice.speaker(arm, stop)?;
    connection.is_clean = false;
    let partners = Partners {
        plan,
        speaker: &mut *speaker,
        client: &mut connection.client,
        clock,
        stop,
        done: progress.counter(),
        budget,
    };
    let outcome = { partners }.measure(rng, &mut measured.cells);
    connection.is_clean = outcome.is_ok();
    progress.clear();
    outcome
}
