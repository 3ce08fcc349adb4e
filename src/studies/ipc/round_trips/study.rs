//! Measures the cases in random order.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::super::study::{CaseHistogram, RunContext, StopReason};
use super::super::bridge_study::{BridgeData, BridgeMeasurement};
use super::super::ipc_context::IpcContext;
use super::cases::{cases, faults, histograms, measured_case, paused_warning};
use super::findings::headline;
use crate::bridge::{Ack, BridgeError, FaultKind};
use crate::failure::Failure;
use crate::measure::{CaseEnd, MessageCounts, RoundTrips, measure_case};
use crate::plan::{IpcCase, IpcPlan, RoundTripsPlan};
use crate::record::Case;
use crate::report;

/// Everything measured so far, in the order of the run.
#[derive(Debug, Default)]
pub(crate) struct RoundTripSamples {
    pub(super) measured: Vec<LoopSamples>,
    /// Cases that were not started, by index in the plan, and why.
    pub(super) blocked: Vec<(usize, ConnectionFault)>,
}

/// Result of one case.
#[derive(Debug)]
pub(super) struct LoopSamples {
    /// Index in the plan.
    pub(super) place: usize,
    /// Position in the run.
    pub(super) position: usize,
    /// Start, in nanoseconds of the run's clock.
    pub(super) began_ns: u64,
    pub(super) trips: RoundTrips,
    /// Its consequence for later cases.
    pub(super) obstacle: Option<ConnectionFault>,
}

/// Why later cases cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionFault {
    /// A signal.
    Interrupted,
    /// The bridge no longer replies.
    Gone { cause: String, kind: FaultKind },
    /// The socket thread replies, but the main thread does not.
    Paused,
}

impl RoundTripSamples {
    /// The obstacle to measuring the next case, if any.
    fn obstacle(&self) -> Option<&ConnectionFault> {
        self.measured.iter().rev().find_map(|measured| measured.obstacle.as_ref())
    }
}

impl ConnectionFault {
    /// Whether it prevents measuring `case`.
    fn blocks(&self, case: &IpcCase) -> bool {
        *self != Self::Paused || case.ack == Ack::Applied
    }

    /// Consequences of a case's end for later cases.
    fn after(case: &IpcCase, trips: &RoundTrips, bridge: &mut IpcContext<'_>) -> Option<Self> {
        match &trips.end {
            CaseEnd::Complete => None,
            CaseEnd::Interrupted => Some(Self::Interrupted),
            CaseEnd::Broken(error) => {
                if !bridge.is_alive() {
                    return Some(Self::Gone { cause: trips.cause(error), kind: error.kind() });
                }
                // Only a reply of the socket thread shows that just the main thread is silent.
                let has_both = bridge.plan.bridge.dialect.probe(Ack::Received).is_some();
                let is_silent = matches!(error, BridgeError::NoReply { .. }) && has_both;
                (case.ack == Ack::Applied && is_silent).then_some(Self::Paused)
            }
        }
    }
}

impl BridgeMeasurement for RoundTripsPlan {
    type Samples = RoundTripSamples;

    /// Measures all cases in random order, so that drift does not look like a difference between them.
    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<RoundTripSamples>,
        context: &mut RunContext<'_, BridgeData<RoundTripSamples>>,
    ) -> Result<StopReason, Failure> {
        let mut order: Vec<usize> = (0..self.cases.len()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(bridge.plan.seed));
        let mut end = StopReason::Planned;
        for (position, place) in order.into_iter().enumerate() {
            let case = &self.cases[place];
            let stopped = bridge.is_stopped().then_some(&ConnectionFault::Interrupted);
            let obstacle = stopped.or(data.samples.obstacle()).filter(|obstacle| obstacle.blocks(case)).cloned();
            if let Some(obstacle) = obstacle {
                if obstacle == ConnectionFault::Interrupted {
                    end = StopReason::Interrupted;
                }
                data.samples.blocked.push((place, obstacle));
                context.checkpoint(data)?;
                continue;
            }
            let measured = self.one(bridge, place, position);
            if measured.obstacle == Some(ConnectionFault::Interrupted) {
                end = StopReason::Interrupted;
            }
            data.samples.measured.push(measured);
            context.complete_case(data, &case.path)?;
        }
        Ok(end)
    }

    fn cases(&self, plan: &IpcPlan, samples: &RoundTripSamples, end: Option<StopReason>) -> Vec<Case> {
        cases(plan, self, samples, end.is_some())
    }

    fn findings(&self, _: &IpcPlan, samples: &RoundTripSamples, cases: &[Case]) -> Vec<String> {
        headline(cases, &samples.with_plans(self))
    }

    fn faults(&self, plan: &IpcPlan, samples: &RoundTripSamples) -> Vec<FaultKind> {
        faults(plan, samples)
    }

    fn histograms(&self, plan: &IpcPlan, samples: &RoundTripSamples) -> Vec<CaseHistogram> {
        histograms(plan, self, samples)
    }

    fn warnings(&self, samples: &RoundTripSamples) -> Vec<String> {
        samples.measured.iter().filter_map(|measured| paused_warning(self, measured)).collect()
    }
}

impl RoundTripsPlan {
    fn one(&self, bridge: &mut IpcContext<'_>, place: usize, position: usize) -> LoopSamples {
        let case = &self.cases[place];
        let plan = bridge.plan;
        let label = format!("{}/{} {}", position + 1, self.cases.len(), case.path);
        let phase = bridge.observer.phase(&label, plan.messages as u64);
        let mut message = plan.bridge.message(case.ack, case.size_bytes);
        let seed = plan.seed.wrapping_add(place as u64 + 1);
        bridge.connection.is_clean = false;
        let began_ns = bridge.clock.now_ns();
        let (client, loop_context) = bridge.loop_context(phase.counter());
        let counts = MessageCounts { warm_up: plan.warm_up, messages: plan.messages };
        let trips = measure_case(client, &mut message, case.load, counts, seed, loop_context);
        bridge.connection.is_clean = matches!(trips.end, CaseEnd::Complete | CaseEnd::Interrupted);
        let obstacle = ConnectionFault::after(case, &trips, bridge);
        let measured = LoopSamples { place, position, began_ns, trips, obstacle };
        phase.finish(&format!("{label}: {}", report::case_line(&measured_case(plan, self, &measured))));
        measured
    }
}
