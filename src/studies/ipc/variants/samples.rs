//! Samples of a comparison so far. The unit is the round, not the message.

use super::batch_check::BatchVerdict;
use super::round::StrategySample;
use crate::bridge::{BridgeError, FaultKind};
use crate::clock::ms;
use crate::stats::{median, samples_needed};
use crate::studies::setup::AppliedSource;

/// Minimum ratio of latencies in the second half of a round to the first, if commands wait for earlier ones.
const FALLS_BEHIND: f64 = 1.5;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct VariantSamples {
    /// Whether batches are applied, if any are compared.
    pub(super) batches: Option<BatchVerdict>,
    /// How the application of the application's single command is observed, if that way is included.
    pub(super) seen: Option<AppliedSource>,
    /// Whether the bridge is embedded, so that any message may be sent.
    pub(super) is_embedded: bool,
    /// By way, in the order of the plan; empty before the first round.
    pub(super) ways: Vec<StrategySamples>,
}

/// Samples of one way so far.
#[derive(Debug, Default)]
pub(super) struct StrategySamples {
    /// By round; `None` for a failed round.
    pub(super) rounds: Vec<Option<StrategySample>>,
    /// The first fault.
    pub(super) fault: Option<RoundFault>,
    /// Start of the first round, in nanoseconds of the run's clock.
    pub(super) began_ns: Option<u64>,
    /// Total length of its rounds, in nanoseconds.
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

impl StrategySamples {
    /// The rounds that did not fail.
    pub(super) fn good(&self) -> impl Iterator<Item = &StrategySample> {
        self.rounds.iter().flatten()
    }

    /// Number of failed rounds.
    pub(super) fn failed(&self) -> usize {
        self.rounds.len() - self.good().count()
    }

    /// Median latency of each round with enough samples, in ms.
    pub(super) fn medians_ms(&self) -> Vec<Option<f64>> {
        let of_round = |sample: &StrategySample| {
            let is_enough = sample.latency_ns.len() >= samples_needed(0.5);
            median(&sample.latency_ns).filter(|_| is_enough).map(ms)
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(of_round)).collect()
    }

    /// Mean latency of each round, in ms.
    pub(super) fn means_ms(&self) -> Vec<Option<f64>> {
        let of_round = |sample: &StrategySample| {
            let n = sample.latency_ns.len();
            (n > 0).then(|| sample.latency_ns.iter().map(|ns| ms(*ns)).sum::<f64>() / n as f64)
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(of_round)).collect()
    }

    /// Whether latencies in the second half of the rounds were much longer than in the first.
    pub(super) fn falls_behind(&self) -> bool {
        let sum = |part: &[u64]| part.iter().map(|ns| ms(*ns)).sum::<f64>();
        let halves = self.good().map(|sample| sample.latency_ns.split_at(sample.latency_ns.len() / 2));
        let (early, late) = halves.fold((0.0, 0.0), |(early, late), (a, b)| (early + sum(a), late + sum(b)));
        late > FALLS_BEHIND * early
    }
}
