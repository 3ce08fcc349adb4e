//! The rounds: every way once per round, in random order.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::super::setup::seen;
use super::super::super::study::{CaseHistogram, RunContext, StopReason};
use super::super::bridge_study::{BridgeData, BridgeMeasurement};
use super::super::ipc_context::IpcContext;
use super::batch_check;
use super::cases::StrategyComparison;
use super::findings::sentences;
use super::messages;
use super::round::measure;
use super::samples::{RoundFault, StrategySamples, VariantSamples};
use crate::bridge::{BridgeError, FaultKind};
use crate::failure::Failure;
use crate::measure::{ApplicationSources, QUIET, quiet_after};
use crate::plan::{IpcPlan, SendStrategy, VariantsPlan};
use crate::plural::counted;
use crate::record::Case;

/// Number of failed rounds after which a way is not tried again.
const FAILURES: usize = 3;

/// Minimum time between checkpoints, in nanoseconds: the figures of all rounds are recomputed for each.
const CHECKPOINT_NS: u64 = 2_000_000_000;

impl BridgeMeasurement for VariantsPlan {
    type Samples = VariantSamples;

    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<VariantSamples>,
        context: &mut RunContext<'_, BridgeData<VariantSamples>>,
    ) -> Result<StopReason, Failure> {
        bridge.connection.is_clean = false;
        data.samples.is_embedded = bridge.connection.is_embedded();
        warm_up(bridge)?;
        if self.ways.iter().any(SendStrategy::is_batch) {
            data.samples.batches = Some(batch_check::check(bridge)?);
        }
        let mut watch = ApplicationSources::default();
        if self.ways.contains(&SendStrategy::AppReaction) {
            let (clock, stop) = (bridge.clock, bridge.stop);
            (watch, data.samples.seen) = seen(&bridge.plan.bridge, bridge.connection, bridge.plan.seed, (&clock, stop));
        }
        data.samples.ways = self.ways.iter().map(|_| StrategySamples::default()).collect();
        self.rounds(bridge, &watch, data, context)
    }

    fn cases(&self, plan: &IpcPlan, samples: &VariantSamples, end: Option<StopReason>) -> Vec<Case> {
        StrategyComparison { plan, study: self, samples }.cases(end)
    }

    fn findings(&self, plan: &IpcPlan, samples: &VariantSamples, cases: &[Case]) -> Vec<String> {
        sentences(&StrategyComparison { plan, study: self, samples }, cases)
    }

    fn faults(&self, plan: &IpcPlan, samples: &VariantSamples) -> Vec<FaultKind> {
        StrategyComparison { plan, study: self, samples }.faults()
    }

    fn histograms(&self, plan: &IpcPlan, samples: &VariantSamples) -> Vec<CaseHistogram> {
        StrategyComparison { plan, study: self, samples }.histograms()
    }

    fn warnings(&self, samples: &VariantSamples) -> Vec<String> {
        let not_applied = samples.batches.as_ref().filter(|verdict| verdict.applied != Some(true));
        let warning = not_applied.map(|verdict| {
            let what =
                if verdict.applied.is_none() { "may not be applied" } else { "are acknowledged but not applied" };
            format!("Batches {what}, so their commands have no latency and no rate.")
        });
        warning.into_iter().collect()
    }
}

/// As in the round-trip study before each case.
fn warm_up(bridge: &mut IpcContext<'_>) -> Result<(), BridgeError> {
    let Some(part) = messages::applied(bridge.plan) else { return Ok(()) };
    let mut message = messages::single(bridge.plan, &part, None);
    for _ in 0..bridge.plan.warm_up {
        bridge.connection.client.exchange(&mut message, bridge.stop)?;
    }
    // Surplus replies are a fault of every round as well, which reports them.
    bridge.connection.client.settle(QUIET).map(drop)
}

impl VariantsPlan {
    fn rounds(
        &self,
        bridge: &mut IpcContext<'_>,
        watch: &ApplicationSources,
        data: &mut BridgeData<VariantSamples>,
        context: &mut RunContext<'_, BridgeData<VariantSamples>>,
    ) -> Result<StopReason, Failure> {
        let mut order: Vec<usize> = (0..self.ways.len()).collect();
        let mut random = StdRng::seed_from_u64(bridge.plan.seed);
        let is_unapplied = data.samples.batches.as_ref().is_some_and(|verdict| verdict.applied != Some(true));
        let remark = if is_unapplied { ", batches not applied" } else { "" };
        let mut kept_ns = 0;
        for round in 0..self.rounds {
            let label = format!("round {}/{}", round + 1, self.rounds);
            let phase = bridge.observer.phase(&label, self.ways.len() as u64);
            order.shuffle(&mut random);
            for &place in &order {
                if bridge.is_stopped() {
                    return Ok(StopReason::Interrupted);
                }
                let samples = &mut data.samples.ways[place];
                if samples.failed() >= FAILURES {
                    samples.rounds.push(None);
                    continue;
                }
                let seed = bridge.plan.seed.wrapping_add(1 + u64::from(round));
                if self.one(bridge, watch, self.ways[place], seed, samples)? == StopReason::Interrupted {
                    return Ok(StopReason::Interrupted);
                }
                phase.counter().fetch_add(1, Ordering::Relaxed);
            }
            phase.finish(&format!("{label}: {}{remark}", counted(self.ways.len(), "way")));
            let now_ns = bridge.clock.now_ns();
            if now_ns - kept_ns >= CHECKPOINT_NS {
                context.checkpoint(data)?;
                kept_ns = now_ns;
            }
        }
        bridge.connection.is_clean = true;
        Ok(StopReason::Planned)
    }

    /// Runs one way once. A failure costs the round, not the run: the next one gets a fresh connection.
    fn one(
        &self,
        bridge: &mut IpcContext<'_>,
        watch: &ApplicationSources,
        way: SendStrategy,
        seed: u64,
        samples: &mut StrategySamples,
    ) -> Result<StopReason, Failure> {
        let began_ns = bridge.clock.now_ns();
        let sample = measure(bridge, (self, watch), way, seed, &AtomicU64::new(0)).and_then(|sample| {
            // Without ids, a surplus reply may have been matched with any message of the round.
            match bridge.connection.client.settle(quiet_after(&sample.latency_ns))? {
                0 => Ok(sample),
                count => Err(BridgeError::Surplus { count }),
            }
        });
        samples.began_ns.get_or_insert(began_ns);
        samples.took_ns += bridge.clock.now_ns() - began_ns;
        match sample {
            Ok(sample) => samples.rounds.push(Some(sample)),
            Err(BridgeError::Interrupted) => return Ok(StopReason::Interrupted),
            Err(error) => {
                samples.rounds.push(None);
                samples.fault.get_or_insert(RoundFault::of(&error));
                bridge.connection.client.reconnect(bridge.stop)?;
            }
        }
        Ok(StopReason::Planned)
    }
}
