//! A watch from the first sample to the finished record.
//!
//! The driver of the other studies does not fit: a watch writes its events at each save, which a full disk must not
//! lose, and a complete watch with a gap is neither a failure nor a verdict.

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::super::observer::Observer;
use super::super::recorder::Recorder;
use super::super::study::{RunManifest, StopReason, planned};
use super::devices::{WatchedGpu, WatchedGpus};
use super::display::WatchDisplay;
use super::error::WatchError;
use super::events::EventKind;
#[cfg(feature = "llama")]
use super::saturation::Saturation;
use super::session::{WatchObservations, WatchSession};
use super::snapshot::SnapshotSampler;
use super::snapshot_log::SnapshotLog;
use crate::advise::watch::GpuStateMachine;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::plan::WatchPlan;
use crate::record::{RunState, Simulation};
use crate::text::binary_bytes;

/// How a watch without errors ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchOutcome {
    /// As planned, or by the user.
    Complete,
    /// Likewise, but a GPU was unavailable for a while.
    Gaps,
    /// Interrupted by a signal.
    Interrupted,
}

/// Opens the GPUs and the sampler. A required GPU that is missing is an error.
pub(crate) fn open_sources(plan: &WatchPlan, requires_gpu: bool) -> Result<(WatchedGpus, SnapshotSampler), Failure> {
    let devices = WatchedGpus::open(plan)?;
    if let Some(reason) = devices.none_since.as_ref().filter(|_| requires_gpu) {
        return Err(WatchError::NoGpu { reason: reason.clone() }.into());
    }
    Ok((devices, SnapshotSampler::new(&plan.processes)?))
}

impl<'a> WatchSession<'a> {
    /// A watch before its first sample. The device to fill is determined now.
    pub(crate) fn new(plan: &'a WatchPlan, devices: WatchedGpus, sampler: SnapshotSampler) -> Result<Self, Failure> {
        #[cfg(feature = "llama")]
        let (devices, saturation) = {
            let mut devices = devices;
            let free = sampler.free_memory();
            let start = |saturate| Saturation::start(saturate, &plan.rules, plan.interval_s, &mut devices, free);
            let saturation = plan.saturate.as_ref().map(start).transpose()?;
            (devices, saturation)
        };
        #[cfg(not(feature = "llama"))]
        if plan.saturate.is_some() {
            return Err(WatchError::NoEngine.into());
        }
        Ok(Self {
            plan,
            clock: Clock::start(),
            devices,
            sampler,
            machine: GpuStateMachine::new(plan.rules.clone()),
            log: None,
            write_profile: None,
            #[cfg(feature = "llama")]
            saturation,
            seen: WatchObservations::default(),
        })
    }

    /// Watches until it is over; `open` opens the display once the record has been started. After an error, earlier
    /// observations are kept.
    pub(crate) fn watch<D: WatchDisplay>(
        mut self,
        out: Option<&Path>,
        observer: &Rc<dyn Observer>,
        stop: &AtomicBool,
        open: impl FnOnce() -> Result<D, Failure>,
    ) -> Result<(Recorder, WatchOutcome), Failure> {
        let manifest = self.manifest()?;
        let mut recorder = Recorder::start(out, manifest, Rc::clone(observer))?;
        for warning in &recorder.run.warnings {
            observer.warning(warning);
        }
        self.clock = Clock::start();
        let ended = open().and_then(|mut display| self.run(&mut display, &mut recorder, stop));
        self.conclude(recorder, ended)
    }

    fn manifest(&self) -> Result<RunManifest, Failure> {
        let missing = self.devices.none_since.iter();
        Ok(RunManifest {
            command: "watch",
            plan: planned(self.plan)?,
            subject: self.subject(),
            simulated: self.devices.gpus.iter().find(|gpu| gpu.is_stand_in()).map(simulation).into_iter().collect(),
            warnings: missing.map(|reason| format!("no GPU is available: {reason}")).collect(),
        })
    }

    fn subject(&self) -> Value {
        let gpu = |gpu: &WatchedGpu| json!({ "label": gpu.label, "name": gpu.name, "memory_bytes": gpu.memory_bytes });
        json!({ "gpus": self.devices.gpus.iter().map(gpu).collect::<Vec<_>>(), "state_of": self.label() })
    }

    /// Writes everything and returns how it ended.
    fn conclude(
        &mut self,
        mut recorder: Recorder,
        ended: Result<StopReason, Failure>,
    ) -> Result<(Recorder, WatchOutcome), Failure> {
        self.save(&mut recorder)?;
        recorder.run.findings = self.findings();
        if let Some(Err(error)) = self.log.as_mut().map(SnapshotLog::finish) {
            recorder.lacks(error);
        }
        let end = ended.map_err(|failure| recorder.fail(failure.during_a_run()))?;
        let has_gaps = self.seen.events.iter().any(|event| event.kind == EventKind::Lost);
        let is_bounded = self.plan.duration_s.is_some() || self.plan.saturate.is_some();
        let outcome = match end {
            StopReason::Interrupted if is_bounded => WatchOutcome::Interrupted,
            _ if has_gaps => WatchOutcome::Gaps,
            _ => WatchOutcome::Complete,
        };
        (recorder.run.state, recorder.run.reason) = match outcome {
            WatchOutcome::Interrupted => (RunState::Interrupted, Some(super::super::ended_by())),
            WatchOutcome::Complete | WatchOutcome::Gaps => (RunState::Complete, None),
        };
        recorder.finish()?;
        Ok((recorder, outcome))
    }
}

fn simulation(gpu: &WatchedGpu) -> Simulation {
    let parameters = format!("{} of the machine's memory", binary_bytes(gpu.memory_bytes));
    Simulation { what: "card".into(), parameters }
}
