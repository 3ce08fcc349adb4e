//! Fills a GPU: before, full, after. All allocations are freed when this is dropped for whatever reason.

use std::sync::atomic::{AtomicBool, Ordering};

use super::devices::WatchedGpus;
use super::error::WatchError;
use super::events::{EventKind, WatchEvent};
use super::snapshot::Snapshot;
use crate::advise::watch::{GpuState, WatchRules};
use crate::failure::Failure;
use crate::llm::engine::{Allocations, Backend, Device, DeviceKind};
use crate::plan::SaturatePlan;
use crate::text::binary_bytes;

/// Maximum share of the machine's free memory for a simulated GPU, as a divisor.
const SHARE_OF_MACHINE: u64 = 2;

/// Phase of the saturation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum SaturationPhase {
    /// The initial state is still being determined.
    Before,
    /// Full since this time.
    Full { since_s: f64 },
    /// Freed at this time.
    After { since_s: f64 },
    /// Complete.
    Done,
}

/// A saturation in progress.
#[derive(Debug)]
pub(crate) struct Saturation {
    held: Allocations,
    plan: SaturatePlan,
    phase: SaturationPhase,
    /// The state before anything was allocated.
    before: Option<GpuState>,
    /// Maximum wait for a state to be detected, in seconds.
    patience_s: f64,
    /// Seconds from full to the worst state, and from freed to the initial state.
    pub(super) found_s: [Option<f64>; 2],
    /// Maximum allocated, in bytes.
    pub(super) most_bytes: u64,
    /// Whether the driver does not report memory use, so that only our own allocations count.
    counts_own: bool,
}

impl Saturation {
    /// Finds the device, and the watched GPU that it belongs to.
    pub(super) fn start(
        plan: &SaturatePlan,
        rules: &WatchRules,
        interval_s: f64,
        devices: &mut WatchedGpus,
        machine_free_bytes: Option<u64>,
    ) -> Result<Self, Failure> {
        let backend = Backend::start()?;
        let device = wanted(&backend.devices(), plan.device.as_deref())?;
        let counts_own = if device.kind == DeviceKind::Cpu {
            let most = machine_free_bytes.unwrap_or(0) / SHARE_OF_MACHINE;
            if plan.card_bytes > most {
                return Err(WatchError::CardTooLarge {
                    wanted_mib: plan.card_bytes >> 20,
                    free_mib: machine_free_bytes.unwrap_or(0) >> 20,
                }
                .into());
            }
            devices.add_simulated_gpu(plan.card_bytes);
            false
        } else {
            devices.choose(&device.name, &device.description)?;
            devices.count_held(device.memory_total_bytes)
        };
        let held = Allocations::on(backend, device)?;
        Ok(Self {
            held,
            plan: plan.clone(),
            phase: SaturationPhase::Before,
            before: None,
            patience_s: rules.stay_s + 3.0 * rules.decide_every_s + 3.0 * interval_s,
            found_s: [None, None],
            most_bytes: 0,
            counts_own,
        })
    }

    /// Currently allocated, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// Whether it is complete.
    pub(super) fn is_done(&self) -> bool {
        self.phase == SaturationPhase::Done
    }

    /// Continues after a sample; `state` is the resulting state. Returns what it did.
    pub(super) fn go_on(
        &mut self,
        snapshot: &Snapshot,
        place: usize,
        state: Option<GpuState>,
        stop: &AtomicBool,
    ) -> Result<Option<WatchEvent>, WatchError> {
        let Some(gpu) = snapshot.gpus.get(place) else { return Ok(None) };
        let event = |kind, words| Some(WatchEvent::at(snapshot, kind, &gpu.label, words));
        match self.phase {
            SaturationPhase::Before => {
                let known = state.is_some() || snapshot.at_s >= self.patience_s / 3.0;
                let told = gpu.reading.value().and_then(|reading| reading.vram_total_and_free_bytes().value().copied());
                let Some((total, free)) = told.filter(|_| known) else { return Ok(None) };
                self.before = state;
                self.fill(total, free, stop)?;
                self.phase = SaturationPhase::Full { since_s: snapshot.at_s };
                let words = format!(
                    "filled by workly-perf with {}, to {} %; held for {} s",
                    binary_bytes(self.bytes()),
                    self.plan.percent,
                    self.plan.hold_s
                );
                Ok(event(EventKind::Full, words))
            }
            SaturationPhase::Full { since_s } => {
                if state == Some(GpuState::Overloaded) {
                    self.found_s[0].get_or_insert(snapshot.at_s - since_s);
                }
                if snapshot.at_s - since_s < self.plan.hold_s {
                    return Ok(None);
                }
                let freed = binary_bytes(self.bytes());
                self.held.free();
                self.phase = SaturationPhase::After { since_s: snapshot.at_s };
                Ok(event(EventKind::Freed, format!("{freed} freed")))
            }
            SaturationPhase::After { since_s } => {
                let is_back = state.is_some() && state == self.before;
                if is_back {
                    self.found_s[1].get_or_insert(snapshot.at_s - since_s);
                }
                if is_back || snapshot.at_s - since_s > self.patience_s {
                    self.phase = SaturationPhase::Done;
                }
                Ok(None)
            }
            SaturationPhase::Done => Ok(None),
        }
    }

    /// Allocates what is missing up to the share, and never more.
    fn fill(&mut self, total: u64, free: u64, stop: &AtomicBool) -> Result<(), WatchError> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of a device's memory.
        let keep = (total as f64 * (1.0 - self.plan.percent / 100.0)).ceil() as u64;
        let missing = free.saturating_sub(keep);
        if missing == 0 {
            return Err(WatchError::FullAlready {
                device: self.held.device().name.clone(),
                full: 100.0 * (total - free.min(total)) as f64 / total as f64,
                wanted: self.plan.percent,
            });
        }
        self.held.grow(missing, keep, || !stop.load(Ordering::Relaxed));
        self.most_bytes = self.held.bytes();
        Ok(())
    }

    /// Its findings.
    pub(super) fn findings(&self, rules: &WatchRules) -> Vec<String> {
        let device = &self.held.device().name;
        if self.most_bytes == 0 {
            return vec![format!(
                "No memory of {device} was allocated: the run ended first, or its free memory was never reported."
            )];
        }
        let mut findings = vec![format!(
            "Filled {device} with {} to {} %, then freed it.",
            binary_bytes(self.most_bytes),
            self.plan.percent
        )];
        if self.counts_own {
            findings.push(format!(
                "The driver does not report how full {device} is: only memory allocated by workly-perf is counted."
            ));
        }
        findings.push(match self.found_s[0] {
            Some(seconds) => format!(
                "{seconds:.1} s later the GPU was overloaded, for which the profile is {}.",
                rules.profile(GpuState::Overloaded)
            ),
            None => format!("It was never overloaded, that is, above {} %.", rules.overloaded.above_percent),
        });
        let before = self.before.map_or("without a state", GpuState::word);
        findings.push(match (self.found_s[1], self.before) {
            (Some(seconds), Some(state)) => {
                format!(
                    "{seconds:.1} s after it was freed it was {before} again, for which the profile is {}.",
                    rules.profile(state)
                )
            }
            _ => format!("It was not {before} again, as before, by the end of the run."),
        });
        findings
    }

    /// One line for the display.
    pub(super) fn in_words(&self) -> Option<String> {
        match self.phase {
            SaturationPhase::Before => Some("about to be filled by workly-perf".into()),
            SaturationPhase::Full { .. } => {
                Some(format!("{} of it allocated by workly-perf", binary_bytes(self.bytes())))
            }
            SaturationPhase::After { .. } | SaturationPhase::Done => None,
        }
    }
}

/// The device of that name; otherwise the first GPU.
fn wanted(devices: &[Device], named: Option<&str>) -> Result<Device, WatchError> {
    let is_gpu = |device: &&Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    match named {
        None => devices.iter().find(is_gpu).cloned().ok_or(WatchError::NothingToFill),
        Some(name) => devices.iter().find(|device| device.name.eq_ignore_ascii_case(name)).cloned().ok_or_else(|| {
            WatchError::NoSuchDevice {
                wanted: name.into(),
                there: devices.iter().map(|device| device.name.clone()).collect::<Vec<_>>().join(", "),
            }
        }),
    }
}
