//! Measures lone round trips of both kinds of reply.

use super::super::super::study::{RunContext, StopReason};
use super::super::bridge_study::{BridgeData, BridgeMeasurement};
use super::super::ipc_context::IpcContext;
use super::cases::cases;
use super::findings::findings;
use crate::bridge::{Ack, FaultKind};
use crate::failure::Failure;
use crate::measure::{CaseEnd, Exchange, Load, MessageCounts, QUIET, measure_case, measure_exchanges};
use crate::plan::{BreakdownPlan, IpcPlan};
use crate::plural::counted;
use crate::record::Case;

/// Samples for one kind of reply.
#[derive(Debug)]
pub(crate) struct AckSamples {
    pub(super) ack: Ack,
    /// Message size in bytes.
    pub(super) size_bytes: usize,
    /// The valid round trips.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) end: CaseEnd,
    /// Surplus replies.
    pub(super) surplus: u64,
}

impl BridgeMeasurement for BreakdownPlan {
    type Samples = Vec<AckSamples>;

    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<Vec<AckSamples>>,
        context: &mut RunContext<'_, BridgeData<Vec<AckSamples>>>,
    ) -> Result<StopReason, Failure> {
        for ack in bridge.plan.bridge.dialect.acks() {
            if bridge.is_stopped() {
                return Ok(StopReason::Interrupted);
            }
            let samples = self.one(bridge, ack);
            let (is_broken, is_interrupted) =
                (matches!(samples.end, CaseEnd::Broken(_)), matches!(samples.end, CaseEnd::Interrupted));
            data.samples.push(samples);
            context.checkpoint(data)?;
            if is_interrupted {
                return Ok(StopReason::Interrupted);
            }
            if is_broken && !bridge.is_alive() {
                break;
            }
        }
        Ok(StopReason::Planned)
    }

    fn cases(&self, _: &IpcPlan, samples: &Vec<AckSamples>, _: Option<StopReason>) -> Vec<Case> {
        samples.iter().flat_map(cases).collect()
    }

    fn findings(&self, _: &IpcPlan, samples: &Vec<AckSamples>, _: &[Case]) -> Vec<String> {
        samples.iter().flat_map(findings).collect()
    }

    fn faults(&self, _: &IpcPlan, samples: &Vec<AckSamples>) -> Vec<FaultKind> {
        samples.iter().filter_map(AckSamples::fault).collect()
    }
}

impl BreakdownPlan {
    fn one(&self, bridge: &mut IpcContext<'_>, ack: Ack) -> AckSamples {
        let plan = bridge.plan;
        let label = format!("{ack}/breakdown");
        let phase = bridge.observer.phase(&label, plan.messages as u64);
        bridge.connection.is_clean = false;
        let make = || plan.bridge.message(ack, self.size_bytes);
        let (client, loop_context) = bridge.loop_context(phase.counter());
        let warming =
            measure_case(client, &mut make(), Load::Closed, MessageCounts::measured(plan.warm_up), 0, loop_context);
        let (mut exchanges, mut end) = match warming.end {
            CaseEnd::Complete => {
                measure_exchanges(client, &make, plan.messages, plan.seed.wrapping_add(ack as u64), loop_context)
            }
            end => (Vec::new(), end),
        };
        let mut surplus = warming.surplus;
        if matches!(end, CaseEnd::Complete) {
            match client.settle(QUIET) {
                Ok(count) => surplus += count,
                Err(error) => end = CaseEnd::Broken(error),
            }
        }
        surplus += client.take_surplus();
        if surplus > 0 && !plan.bridge.dialect.ids {
            // Any of them may have been matched with the wrong message.
            exchanges.clear();
        }
        bridge.connection.is_clean = matches!(end, CaseEnd::Complete);
        phase.finish(&format!("{label}: {}", counted(exchanges.len(), "round trip")));
        AckSamples { ack, size_bytes: make().size_bytes(), exchanges, end, surplus }
    }
}

impl AckSamples {
    /// Why it was incomplete.
    fn fault(&self) -> Option<FaultKind> {
        match &self.end {
            _ if self.surplus > 0 => Some(FaultKind::Surplus),
            CaseEnd::Complete => None,
            CaseEnd::Interrupted => Some(FaultKind::Interrupted),
            CaseEnd::Broken(error) => Some(error.kind()),
        }
    }
}
