//! The watch itself: sample, decide, show, wait, repeat.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::recorder::Recorder;
use super::super::study::StopReason;
use super::devices::WatchedGpus;
use super::display::{WatchDisplay, WatchStatus};
use super::events::{self, EventKind, WatchEvent};
use super::findings::gpu_findings;
use super::samples::WatchSamples;
#[cfg(feature = "llama")]
use super::saturation::Saturation;
use super::snapshot::{Snapshot, SnapshotSampler};
use super::snapshot_log::SnapshotLog;
use crate::advise::watch::{GpuLoad, GpuState, GpuStateMachine};
use crate::clock::{Clock, nanos};
use crate::failure::Failure;
use crate::plan::WatchPlan;

/// Seconds between saves of the record; events are saved at once.
const SAVE_EVERY_S: f64 = 30.0;

/// Applies a profile; `None` if it is in effect already.
pub(crate) type ProfileWriter = Box<dyn Fn(&str) -> Option<(EventKind, String)>>;

/// A watch in progress.
pub(crate) struct WatchSession<'a> {
    pub(super) plan: &'a WatchPlan,
    pub(super) clock: Clock,
    pub(super) devices: WatchedGpus,
    pub(super) sampler: SnapshotSampler,
    pub(super) machine: GpuStateMachine,
    /// Every sample as CSV, if requested.
    pub(crate) log: Option<SnapshotLog>,
    /// What to do with the profile of a new state.
    pub(crate) write_profile: Option<ProfileWriter>,
    #[cfg(feature = "llama")]
    pub(super) saturation: Option<Saturation>,
    pub(super) seen: WatchObservations,
}

/// Observations so far.
#[derive(Debug, Default)]
pub(super) struct WatchObservations {
    pub(super) samples: WatchSamples,
    pub(super) events: Vec<WatchEvent>,
    lost: Vec<String>,
    processes: Vec<(u32, String)>,
    load: Option<GpuLoad>,
    waiting: Option<(GpuState, f64)>,
    saved_s: f64,
}

impl WatchSession<'_> {
    /// Watches until the plan is fulfilled or a stop is requested, and saves the record regularly.
    pub(super) fn run(
        &mut self,
        display: &mut dyn WatchDisplay,
        recorder: &mut Recorder,
        stop: &AtomicBool,
    ) -> Result<StopReason, Failure> {
        let interval_ns = nanos(Duration::from_secs_f64(self.plan.interval_s));
        let mut due_ns = 0;
        loop {
            let snapshot = self.sampler.sample(&self.devices, &self.clock, self.held_bytes());
            let before = self.seen.events.len();
            self.evaluate(&snapshot, stop)?;
            self.keep(&snapshot, before, recorder)?;
            let is_read = display.show(&self.status(&snapshot), &self.seen.events[before..])?;
            if !is_read {
                return Ok(display.unread(stop).into_end().unwrap_or(StopReason::Planned));
            }
            if self.is_over(&snapshot) {
                return Ok(StopReason::Planned);
            }
            // A sample that took too long does not make the following ones hurry.
            due_ns = (due_ns + interval_ns).max(self.clock.now_ns().saturating_sub(interval_ns));
            if let Some(end) = display.wait(&self.clock, due_ns, &self.status(&snapshot), stop)?.into_end() {
                return Ok(end);
            }
        }
    }

    /// Evaluates a sample.
    fn evaluate(&mut self, snapshot: &Snapshot, stop: &AtomicBool) -> Result<(), Failure> {
        self.note_gpus(snapshot);
        self.note_processes(snapshot);
        let chosen = self.devices.chosen.and_then(|place| snapshot.gpus.get(place));
        // Without memory use there is no state: utilisation alone decides nothing.
        let load = chosen.and_then(|gpu| gpu.reading.value()).and_then(|reading| {
            Some(GpuLoad {
                full_percent: *reading.vram_percent().value()?,
                use_percent: reading.use_percent.value().map(|percent| f64::from(*percent)),
            })
        });
        self.seen.load = load;
        if let Some(gpu) = chosen {
            let taken = self.machine.step(snapshot.at_s, load);
            self.seen.waiting =
                taken.waiting.or_else(|| self.seen.waiting.filter(|_| taken.change.is_none() && load.is_some()));
            let rules = self.machine.rules();
            if let (Some(change), Some(load)) = (taken.alarm, load) {
                self.seen.events.push(WatchEvent::alarm(snapshot, &gpu.label, change, load.full_percent, rules));
            }
            if let Some(change) = &taken.change {
                self.seen.events.push(WatchEvent::state(snapshot, &gpu.label, change, rules));
                let written = self.write_profile.as_ref().and_then(|write| write(rules.profile(change.to)));
                self.seen.events.extend(written.map(|(kind, words)| WatchEvent::at(snapshot, kind, &gpu.label, words)));
            }
        }
        let state = self.machine.state().map(|(state, _)| state);
        self.seen.samples.add(snapshot, self.devices.chosen, state);
        self.saturate(snapshot, state, stop)
    }

    #[cfg(feature = "llama")]
    fn saturate(&mut self, snapshot: &Snapshot, state: Option<GpuState>, stop: &AtomicBool) -> Result<(), Failure> {
        if let (Some(saturation), Some(place)) = (&mut self.saturation, self.devices.chosen) {
            self.seen.events.extend(saturation.go_on(snapshot, place, state, stop)?);
        }
        Ok(())
    }

    #[cfg(not(feature = "llama"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, clippy::needless_pass_by_ref_mut)]
    fn saturate(&mut self, _: &Snapshot, _: Option<GpuState>, _: &AtomicBool) -> Result<(), Failure> {
        Ok(())
    }

    #[cfg(feature = "llama")]
    fn held_bytes(&self) -> u64 {
        self.saturation.as_ref().map_or(0, Saturation::bytes)
    }

    #[cfg(not(feature = "llama"))]
    #[allow(clippy::unused_self)]
    fn held_bytes(&self) -> u64 {
        0
    }

    /// GPUs that disappeared, and those that came back.
    fn note_gpus(&mut self, snapshot: &Snapshot) {
        for gpu in &snapshot.gpus {
            let was_lost = self.seen.lost.contains(&gpu.label);
            if gpu.lost && !was_lost {
                let why = gpu.reading.missing().unwrap_or_default();
                let why = why.strip_prefix("failed: ").unwrap_or(&why);
                self.seen.events.push(WatchEvent::at(snapshot, EventKind::Lost, &gpu.label, format!("is gone: {why}")));
                self.seen.lost.push(gpu.label.clone());
            }
            if was_lost && gpu.reading.value().is_some() {
                self.seen.events.push(WatchEvent::at(snapshot, EventKind::Back, &gpu.label, "is back".into()));
                self.seen.lost.retain(|label| *label != gpu.label);
            }
        }
    }

    /// Processes that ended, and those that started after the first sample.
    fn note_processes(&mut self, snapshot: &Snapshot) {
        let here: Vec<(u32, String)> = snapshot
            .processes
            .iter()
            .map(|process| {
                (
                    process.usage.process.pid,
                    format!("{} ({})", process.usage.process.name, process.usage.process.kind.word()),
                )
            })
            .collect();
        let event = |kind, (pid, name): &(u32, String), what: &str| {
            WatchEvent::at(snapshot, kind, &format!("pid {pid}"), format!("{name} {what}"))
        };
        let known = &self.seen.processes;
        let ended = known
            .iter()
            .filter(|process| !here.contains(process))
            .map(|process| event(EventKind::Ended, process, "has ended"));
        let started = here
            .iter()
            .filter(|process| !known.contains(process))
            .map(|process| event(EventKind::Started, process, "is running"));
        let events: Vec<WatchEvent> = ended.chain(started).collect();
        self.seen.events.extend(events);
        self.seen.processes = here;
    }

    /// Writes the log, and the record after an event or if enough time has passed.
    fn keep(&mut self, snapshot: &Snapshot, events_before: usize, recorder: &mut Recorder) -> Result<(), Failure> {
        let label = self.label();
        if let Some(log) = &mut self.log {
            log.add(snapshot, label.as_deref(), self.machine.state().map(|(state, _)| state))?;
        }
        if self.seen.events.len() > events_before || snapshot.at_s - self.seen.saved_s >= SAVE_EVERY_S {
            self.seen.saved_s = snapshot.at_s;
            self.save(recorder)?;
        }
        Ok(())
    }

    /// Writes the current state of the record.
    pub(super) fn save(&self, recorder: &mut Recorder) -> Result<(), Failure> {
        recorder.run.cases = self.seen.samples.cases(self.label().as_deref(), &self.seen.events);
        recorder.save()?;
        recorder.events(&events::csv(&self.seen.events));
        Ok(())
    }

    /// Label of the selected GPU.
    pub(super) fn label(&self) -> Option<String> {
        self.devices.chosen.and_then(|place| self.devices.gpus.get(place)).map(|gpu| gpu.label.clone())
    }

    /// Whether the requested time is over.
    fn is_over(&self, snapshot: &Snapshot) -> bool {
        #[cfg(feature = "llama")]
        if let Some(saturation) = &self.saturation {
            return saturation.is_done();
        }
        self.plan.duration_s.is_some_and(|duration_s| snapshot.at_s >= duration_s)
    }

    #[cfg(feature = "llama")]
    fn holding(&self) -> Option<String> {
        self.saturation.as_ref().and_then(Saturation::in_words)
    }

    #[cfg(not(feature = "llama"))]
    #[allow(clippy::unused_self)]
    fn holding(&self) -> Option<String> {
        None
    }

    fn status<'s>(&'s self, snapshot: &'s Snapshot) -> WatchStatus<'s> {
        let rules = self.machine.rules();
        let state = self.machine.state();
        WatchStatus {
            snapshot,
            chosen: self.devices.chosen,
            load: self.seen.load,
            state: state.map(|(state, since_s)| (state, snapshot.at_s - since_s)),
            waiting: self.seen.waiting,
            profile: state.map(|(state, _)| rules.profile(state)),
            advice: self.machine.is_alarmed().then_some(rules.alarm.advice.as_slice()),
            events: &self.seen.events,
            none_since: self.devices.none_since.as_deref(),
            holding: self.holding(),
            rules: &rules.name,
            interval_s: self.plan.interval_s,
        }
    }

    /// The findings that lead the report.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        #[cfg(feature = "llama")]
        findings.extend(self.saturation.iter().flat_map(|saturation| saturation.findings(self.machine.rules())));
        match self.label() {
            None => findings.push("No GPU is available: only the processes and the machine were watched.".into()),
            Some(label) => {
                let WatchObservations { samples, events, .. } = &self.seen;
                findings.extend(gpu_findings(&label, self.machine.rules(), self.plan.interval_s, samples, events));
            }
        }
        findings
    }
}
