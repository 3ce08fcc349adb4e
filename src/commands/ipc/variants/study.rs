//! The rounds: every way once a round, in random order.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::session::Session;
use super::batch_check::{self, Verdict};
use super::case::{Bundle, Collected};
use super::findings::sentences;
use super::messages;
use super::round::measure;
use crate::bridge::BridgeError;
use crate::failure::Failure;
use crate::measure::{QUIET, Watch, quiet_after};
use crate::plan::{VariantsPlan, Way};
use crate::plural::counted;
use crate::studies::setup::seen;
use crate::term::Progress;

/// Failed rounds of one way after which it is not tried again.
const FAILURES: usize = 3;

/// Measures all ways, adds their cases, and says what they come to.
pub(in super::super) fn run(session: &mut Session<'_>, study: &VariantsPlan) -> Result<(), Failure> {
    session.connection.is_clean = false;
    warm_up(session)?;
    let has_batches = study.ways.iter().any(Way::is_batch);
    let verdict = if has_batches { Some(batch_check::check(session)?) } else { None };
    let mut collected: Vec<Collected> = study.ways.iter().map(|_| Collected::default()).collect();
    let (watch, told) = if study.ways.contains(&Way::AppReaction) {
        seen(&session.plan.reach, &mut session.connection, session.plan.seed, (&session.clock, session.stop))
    } else {
        (Watch::default(), None)
    };
    let outcome = rounds(session, (study, &watch), verdict.as_ref(), &mut collected);
    let bundle = Bundle { study, collected: &collected, verdict: verdict.as_ref(), seen: told };
    let interrupted = session.cut_short;
    for place in 0..study.ways.len() {
        let case = bundle.case(session, place, interrupted)?;
        session.recorder.add(case)?;
    }
    let run = &mut session.recorder.run;
    if let Some(verdict) = verdict.as_ref().filter(|verdict| verdict.applied != Some(true)) {
        let what = if verdict.applied.is_none() { "may not be applied" } else { "are acknowledged but not applied" };
        run.warnings.push(format!("Batches {what}: no latency and no rate is given for their commands."));
    }
    run.findings = sentences(&bundle, &run.cases);
    outcome
}

/// As the round of round trips does before each case.
fn warm_up(session: &mut Session<'_>) -> Result<(), BridgeError> {
    let Some(part) = messages::applied(session.plan) else { return Ok(()) };
    let mut message = messages::single(session.plan, &part, None);
    for _ in 0..session.plan.warm_up {
        session.connection.client.exchange(&mut message, session.stop)?;
    }
    // More replies than messages are a fault of every round as well, which then says so.
    session.connection.client.settle(QUIET).map(drop)
}

fn rounds(
    session: &mut Session<'_>,
    (study, watch): (&VariantsPlan, &Watch),
    verdict: Option<&Verdict>,
    collected: &mut [Collected],
) -> Result<(), Failure> {
    let mut order: Vec<usize> = (0..study.ways.len()).collect();
    let mut random = StdRng::seed_from_u64(session.plan.seed);
    for round in 0..study.rounds {
        let label = format!("round {}/{}", round + 1, study.rounds);
        let progress = Progress::start(session.printer, &label, study.ways.len() as u64);
        order.shuffle(&mut random);
        for &place in &order {
            let way = study.ways[place];
            let failed = collected[place].rounds.iter().filter(|sample| sample.is_none()).count();
            if session.ends_here() {
                return Ok(());
            }
            if failed >= FAILURES {
                collected[place].rounds.push(None);
                continue;
            }
            let seed = session.plan.seed.wrapping_add(1 + u64::from(round));
            one(session, (study, watch), way, seed, &mut collected[place])?;
            progress.counter().fetch_add(1, Ordering::Relaxed);
        }
        let applied =
            if verdict.is_some_and(|verdict| verdict.applied != Some(true)) { ", batches not applied" } else { "" };
        progress.finish(&format!("{label}: {}{applied}", counted(study.ways.len(), "way")));
    }
    session.connection.is_clean = true;
    Ok(())
}

/// One way once. A failure costs the round, not the run: the next one gets a fresh connection.
fn one(
    session: &mut Session<'_>,
    (study, watch): (&VariantsPlan, &Watch),
    way: Way,
    seed: u64,
    collected: &mut Collected,
) -> Result<(), Failure> {
    let began_ns = session.clock.now_ns();
    let sample = measure(session, (study, watch), way, seed, &AtomicU64::new(0)).and_then(|sample| {
        // Without ids, one reply too many may have been taken for that of any message of the round.
        match session.connection.client.settle(quiet_after(&sample.latency_ns))? {
            0 => Ok(sample),
            count => Err(BridgeError::Surplus { count }),
        }
    });
    collected.began_ns.get_or_insert(began_ns);
    collected.took_ns += session.clock.now_ns() - began_ns;
    match sample {
        Ok(sample) => collected.rounds.push(Some(sample)),
        Err(BridgeError::Interrupted) => session.cut_short = true,
        Err(error) => {
            collected.rounds.push(None);
            collected.fault.get_or_insert(error.to_string());
            session.connection.client.reconnect(session.stop)?;
        }
    }
    Ok(())
}
