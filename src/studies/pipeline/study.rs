//! The study.

use serde_json::Value;

use super::super::setup::BridgeSession;
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::super::{WRONG_DIALECT, bridge_advice};
use super::cases::{cases, histograms};
use super::findings::{findings, left_out};
use super::measurement::Measurement;
use super::models::Models;
use super::samples::PipelineSamples;
use crate::bridge::FaultKind;
use crate::failure::Failure;
use crate::measure::RoundTrips;
use crate::plan::{PipelinePlan, oversubscribed};
use crate::plural::counted;
use crate::record::{Case, Run, Topology};

/// Whole turns with one or two sets of settings.
pub(crate) struct PipelineStudy {
    /// The plan.
    pub(crate) plan: PipelinePlan,
    /// The models.
    pub(crate) models: Models,
    /// The CPUs.
    pub(crate) topology: Topology,
}

impl PipelineStudy {
    fn subject(&self, connection: &BridgeSession) -> Value {
        let mut subject = connection.subject(&self.plan.bridge_connection);
        if let (Some(subject), Value::Object(model)) = (subject.as_object_mut(), self.models.subject(&self.plan)) {
            subject.extend(model);
        }
        subject
    }

    /// Warnings known before measuring.
    fn early_warnings(&self, connection: &BridgeSession) -> Vec<String> {
        let bridge_connection = &self.plan.bridge_connection;
        let threads = self.plan.arms.iter().map(|(_, arm)| arm.n_threads.max(arm.n_threads_batch));
        let mut warnings = bridge_connection.warnings.clone();
        warnings.extend(bridge_connection.blink_warning());
        warnings.extend(self.models.warnings(&self.plan));
        warnings.extend(connection.greeting_warning(bridge_connection));
        warnings.extend(oversubscribed(threads.max().unwrap_or(1), &self.topology));
        warnings
    }

    fn announcement(&self, is_simulated: bool) -> String {
        let sides: Vec<String> =
            self.plan.arms.iter().map(|(side, arm)| format!("{} {}", side.word(), arm.name)).collect();
        format!(
            "{} ({}) against {} ({} dialect{})",
            counted(self.plan.turns, "turn"),
            sides.join(", "),
            self.plan.bridge_connection.target,
            self.plan.bridge_connection.dialect.name,
            if is_simulated { ", SIMULATED: see the report" } else { "" }
        )
    }

    /// Restores the avatar, whatever ended the run.
    fn put_back(&self, connection: &mut BridgeSession, data: &mut PipelineSamples) {
        let faults = connection.restore(&self.plan.bridge_connection);
        if !faults.is_empty() {
            data.warnings.push(format!("the avatar could not be restored: {}", faults.join("; ")));
        }
        let foreign = connection.foreign_warning(&self.plan.bridge_connection);
        data.is_foreign = foreign.is_some();
        data.warnings.extend(foreign);
    }
}

impl Study for PipelineStudy {
    type Data = PipelineSamples;
    type Target = BridgeSession;

    fn manifest(&self, connection: &BridgeSession) -> Result<RunManifest, Failure> {
        Ok(RunManifest {
            command: "pipeline",
            plan: planned(&self.plan)?,
            subject: self.subject(connection),
            simulated: self.models.simulated(&self.plan).into_iter().chain(connection.simulated()).collect(),
            warnings: self.early_warnings(connection),
        })
    }

    fn measured_processes(&self, connection: &BridgeSession) -> Vec<u32> {
        connection.processes()
    }

    fn run(
        &self,
        connection: &mut BridgeSession,
        data: &mut PipelineSamples,
        context: &mut RunContext<'_, PipelineSamples>,
    ) -> Result<StopReason, Failure> {
        let is_simulated = !(self.models.simulated(&self.plan).is_empty() && connection.simulated().is_empty());
        context.observer.note(&self.announcement(is_simulated));
        let measured = Measurement::new(&self.plan, &self.models).run(connection, data, context);
        self.put_back(connection, data);
        match measured {
            Err(failure) if data.is_foreign && !failure.is_interruption() => Err(failure.hint(WRONG_DIALECT)),
            Err(failure) => Err(failure),
            Ok(()) if left_out(&self.plan, data).is_empty() => Ok(StopReason::Planned),
            Ok(()) => Ok(StopReason::Budget),
        }
    }

    fn cases(&self, data: &PipelineSamples, end: Option<StopReason>) -> Vec<Case> {
        cases(&self.plan, self.models.cards(), data, end)
    }

    fn findings(&self, data: &PipelineSamples, _: &Run, end: StopReason) -> Vec<String> {
        findings(&self.plan, data, end)
    }

    fn histograms(&self, data: &PipelineSamples) -> Vec<CaseHistogram> {
        histograms(data)
    }

    fn warnings(&self, data: &PipelineSamples) -> Vec<String> {
        data.warnings.clone()
    }

    fn advice(&self, data: &PipelineSamples, _: &Run) -> String {
        let turns = data.turns.all().filter_map(|turn| turn.reaction.as_ref().err()).map(|fault| fault.kind);
        let trips = data.cells.values().flatten().filter_map(|sample| sample.trips.as_ref());
        let faults: Vec<FaultKind> = turns.chain(trips.filter_map(RoundTrips::fault_kind)).collect();
        bridge_advice(&faults, data.is_foreign).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::contention::ContentionCell;
    use super::super::models::ModelSource;
    use super::super::planted::{STAGES_US, failed_cell_sample, failed_turn, plan, samples_of, turn};
    use super::*;
    use crate::bridge::BridgeError;
    use crate::measure::Turn;
    use crate::plan::PipelineSide;
    use crate::record::sample::run;
    use crate::studies::observer::Unobserved;

    fn study() -> PipelineStudy {
        let plan = plan("--turns 2 --after none");
        let source = ModelSource { model: None, config: None };
        let models = Models::ready(&plan, source, &Unobserved, &false.into()).unwrap();
        PipelineStudy { plan, models, topology: crate::host::topology() }
    }

    fn with_turns(turns: Vec<Turn>) -> PipelineSamples {
        let mut data = PipelineSamples::default();
        *data.turns.of_mut(PipelineSide::Before) = samples_of(turns);
        data
    }

    #[test]
    fn hint_follows_the_fault_kind_in_turns_and_contention() {
        let (study, run) = (study(), run());
        let late = with_turns(vec![turn(0, &STAGES_US), failed_turn(1)]);
        assert!(study.advice(&late, &run).contains("--timeout"), "{}", study.advice(&late, &run));
        let surplus = Turn { reaction: Err(BridgeError::Surplus { count: 1 }.into()), ..turn(1, &STAGES_US) };
        let surplus = with_turns(vec![turn(0, &STAGES_US), surplus]);
        assert!(study.advice(&surplus, &run).contains("workly-perf tap"), "{}", study.advice(&surplus, &run));
        let mut contended = with_turns(vec![turn(0, &STAGES_US)]);
        let cell = ContentionCell { render: false, model: false, bridge: true };
        contended.cells.insert(cell, vec![failed_cell_sample(10.0)]);
        assert!(study.advice(&contended, &run).contains("raise --timeout"), "{}", study.advice(&contended, &run));
        contended.is_foreign = true;
        assert_eq!(study.advice(&contended, &run), WRONG_DIALECT);
    }

    #[test]
    fn announcement_names_sides_bridge_and_simulation() {
        let says = study().announcement(true);
        assert!(says.starts_with("2 turns (before app) against embedded:"), "{says}");
        assert!(says.ends_with(" (stock dialect, SIMULATED: see the report)"), "{says}");
    }
}
