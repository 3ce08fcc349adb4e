//! What a comparison has measured so far. The unit is the round, not the message.

use super::batch_check::BatchVerdict;
use super::round::Sample;
use crate::bridge::{BridgeError, FaultKind};
use crate::clock::ms;
use crate::stats::{median, samples_needed};
use crate::studies::setup::Seen;

/// So many times as long do commands of the second half of a round take, at the least, where what came waited for what went before.
const FALLS_BEHIND: f64 = 1.5;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct VariantSamples {
    /// Whether batches are applied, where any are compared.
    pub(super) batches: Option<BatchVerdict>,
    /// What tells when the application's one command is applied, where that is among the ways.
    pub(super) seen: Option<Seen>,
    /// Whether the bridge is this process's own, so that anything may be sent to it.
    pub(super) is_embedded: bool,
    /// By way, in the order of the plan; empty before the first round.
    pub(super) ways: Vec<CaseSamples>,
}

/// What one way has so far.
#[derive(Debug, Default)]
pub(super) struct CaseSamples {
    /// By round; `None` for a round that failed.
    pub(super) rounds: Vec<Option<Sample>>,
    /// The first fault.
    pub(super) fault: Option<RoundFault>,
    /// When the first round began, in nanoseconds of the run's clock.
    pub(super) began_ns: Option<u64>,
    /// Length of its rounds together, in nanoseconds.
    pub(super) took_ns: u64,
}

/// Why a round failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoundFault {
    pub(super) words: String,
    pub(super) kind: FaultKind,
}

impl RoundFault {
    pub(super) fn of(error: &BridgeError) -> Self {
        Self { words: error.to_string(), kind: error.kind() }
    }
}

impl CaseSamples {
    /// The rounds that did not fail.
    pub(super) fn good(&self) -> impl Iterator<Item = &Sample> {
        self.rounds.iter().flatten()
    }

    /// Rounds that failed.
    pub(super) fn failed(&self) -> usize {
        self.rounds.len() - self.good().count()
    }

    /// The median latency of each round that has enough for one, in ms.
    pub(super) fn medians_ms(&self) -> Vec<Option<f64>> {
        let of_round = |sample: &Sample| {
            let is_enough = sample.latency_ns.len() >= samples_needed(0.5);
            median(&sample.latency_ns).filter(|_| is_enough).map(ms)
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(of_round)).collect()
    }

    /// The mean latency of each round, in ms.
    pub(super) fn means_ms(&self) -> Vec<Option<f64>> {
        let of_round = |sample: &Sample| {
            let n = sample.latency_ns.len();
            (n > 0).then(|| sample.latency_ns.iter().map(|ns| ms(*ns)).sum::<f64>() / n as f64)
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(of_round)).collect()
    }

    /// Whether commands of the second half of the rounds took much longer than those of the first.
    pub(super) fn falls_behind(&self) -> bool {
        let sum = |part: &[u64]| part.iter().map(|ns| ms(*ns)).sum::<f64>();
        let halves = self.good().map(|sample| sample.latency_ns.split_at(sample.latency_ns.len() / 2));
        let (early, late) = halves.fold((0.0, 0.0), |(early, late), (a, b)| (early + sum(a), late + sum(b)));
        late > FALLS_BEHIND * early
    }
}
