//! The search: from an idle bridge up a ramp, through bisection, to a confirmed rate.

use super::super::super::study::{RunContext, StopReason};
use super::super::bridge_study::{BridgeData, BridgeMeasurement};
use super::super::ipc_context::IpcContext;
use super::cases::cases;
use super::findings::{finding, outcome};
use crate::bridge::{Ack, BridgeError, FaultKind, Message};
use crate::clock::nanos;
use crate::failure::Failure;
use crate::host;
use crate::measure::{
    CaseEnd, Load, MessageCounts, RateSearch, RateStep, RateVerdict, RoundTrips, SearchPhase, case_state, due_count,
    judge, measure_case, measure_step, step_metrics,
};
use crate::plan::{IpcPlan, MaxRatePlan};
use crate::record::{Case, CaseState, Fact, Metric};
use crate::stats::median;

/// Minimum exchanges to measure the round trip of an idle bridge.
const AT_REST: usize = 20;

/// Factor by which confirming steps are longer.
const CONFIRMING: u32 = 2;

/// The search for one kind of reply.
#[derive(Debug)]
pub(crate) struct SearchSamples {
    pub(super) ack: Ack,
    /// Message size in bytes.
    pub(super) size_bytes: usize,
    /// The idle bridge, before the first step.
    pub(super) at_rest: RoundTrips,
    pub(super) search: RateSearch,
    pub(super) steps: Vec<StepSamples>,
    /// How it ended; `None` while it runs.
    pub(super) end: Option<SearchEnd>,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SearchEnd {
    /// There was no further step.
    Complete,
    /// Interrupted by a signal.
    Interrupted,
    /// The bridge failed, so further steps were pointless.
    Broken { reason: String, kind: FaultKind },
}

/// One step. Only counts are kept: there may be up to 200,000 messages per second.
#[derive(Debug)]
pub(super) struct StepSamples {
    pub(super) phase: SearchPhase,
    pub(super) rate_per_s: f64,
    pub(super) length_ns: u64,
    /// Usual reply time of the idle bridge: twice the median, in nanoseconds.
    pub(super) grace_ns: u64,
    /// Messages that were due.
    pub(super) due: usize,
    pub(super) sent: usize,
    pub(super) answered: usize,
    pub(super) lost: u64,
    pub(super) garbled: u64,
    pub(super) surplus: u64,
    pub(super) is_given_up: bool,
    pub(super) blocked_ns: u64,
    pub(super) receiver_idle_ns: u64,
    /// CPU time of this process.
    pub(super) cpu_ns: Option<u64>,
    pub(super) end: CaseEnd,
    pub(super) figures: Vec<Metric>,
    pub(super) verdict: RateVerdict,
}

impl BridgeMeasurement for MaxRatePlan {
    type Samples = Vec<SearchSamples>;

    /// Searches for both kinds of reply.
    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<Vec<SearchSamples>>,
        context: &mut RunContext<'_, BridgeData<Vec<SearchSamples>>>,
    ) -> Result<StopReason, Failure> {
        for ack in bridge.plan.bridge.dialect.acks() {
            if bridge.is_stopped() {
                return Ok(StopReason::Interrupted);
            }
            let mut message = bridge.plan.bridge.message(ack, self.size_bytes);
            let started = self.at_rest(bridge, ack, &mut message);
            let grace_ns = started.grace_ns(bridge.plan.bridge.dialect.ids);
            data.samples.push(started);
            context.checkpoint(data)?;
            let Some(grace_ns) = grace_ns else { continue };
            while let Some(searched) = data.samples.last_mut().filter(|searched| searched.end.is_none()) {
                let Some(next) = searched.search.next() else {
                    searched.end = Some(SearchEnd::Complete);
                    break;
                };
                if bridge.is_stopped() {
                    searched.end = Some(SearchEnd::Interrupted);
                    break;
                }
                let step = self.step(bridge, ack, &mut message, next, grace_ns, searched.steps.len() + 1);
                searched.take(step, bridge.plan.bridge.dialect.ids);
                context.checkpoint(data)?;
            }
            if data.samples.last().is_some_and(|searched| searched.end == Some(SearchEnd::Interrupted)) {
                return Ok(StopReason::Interrupted);
            }
        }
        let is_interrupted = data.samples.iter().any(|searched| matches!(searched.at_rest.end, CaseEnd::Interrupted));
        Ok(if is_interrupted { StopReason::Interrupted } else { StopReason::Planned })
    }

    fn cases(&self, plan: &IpcPlan, samples: &Vec<SearchSamples>, end: Option<StopReason>) -> Vec<Case> {
        samples.iter().flat_map(|searched| cases(searched, plan.bridge.dialect.ids, end.is_some())).collect()
    }

    fn findings(&self, _: &IpcPlan, samples: &Vec<SearchSamples>, _: &[Case]) -> Vec<String> {
        samples.iter().filter_map(|searched| finding(self, searched)).collect()
    }

    fn faults(&self, plan: &IpcPlan, samples: &Vec<SearchSamples>) -> Vec<FaultKind> {
        samples.iter().flat_map(|searched| searched.faults(plan.bridge.dialect.ids)).collect()
    }
}

impl MaxRatePlan {
    /// A search, starting with the idle bridge.
    fn at_rest(&self, bridge: &mut IpcContext<'_>, ack: Ack, message: &mut Message) -> SearchSamples {
        let exchanges = bridge.plan.warm_up.max(AT_REST);
        let phase = bridge.observer.phase(&format!("{ack}/at-rest"), exchanges as u64);
        bridge.connection.is_clean = false;
        let (client, loop_context) = bridge.loop_context(phase.counter());
        let at_rest = measure_case(client, message, Load::Closed, MessageCounts::measured(exchanges), 0, loop_context);
        bridge.connection.is_clean = matches!(at_rest.end, CaseEnd::Complete | CaseEnd::Interrupted);
        let search = RateSearch::new(self.start_per_s, self.ceiling_per_s);
        SearchSamples { ack, size_bytes: message.size_bytes(), at_rest, search, steps: Vec::new(), end: None }
    }

    /// One step of the search; `None` if a signal interrupted it.
    fn step(
        &self,
        bridge: &mut IpcContext<'_>,
        ack: Ack,
        message: &mut Message,
        (phase, rate_per_s): (SearchPhase, f64),
        grace_ns: u64,
        number: usize,
    ) -> Option<StepSamples> {
        let stretch = if phase == SearchPhase::Confirm { CONFIRMING } else { 1 };
        let length = stretch * self.length(rate_per_s);
        let path = path(ack, number, phase, rate_per_s);
        let display = bridge.observer.phase(&path, due_count(rate_per_s, length) as u64);
        let seed = bridge.plan.seed.wrapping_add(number as u64);
        bridge.connection.is_clean = false;
        let cpu_ns = host::cpu_time_ns();
        let (client, loop_context) = bridge.loop_context(display.counter());
        let step = measure_step(client, message, rate_per_s, length, seed, loop_context);
        let cpu_ns = cpu_time_since(&cpu_ns);
        bridge.connection.is_clean = !matches!(step.end, CaseEnd::Broken(_));
        if matches!(step.end, CaseEnd::Interrupted) {
            return None;
        }
        let verdict = judge(&step, grace_ns, self.p99_budget.map(nanos));
        display.finish(&format!("{path}: {}", outcome(&verdict)));
        Some(StepSamples::of(step, phase, grace_ns, cpu_ns, verdict))
    }
}

/// Path of a step's case.
pub(super) fn path(ack: Ack, number: usize, phase: SearchPhase, rate_per_s: f64) -> String {
    format!("{ack}/{number:02}-{}/{rate_per_s:.0}", phase.name())
}

fn cpu_time_since(before: &Fact<u64>) -> Option<u64> {
    match (before, host::cpu_time_ns()) {
        (Fact::Value(before), Fact::Value(after)) => Some(after.saturating_sub(*before)),
        _ => None,
    }
}

impl StepSamples {
    fn of(step: RateStep, phase: SearchPhase, grace_ns: u64, cpu_ns: Option<u64>, verdict: RateVerdict) -> Self {
        Self {
            phase,
            rate_per_s: step.rate_per_s,
            length_ns: step.length_ns,
            grace_ns,
            due: step.due_ns.len(),
            sent: step.sent_ns.len(),
            answered: step.answered,
            lost: step.lost(),
            garbled: step.garbled,
            surplus: step.surplus,
            is_given_up: step.given_up,
            blocked_ns: step.blocked_ns,
            receiver_idle_ns: step.receiver_idle_ns,
            cpu_ns,
            figures: step_metrics(&step, &verdict),
            end: step.end,
            verdict,
        }
    }

    /// Why the search was incomplete. A rate that is not sustained is not a fault.
    fn fault(&self) -> Option<FaultKind> {
        match &self.end {
            _ if self.surplus > 0 => Some(FaultKind::Surplus),
            CaseEnd::Interrupted => Some(FaultKind::Interrupted),
            CaseEnd::Broken(error) => Some(error.kind()),
            CaseEnd::Complete if self.lost > 0 => Some(FaultKind::Late),
            CaseEnd::Complete => (self.garbled > 0).then_some(FaultKind::Other),
        }
    }

    /// Whether replies cannot be matched with messages: there were surplus replies without ids.
    pub(super) fn is_void(&self, ids: bool) -> bool {
        self.surplus > 0 && !ids
    }
}

impl SearchSamples {
    /// Usual reply time, twice the median; `None` if the idle bridge did not reply correctly.
    pub(super) fn grace_ns(&self, ids: bool) -> Option<u64> {
        let is_sound = case_state(&self.at_rest, ids).0 == CaseState::Ok;
        median(&self.at_rest.latency_ns).filter(|_| is_sound).map(|median_ns| 2 * median_ns)
    }

    /// Adds a step. If it only lost messages, it has failed and was cleaned up: the search continues below it.
    fn take(&mut self, step: Option<StepSamples>, ids: bool) {
        let Some(step) = step else {
            self.end = Some(SearchEnd::Interrupted);
            return;
        };
        self.search.record(step.verdict.held());
        self.end = match &step.end {
            CaseEnd::Complete if step.is_void(ids) => {
                Some(SearchEnd::of(&BridgeError::Surplus { count: step.surplus }))
            }
            CaseEnd::Complete => None,
            CaseEnd::Interrupted => Some(SearchEnd::Interrupted),
            CaseEnd::Broken(error) => Some(SearchEnd::of(error)),
        };
        self.steps.push(step);
    }

    /// Faults that kept its cases from ending as planned.
    fn faults(&self, ids: bool) -> Vec<FaultKind> {
        let at_rest = self.at_rest.fault_kind().filter(|_| self.grace_ns(ids).is_none());
        let end = match &self.end {
            Some(SearchEnd::Broken { kind, .. }) => Some(*kind),
            _ => None,
        };
        at_rest.into_iter().chain(self.steps.iter().filter_map(StepSamples::fault)).chain(end).collect()
    }
}

impl SearchEnd {
    fn of(error: &BridgeError) -> Self {
        Self::Broken { reason: error.to_string(), kind: error.kind() }
    }
}
