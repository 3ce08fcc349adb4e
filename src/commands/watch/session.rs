//! The watch itself: look, decide, show, wait, and again.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::apply::Apply;
use super::collected::Collected;
use super::devices::Devices;
use super::display::{Display, Waited};
use super::events::{self, Event, EventKind};
use super::log::Log;
use super::look::{Look, Looker};
#[cfg(feature = "llama")]
use super::saturate::Saturation;
use super::view::{History, Shown};
use crate::advise::watch::{CardState, Load, WatchMachine};
use crate::clock::{Clock, nanos};
use crate::failure::Failure;
use crate::plan::WatchPlan;
use crate::studies::Recorder;

/// Seconds after which the record is written anew, if nothing happens that has it written at once.
const SAVE_EVERY_S: f64 = 30.0;

/// How a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// After its time, or when all of a saturation was seen.
    AsPlanned,
    /// The user was done, or nobody read any more.
    Quit,
    /// A signal, or the end of the terminal.
    Stopped,
}

impl Waited {
    /// The end of the watch that it means, if it means one.
    fn into_end(self) -> Option<Ended> {
        match self {
            Self::Due => None,
            Self::Quit => Some(Ended::Quit),
            Self::Stopped => Some(Ended::Stopped),
        }
    }
}

/// A watch under way.
pub(super) struct Session<'a> {
    pub(super) plan: &'a WatchPlan,
    pub(super) clock: Clock,
    pub(super) devices: Devices,
    pub(super) looker: Looker,
    pub(super) machine: WatchMachine,
    pub(super) log: Option<Log>,
    pub(super) apply: Option<Apply>,
    #[cfg(feature = "llama")]
    pub(super) saturation: Option<Saturation>,
    pub(super) seen: Seen,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) collected: Collected,
    pub(super) events: Vec<Event>,
    history: History,
    lost: Vec<String>,
    processes: Vec<(u32, String)>,
    waiting: Option<(CardState, f64)>,
    saved_s: f64,
}

impl Session<'_> {
    /// Watches until it is over. The record is written as it goes.
    pub(super) fn run(
        &mut self,
        mut display: Display,
        recorder: &mut Recorder,
        stop: &AtomicBool,
    ) -> Result<Ended, Failure> {
        let interval_ns = nanos(Duration::from_secs_f64(self.plan.interval_s));
        let mut due_ns = 0;
        loop {
            let look = self.looker.look(&self.devices, &self.clock, self.held_bytes());
            let before = self.seen.events.len();
            self.take_in(&look, stop)?;
            self.keep(&look, before, recorder)?;
            let is_read = display.show(&self.shown(&look), &self.seen.events[before..])?;
            if !is_read {
                return Ok(display.unread(stop).into_end().unwrap_or(Ended::Quit));
            }
            if self.is_over(&look) {
                return Ok(Ended::AsPlanned);
            }
            // A look that took too long does not make the next ones hurry.
            due_ns = (due_ns + interval_ns).max(self.clock.now_ns().saturating_sub(interval_ns));
            if let Some(end) = display.wait(&self.clock, due_ns, &self.shown(&look), stop)?.into_end() {
                return Ok(end);
            }
        }
    }

    /// What a look means.
    fn take_in(&mut self, look: &Look, stop: &AtomicBool) -> Result<(), Failure> {
        self.note_gpus(look);
        self.note_processes(look);
        let chosen = self.devices.chosen.and_then(|place| look.gpus.get(place));
        // Without its memory there is no state: use alone decides nothing.
        let load = chosen.and_then(|gpu| gpu.reading.value()).and_then(|reading| {
            Some(Load {
                full_percent: *reading.vram_percent().value()?,
                use_percent: reading.use_percent.value().map(|percent| f64::from(*percent)),
            })
        });
        if let Some(gpu) = chosen {
            self.seen.history.add(load.map(|load| load.full_percent), load.and_then(|load| load.use_percent));
            let taken = self.machine.step(look.at_s, load);
            self.seen.waiting =
                taken.waiting.or_else(|| self.seen.waiting.filter(|_| taken.change.is_none() && load.is_some()));
            let rules = self.machine.rules();
            if let (Some(change), Some(load)) = (taken.alarm, load) {
                self.seen.events.push(Event::alarm(look, &gpu.label, change, load.full_percent, rules));
            }
            if let Some(change) = &taken.change {
                self.seen.events.push(Event::state(look, &gpu.label, change, rules));
                let written = self.apply.as_ref().and_then(|apply| apply.write(rules.profile(change.to)));
                self.seen.events.extend(written.map(|(kind, words)| Event::at(look, kind, &gpu.label, words)));
            }
        }
        let state = self.machine.state().map(|(state, _)| state);
        self.seen.collected.add(look, self.devices.chosen, state);
        self.saturate(look, state, stop)
    }

    #[cfg(feature = "llama")]
    fn saturate(&mut self, look: &Look, state: Option<CardState>, stop: &AtomicBool) -> Result<(), Failure> {
        if let (Some(saturation), Some(place)) = (&mut self.saturation, self.devices.chosen) {
            self.seen.events.extend(saturation.go_on(look, place, state, stop)?);
        }
        Ok(())
    }

    #[cfg(not(feature = "llama"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, clippy::needless_pass_by_ref_mut)]
    fn saturate(&mut self, _: &Look, _: Option<CardState>, _: &AtomicBool) -> Result<(), Failure> {
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

    /// GPUs that went, and those that came back.
    fn note_gpus(&mut self, look: &Look) {
        for gpu in &look.gpus {
            let was_lost = self.seen.lost.contains(&gpu.label);
            if gpu.lost && !was_lost {
                let why = gpu.reading.missing().unwrap_or_default();
                let why = why.strip_prefix("failed: ").unwrap_or(&why);
                self.seen.events.push(Event::at(look, EventKind::Lost, &gpu.label, format!("is gone: {why}")));
                self.seen.lost.push(gpu.label.clone());
            }
            if was_lost && gpu.reading.value().is_some() {
                self.seen.events.push(Event::at(look, EventKind::Back, &gpu.label, "is back".into()));
                self.seen.lost.retain(|label| *label != gpu.label);
            }
        }
    }

    /// Processes that ended, and those that started after the first look.
    fn note_processes(&mut self, look: &Look) {
        let here: Vec<(u32, String)> = look
            .processes
            .iter()
            .map(|process| {
                (
                    process.look.process.pid,
                    format!("{} ({})", process.look.process.name, process.look.process.kind.word()),
                )
            })
            .collect();
        let event = |kind, (pid, name): &(u32, String), what: &str| {
            Event::at(look, kind, &format!("pid {pid}"), format!("{name} {what}"))
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
        let events: Vec<Event> = ended.chain(started).collect();
        self.seen.events.extend(events);
        self.seen.processes = here;
    }

    /// Writes the log, and the record where something happened or much time has passed.
    fn keep(&mut self, look: &Look, events_before: usize, recorder: &mut Recorder) -> Result<(), Failure> {
        let label = self.label();
        if let Some(log) = &mut self.log {
            log.add(look, label.as_deref(), self.machine.state().map(|(state, _)| state))?;
        }
        if self.seen.events.len() > events_before || look.at_s - self.seen.saved_s >= SAVE_EVERY_S {
            self.seen.saved_s = look.at_s;
            self.save(recorder)?;
        }
        Ok(())
    }

    /// Writes the record as it is now.
    pub(super) fn save(&self, recorder: &mut Recorder) -> Result<(), Failure> {
        recorder.run.cases = self.seen.collected.cases(self.label().as_deref(), &self.seen.events);
        recorder.save()?;
        recorder.events(&events::csv(&self.seen.events));
        Ok(())
    }

    /// What the GPU whose state is told is called.
    pub(super) fn label(&self) -> Option<String> {
        self.devices.chosen.and_then(|place| self.devices.gpus.get(place)).map(|gpu| gpu.label.clone())
    }

    /// Whether it has lasted as long as was asked.
    fn is_over(&self, look: &Look) -> bool {
        #[cfg(feature = "llama")]
        if let Some(saturation) = &self.saturation {
            return saturation.is_done();
        }
        self.plan.duration_s.is_some_and(|duration_s| look.at_s >= duration_s)
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

    fn shown<'s>(&'s self, look: &'s Look) -> Shown<'s> {
        let rules = self.machine.rules();
        let state = self.machine.state();
        Shown {
            look,
            chosen: self.devices.chosen,
            state: state.map(|(state, since_s)| (state, look.at_s - since_s)),
            waiting: self.seen.waiting,
            profile: state.map(|(state, _)| rules.profile(state)),
            advice: self.machine.is_alarmed().then_some(rules.alarm.advice.as_slice()),
            history: &self.seen.history,
            events: &self.seen.events,
            none_since: self.devices.none_since.as_deref(),
            holding: self.holding(),
            rules: &rules.name,
            interval_s: self.plan.interval_s,
            colour: crate::term::is_coloured(),
        }
    }
}
