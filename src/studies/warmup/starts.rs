//! The rounds of starts: each kind once per round, in random order, each in a separate process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::study::RunContext;
use super::super::worker_client::{self, WorkerAbort};
use super::study::WarmupSamples;
use crate::failure::Failure;
use crate::llm::engine::LockOutcome;
use crate::measure::{Readiness, StartOutcome, StartPhase, StartRequest, StartResponse};
use crate::plan::WarmupPlan;

/// The starts so far.
#[derive(Debug, Default)]
pub(super) struct StartSamples {
    /// One entry per round, with every kind that was measured in it.
    pub(super) rounds: Vec<BTreeMap<Readiness, TimedStart>>,
    /// Kinds that are no longer measured, and why.
    pub(super) failed: BTreeMap<Readiness, StartFault>,
}

/// One start.
#[derive(Debug)]
pub(super) struct TimedStart {
    /// When its process was started, on the run's clock.
    pub(super) began_ns: u64,
    /// When it ended.
    pub(super) ended_ns: u64,
    /// The outcome.
    pub(super) outcome: StartOutcome,
}

/// Why a kind of start has no figures.
#[derive(Debug, Clone)]
pub(super) enum StartFault {
    /// The page cache could not be brought into the required state.
    PageCache(String),
    /// Its process failed.
    Process(String),
}

impl StartFault {
    /// The reason as text.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::PageCache(reason) | Self::Process(reason) => reason,
        }
    }
}

impl StartSamples {
    /// The starts of one kind, in the order of rounds.
    pub(super) fn of(&self, readiness: Readiness) -> Vec<&TimedStart> {
        self.rounds.iter().filter_map(|round| round.get(&readiness)).collect()
    }

    /// The outcome of one kind in a round.
    pub(super) fn outcome(&self, round: usize, readiness: Readiness) -> Option<&StartOutcome> {
        self.rounds.get(round)?.get(&readiness).map(|start| &start.outcome)
    }

    /// Whether every kind was measured as often as planned, except for those that failed.
    pub(super) fn is_complete(&self, plan: &WarmupPlan) -> bool {
        let is_complete = |kind| self.failed.contains_key(&kind) || self.of(kind).len() >= plan.runs as usize;
        Readiness::ALL.into_iter().all(is_complete)
    }

    /// What became of the request to lock the weights, in each start.
    pub(super) fn locks(&self) -> impl Iterator<Item = &LockOutcome> {
        self.rounds.iter().flat_map(BTreeMap::values).map(|start| &start.outcome.lock)
    }

    /// Why this system cannot empty its page cache, if it cannot.
    pub(super) fn no_cold_cache(&self) -> Option<&str> {
        match self.failed.get(&Readiness::Cold) {
            Some(StartFault::PageCache(reason)) => Some(reason),
            _ => None,
        }
    }
}

/// Measures the planned rounds, with a checkpoint after each start.
pub(super) fn measure(
    plan: &WarmupPlan,
    path: &Path,
    samples: &mut WarmupSamples,
    context: &mut RunContext<'_, WarmupSamples>,
) -> Result<(), Failure> {
    let phase = context.observer.phase("starts", u64::from(plan.runs) * Readiness::ALL.len() as u64);
    let mut rng = StdRng::seed_from_u64(plan.seed);
    for _ in 0..plan.runs {
        let failed = &samples.starts.failed;
        let mut round: Vec<Readiness> = Readiness::ALL.into_iter().filter(|kind| !failed.contains_key(kind)).collect();
        if round.is_empty() {
            break;
        }
        round.shuffle(&mut rng);
        samples.starts.rounds.push(BTreeMap::new());
        for readiness in round {
            let began_ns = context.clock.now_ns();
            let started = start(plan, path, readiness, context.stop)?;
            let ended_ns = context.clock.now_ns();
            match (started, samples.starts.rounds.last_mut()) {
                (Ok(outcome), Some(round)) => {
                    round.insert(readiness, TimedStart { began_ns, ended_ns, outcome });
                }
                (Err(fault), _) => {
                    samples.starts.failed.insert(readiness, fault);
                }
                (Ok(_), None) => {}
            }
            phase.counter().fetch_add(1, Ordering::Relaxed);
            context.checkpoint(samples)?;
        }
    }
    Ok(())
}

/// One start. An interruption is an error; a fault of the start is not.
fn start(
    plan: &WarmupPlan,
    path: &Path,
    readiness: Readiness,
    stop: &AtomicBool,
) -> Result<Result<StartOutcome, StartFault>, Failure> {
    let interrupted = || Failure::interrupted(anyhow::anyhow!("interrupted during a start"));
    if stop.load(Ordering::Relaxed) {
        return Err(interrupted());
    }
    let request = StartRequest {
        path: path.to_owned(),
        readiness,
        n_gpu_layers: plan.n_gpu_layers,
        use_mlock: plan.use_mlock,
        conventions: plan.conventions(),
        system: plan.script.system.clone(),
        message: plan.script.messages.first().cloned().unwrap_or_default(),
        n_gen: plan.reply_tokens,
        later: plan.later,
    };
    let (mut phase, mut last) = (StartPhase::Prepare, None);
    let timeout = Duration::from_secs_f64(plan.timeout_s);
    let gone = worker_client::ask("warmup-start", &request, timeout, stop, |_, said| match said {
        Some(StartResponse::Phase(begun)) => phase = begun,
        Some(answer) => last = Some(answer),
        None => {}
    });
    let during = match phase {
        StartPhase::Prepare => "while getting ready",
        StartPhase::Ask => "before the first reply was complete",
        StartPhase::Later => "after the first reply",
    };
    match (gone, last) {
        (Err(WorkerAbort::Interrupted), _) | (Ok(_), Some(StartResponse::Interrupted)) => Err(interrupted()),
        (Err(WorkerAbort::Failed(reason)), _) | (Ok(_), Some(StartResponse::Failed { reason })) => {
            Ok(Err(StartFault::Process(reason)))
        }
        (Ok(_), Some(StartResponse::Measured(outcome))) => Ok(Ok(*outcome)),
        (Ok(_), Some(StartResponse::PageCache { reason })) => Ok(Err(StartFault::PageCache(reason))),
        (Ok(gone), Some(StartResponse::Phase(_)) | None) => Ok(Err(StartFault::Process(gone.fate(during)))),
    }
}
