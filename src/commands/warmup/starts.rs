//! The rounds of starts: each kind once a round, in random order, each in a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::measure::{Readiness, StartAnswer, StartOutcome, StartPhase, StartRequest};
use crate::plan::WarmupPlan;
use crate::record::RecordError;
use crate::studies::worker_client::{self, CalledOff};

/// What came of the starts.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// A round each: the outcome of every kind that was measured in it.
    pub(super) rounds: Vec<BTreeMap<Readiness, StartOutcome>>,
    /// Kinds that are measured no longer, and why.
    pub(super) failed: BTreeMap<Readiness, Fault>,
    /// Whether Ctrl-C ended it.
    pub(super) interrupted: bool,
}

/// Why a kind of start gives no figures.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// The page cache could not be brought into the state that it needs.
    PageCache(String),
    /// Its process failed.
    Process(String),
}

impl Fault {
    /// In words.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::PageCache(reason) | Self::Process(reason) => reason,
        }
    }
}

impl Starts {
    /// The outcomes of one kind, in the order of the rounds.
    pub(super) fn of(&self, readiness: Readiness) -> Vec<&StartOutcome> {
        self.rounds.iter().filter_map(|round| round.get(&readiness)).collect()
    }
}

/// Measures as planned. `keep` is handed everything after each start.
pub(super) fn measure(
    plan: &WarmupPlan,
    path: &Path,
    done: &AtomicU64,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Starts) -> Result<(), RecordError>,
) -> Result<Starts, RecordError> {
    let mut starts = Starts::default();
    let mut rng = StdRng::seed_from_u64(plan.seed);
    for _ in 0..plan.runs {
        let mut round: Vec<Readiness> =
            Readiness::ALL.into_iter().filter(|kind| !starts.failed.contains_key(kind)).collect();
        if round.is_empty() {
            break;
        }
        round.shuffle(&mut rng);
        starts.rounds.push(BTreeMap::new());
        for readiness in round {
            match one(plan, path, readiness, stop) {
                Ok(Ok(outcome)) => {
                    if let Some(round) = starts.rounds.last_mut() {
                        round.insert(readiness, outcome);
                    }
                }
                Ok(Err(fault)) => {
                    starts.failed.insert(readiness, fault);
                }
                Err(Interrupted) => {
                    starts.interrupted = true;
                    return Ok(starts);
                }
            }
            done.fetch_add(1, Ordering::Relaxed);
            keep(&starts)?;
        }
    }
    Ok(starts)
}

/// Ctrl-C.
struct Interrupted;

fn one(
    plan: &WarmupPlan,
    path: &Path,
    readiness: Readiness,
    stop: &AtomicBool,
) -> Result<Result<StartOutcome, Fault>, Interrupted> {
    let request = StartRequest {
        path: path.to_owned(),
        readiness,
        n_gpu_layers: plan.n_gpu_layers,
        n_ctx: plan.n_ctx,
        n_threads: plan.n_threads,
        system: plan.script.system.clone(),
        message: plan.script.messages.first().cloned().unwrap_or_default(),
        n_gen: plan.reply_tokens,
        later: plan.later,
    };
    let (mut phase, mut last) = (StartPhase::Prepare, None);
    let timeout = Duration::from_secs_f64(plan.timeout_s);
    let gone = worker_client::ask("warmup-start", &request, timeout, stop, |_, said| match said {
        Some(StartAnswer::Phase(begun)) => phase = begun,
        Some(answer) => last = Some(answer),
        None => {}
    });
    let during = match phase {
        StartPhase::Prepare => "while getting ready",
        StartPhase::Ask => "before the first reply was there",
        StartPhase::Later => "after the first reply",
    };
    match (gone, last) {
        (Err(CalledOff::Interrupted), _) | (Ok(_), Some(StartAnswer::Interrupted)) => Err(Interrupted),
        (Err(CalledOff::Failed(reason)), _) | (Ok(_), Some(StartAnswer::Failed { reason })) => {
            Ok(Err(Fault::Process(reason)))
        }
        (Ok(_), Some(StartAnswer::Measured(outcome))) => Ok(Ok(*outcome)),
        (Ok(_), Some(StartAnswer::PageCache { reason })) => Ok(Err(Fault::PageCache(reason))),
        (Ok(gone), Some(StartAnswer::Phase(_)) | None) => Ok(Err(Fault::Process(gone.fate(during)))),
    }
}
