//! GPU readings from the drivers while a placement is measured.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::host::gpu::{GpuDevices, vram_of};
use crate::measure::PlacementPhase;
use crate::record::{Direction, Metric, MetricStatus};

/// Polling interval of the driver: short enough for a second of work, long enough to cost nothing.
const EVERY: Duration = Duration::from_millis(100);

/// The GPUs that a driver reports. Without a driver, nothing is read.
#[derive(Debug)]
pub(super) struct GpuSampler {
    gpus: Option<GpuDevices>,
    asked: Cell<Option<Instant>>,
}

/// The readings during one placement. Sums are over all GPUs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GpuReadings {
    /// The most memory that the placement's process held, in bytes.
    pub(super) process_bytes: Option<u64>,
    /// Utilisation while it computed, in percent; of the busiest GPU.
    pub(super) use_percent: Vec<f64>,
    /// The highest temperature, in degrees Celsius.
    pub(super) temperature_c: Option<u32>,
    /// Power while it generated, in watts.
    pub(super) power_w: Vec<f64>,
}

impl GpuSampler {
    /// Finds the driver's GPUs.
    pub(super) fn open() -> Self {
        Self { gpus: GpuDevices::open().ok(), asked: Cell::new(None) }
    }

    /// Takes a reading, unless the last one is recent.
    pub(super) fn look(&self, process: u32, phase: PlacementPhase, seen: &mut GpuReadings) {
        let Some(gpus) = &self.gpus else { return };
        if self.asked.get().is_some_and(|asked| asked.elapsed() < EVERY) {
            return;
        }
        self.asked.set(Some(Instant::now()));
        let readings: Vec<_> = gpus.read().into_iter().flatten().collect();
        let held = vram_of(&readings, process).value().copied().flatten();
        seen.process_bytes = seen.process_bytes.max(held);
        let hottest = readings.iter().filter_map(|reading| reading.temperature_c.value().copied()).max();
        seen.temperature_c = seen.temperature_c.max(hottest);
        if matches!(phase, PlacementPhase::Prompt | PlacementPhase::Generation) {
            let busiest = readings.iter().filter_map(|reading| reading.use_percent.value().copied()).max();
            seen.use_percent.extend(busiest.map(f64::from));
        }
        if phase == PlacementPhase::Generation {
            let power = readings.iter().map(|reading| reading.power_w.value().copied()).sum::<Option<f64>>();
            seen.power_w.extend(power.filter(|watts| *watts > 0.0));
        }
    }
}

/// The figures of a placement from all of its rounds. `generated` is tokens and seconds of each round.
pub(super) fn gpu_metrics(seen: &[&GpuReadings], generated: &[(usize, f64)]) -> Vec<Metric> {
    let plain = |name: &str, unit: &str, value: Option<f64>, n: usize, direction| match value {
        Some(value) => Metric::plain(name, unit, value, n as u64, direction),
        None => Metric::absent(name, unit, 0, direction, MetricStatus::Unsupported),
    };
    let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let process = seen.iter().filter_map(|seen| seen.process_bytes).max();
    let uses: Vec<f64> = seen.iter().flat_map(|seen| seen.use_percent.iter().copied()).collect();
    let powers: Vec<f64> = seen.iter().flat_map(|seen| seen.power_w.iter().copied()).collect();
    let hottest = seen.iter().filter_map(|seen| seen.temperature_c).max();
    let per_joule: Vec<f64> = seen
        .iter()
        .zip(generated)
        .filter_map(|(seen, &(tokens, seconds))| Some(tokens as f64 / (mean(&seen.power_w)? * seconds)))
        .collect();
    vec![
        plain("vram_process", "bytes", process.map(|bytes| bytes as f64), seen.len(), Direction::Lower),
        plain("gpu_use", "%", mean(&uses), uses.len(), Direction::None),
        plain("gpu_temperature", "°C", hottest.map(f64::from), seen.len(), Direction::Lower),
        plain("gpu_power", "W", mean(&powers), powers.len(), Direction::Lower),
        plain("tokens_per_joule", "tokens/J", mean(&per_joule), per_joule.len(), Direction::Higher),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_readings_are_omitted() {
        let nothing = GpuReadings::default();
        let metrics = gpu_metrics(&[&nothing], &[(64, 1.0)]);
        assert!(metrics.iter().all(|metric| metric.value.is_none() && metric.status == MetricStatus::Unsupported));
    }

    #[test]
    fn energy_is_power_times_generation_time() {
        let seen = GpuReadings {
            process_bytes: Some(5),
            use_percent: vec![50.0, 100.0],
            temperature_c: Some(60),
            power_w: vec![40.0, 60.0],
        };
        // 64 tokens in 2 s at 50 W are 100 J.
        let metrics = gpu_metrics(&[&seen], &[(64, 2.0)]);
        let values: Vec<_> = metrics.iter().map(|metric| metric.value.unwrap()).collect();
        assert_eq!(values, [5.0, 75.0, 60.0, 50.0, 0.64]);
    }
}
