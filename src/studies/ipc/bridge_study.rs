//! Shared parts of all bridge studies: the manifest, restoring the avatar, and unsolicited information from the bridge.

use super::super::bridge_advice::{WRONG_DIALECT, bridge_advice};
use super::super::setup::BridgeSession;
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::ipc_context::IpcContext;
use crate::bridge::FaultKind;
use crate::failure::Failure;
use crate::plan::IpcPlan;
use crate::record::{Case, Run};

/// How one study of a bridge measures and evaluates its samples. Implemented for its plan.
pub(crate) trait BridgeMeasurement {
    /// Everything measured so far.
    type Samples: Default;

    /// Warnings about the messages to send.
    fn cautions(&self) -> Vec<String> {
        Vec::new()
    }

    /// Measures. `data` grows; after an error, it has what was measured until then.
    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<Self::Samples>,
        context: &mut RunContext<'_, BridgeData<Self::Samples>>,
    ) -> Result<StopReason, Failure>;

    /// The cases so far, in reading order. `end` is `None` while it measures.
    fn cases(&self, plan: &IpcPlan, samples: &Self::Samples, end: Option<StopReason>) -> Vec<Case>;

    /// The findings. `cases` are those of the finished run.
    fn findings(&self, plan: &IpcPlan, samples: &Self::Samples, cases: &[Case]) -> Vec<String>;

    /// Faults of the bridge in cases that did not end as planned.
    fn faults(&self, plan: &IpcPlan, samples: &Self::Samples) -> Vec<FaultKind>;

    /// Samples of the cases, for those that have any.
    fn histograms(&self, _plan: &IpcPlan, _samples: &Self::Samples) -> Vec<CaseHistogram> {
        Vec::new()
    }

    /// Warnings found while measuring.
    fn warnings(&self, _samples: &Self::Samples) -> Vec<String> {
        Vec::new()
    }
}

/// The samples, and what the bridge reported by itself.
#[derive(Debug, Default)]
pub(crate) struct BridgeData<S> {
    /// The samples of the measurement.
    pub(super) samples: S,
    /// Frame rates reported by the bridge.
    reported_fps: Option<String>,
    /// Set if messages arrived that the dialect does not define.
    foreign: Option<String>,
    /// Commands that failed to restore the avatar.
    not_restored: Vec<String>,
}

/// One study of `ipc`.
pub(crate) struct BridgeStudy<'a, M> {
    /// The bridge, and settings shared by all studies.
    pub(crate) plan: &'a IpcPlan,
    /// The measurement.
    pub(crate) measurement: &'a M,
}

impl<M> BridgeStudy<'_, M> {
    fn introduction(&self, connection: &BridgeSession) -> String {
        let plan = self.plan;
        let simulated = if connection.simulated().is_empty() { "" } else { ", SIMULATED: not a real Unity" };
        let what = plan.study.announcement(plan);
        format!("{what} against {} ({} dialect{simulated})", plan.bridge.target, plan.bridge.dialect.name)
    }
}

impl<M: BridgeMeasurement> Study for BridgeStudy<'_, M> {
    type Data = BridgeData<M::Samples>;
    type Target = BridgeSession;

    fn manifest(&self, connection: &BridgeSession) -> Result<RunManifest, Failure> {
        let greeting = connection.greeting_warning(&self.plan.bridge);
        Ok(RunManifest {
            command: "ipc",
            plan: planned(self.plan)?,
            subject: connection.subject(&self.plan.bridge),
            simulated: connection.simulated(),
            warnings: self.plan.cautions().into_iter().chain(greeting).chain(self.measurement.cautions()).collect(),
        })
    }

    fn measured_processes(&self, connection: &BridgeSession) -> Vec<u32> {
        connection.processes()
    }

    fn run(
        &self,
        connection: &mut BridgeSession,
        data: &mut Self::Data,
        context: &mut RunContext<'_, Self::Data>,
    ) -> Result<StopReason, Failure> {
        context.observer.note(&self.introduction(connection));
        let (observer, stop, clock) = (context.observer, context.stop, context.clock);
        let mut bridge = IpcContext { plan: self.plan, connection, observer, stop, clock };
        let outcome = self.measurement.measure(&mut bridge, data, context);
        // Restores the avatar whatever the outcome. A later signal does not affect the measurements.
        data.not_restored = connection.restore(&self.plan.bridge);
        data.reported_fps = connection.reported_fps();
        data.foreign = connection.foreign_warning(&self.plan.bridge);
        outcome.map_err(|failure| if data.foreign.is_some() { failure.hint(WRONG_DIALECT) } else { failure })
    }

    fn cases(&self, data: &Self::Data, end: Option<StopReason>) -> Vec<Case> {
        self.measurement.cases(self.plan, &data.samples, end)
    }

    fn findings(&self, data: &Self::Data, run: &Run, _: StopReason) -> Vec<String> {
        let findings = self.measurement.findings(self.plan, &data.samples, &run.cases);
        findings.into_iter().chain(data.reported_fps.clone()).collect()
    }

    fn histograms(&self, data: &Self::Data) -> Vec<CaseHistogram> {
        self.measurement.histograms(self.plan, &data.samples)
    }

    fn warnings(&self, data: &Self::Data) -> Vec<String> {
        let mut warnings = self.measurement.warnings(&data.samples);
        warnings.extend(data.foreign.clone());
        if !data.not_restored.is_empty() {
            let faults = data.not_restored.join("; ");
            warnings.push(format!("the avatar could not be restored: {faults}"));
        }
        warnings
    }

    fn advice(&self, data: &Self::Data, _: &Run) -> String {
        bridge_advice(&self.measurement.faults(self.plan, &data.samples), data.foreign.is_some()).into()
    }
}

/// Plans for the tests of cases and findings.
#[cfg(test)]
pub(super) mod planted {
    use clap::Parser;

    use crate::cli::{Cli, Command};
    use crate::plan::{IpcPlan, IpcStudy};

    /// The plan of `ipc` with these arguments, for an embedded bridge unless they name another.
    pub(in super::super) fn plan(line: &str) -> IpcPlan {
        let bridge = if line.contains("--bridge") { "" } else { "--bridge embedded" };
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace()).chain(bridge.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        IpcPlan::resolve(&args, 42).unwrap()
    }

    /// The study of a plan, extracted with `which`.
    pub(in super::super) fn study<S: Clone>(plan: &IpcPlan, which: impl Fn(&IpcStudy) -> Option<&S>) -> S {
        which(&plan.study).expect("another study").clone()
    }
}
