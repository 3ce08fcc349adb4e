//! Every sample as CSV: one row per GPU, per process and for the machine.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::Context;

use super::error::WatchError;
use super::snapshot::{GpuSnapshot, ProcessSnapshot, Snapshot};
use crate::advise::watch::GpuState;
use crate::failure::Failure;
use crate::record::{Fact, GrowingFile, RecordError};
use crate::text;

/// The columns. Missing figures are empty, and `missing` states why.
const COLUMNS: [&str; 21] = [
    "time",
    "at_s",
    "kind",
    "subject",
    "name",
    "state",
    "vram_total_bytes",
    "vram_used_bytes",
    "vram_free_bytes",
    "vram_percent",
    "use_percent",
    "memory_use_percent",
    "temperature_c",
    "power_w",
    "clock_mhz",
    "throttled_by",
    "ram_bytes",
    "cpu_percent",
    "threads",
    "handles",
    "missing",
];

/// The file of `--csv`. A temporarily full disk loses no sample and does not end the watch.
#[derive(Debug)]
pub(crate) struct SnapshotLog {
    file: GrowingFile,
}

impl SnapshotLog {
    /// Creates the file. An existing one is never overwritten.
    pub(crate) fn create(path: &Path) -> Result<Self, WatchError> {
        let failed = |source| WatchError::Log { path: path.into(), source };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        let mut log = Self { file: GrowingFile::new(path, file) };
        log.rows([COLUMNS.map(String::from).into()]).map_err(failed)?;
        log.file.finish().map_err(|error| match error {
            RecordError::NotWhole { source, .. } => match *source {
                RecordError::Io { source, .. } => failed(source),
                other => failed(std::io::Error::other(other)),
            },
            other => failed(std::io::Error::other(other)),
        })?;
        Ok(log)
    }

    /// Adds a sample; on disk when this returns unless the disk is full. `state` is that of the GPU `of`.
    pub(super) fn add(
        &mut self,
        snapshot: &Snapshot,
        of: Option<&str>,
        state: Option<GpuState>,
    ) -> Result<(), Failure> {
        let gpus = snapshot.gpus.iter().map(|gpu| row_of_gpu(gpu, state.filter(|_| of == Some(gpu.label.as_str()))));
        let processes = snapshot.processes.iter().map(row_of_process);
        let cells = |mut row: LogRow| {
            row.set("time", snapshot.time.to_string());
            row.set("at_s", format!("{:.3}", snapshot.at_s));
            row.cells()
        };
        self.rows(gpus.chain(processes).chain([row_of_machine(snapshot)]).map(cells))
            .context("cannot write a sample as CSV")
            .map_err(Failure::bug)?;
        self.file.flush();
        Ok(())
    }

    /// Writes pending rows and reports whether all samples are in the file.
    pub(super) fn finish(&mut self) -> Result<(), RecordError> {
        self.file.finish()
    }

    /// All rows of a sample are one piece: the file never ends within a sample.
    fn rows(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.write_record(row)?;
        }
        let piece = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        self.file.add(&piece);
        Ok(())
    }
}

/// A row in progress.
#[derive(Default)]
struct LogRow {
    cells: Vec<(&'static str, String)>,
    missing: Vec<String>,
}

impl LogRow {
    fn of(kind: &str, subject: &str, name: &str) -> Self {
        let mut row = Self::default();
        for (column, text) in [("kind", kind), ("subject", subject), ("name", name)] {
            row.set(column, text.into());
        }
        row
    }

    fn set(&mut self, column: &'static str, text: String) {
        self.cells.push((column, text));
    }

    fn fact<T: ToString>(&mut self, column: &'static str, fact: &Fact<T>) {
        match fact.missing() {
            None => self.set(column, fact.value().map(ToString::to_string).unwrap_or_default()),
            Some(why) => self.missing.push(format!("{column}: {why}")),
        }
    }

    fn cells(mut self) -> Vec<String> {
        let missing = self.missing.join("; ");
        self.set("missing", missing);
        let cell = |column: &&str| {
            self.cells.iter().find(|(name, _)| name == column).map(|(_, cell)| text::cell(cell).into_owned())
        };
        COLUMNS.iter().map(|column| cell(column).unwrap_or_default()).collect()
    }
}

fn row_of_gpu(gpu: &GpuSnapshot, state: Option<GpuState>) -> LogRow {
    let mut row = LogRow::of("gpu", &gpu.label, &gpu.name);
    row.set("state", state.map(GpuState::word).unwrap_or_default().into());
    let Some(reading) = gpu.reading.value() else {
        row.missing.extend(gpu.reading.missing());
        return row;
    };
    row.fact("vram_total_bytes", &reading.vram_total_bytes);
    row.fact("vram_used_bytes", &reading.vram_used_bytes);
    row.fact("vram_free_bytes", &reading.vram_free_bytes);
    row.fact("vram_percent", &reading.vram_percent().map(|percent| format!("{percent:.2}")));
    row.fact("use_percent", &reading.use_percent);
    row.fact("memory_use_percent", &reading.memory_use_percent);
    row.fact("temperature_c", &reading.temperature_c);
    row.fact("power_w", &reading.power_w);
    row.fact("clock_mhz", &reading.clock_mhz);
    row.fact("throttled_by", &reading.throttled_by.map(|reasons| reasons.join(", ")));
    row
}

fn row_of_process(process: &ProcessSnapshot) -> LogRow {
    let usage = &process.usage;
    let mut row = LogRow::of("process", &usage.process.pid.to_string(), &usage.process.name);
    match &process.vram_bytes {
        Fact::Value(None) => row.missing.push("vram_used_bytes: uses no GPU".into()),
        other => row.fact("vram_used_bytes", &other.map(|bytes| bytes.unwrap_or(0))),
    }
    row.fact("ram_bytes", &usage.resident_bytes);
    row.fact("cpu_percent", &usage.cpu_percent.map(|percent| format!("{percent:.1}")));
    row.fact("threads", &usage.threads);
    row.fact("handles", &usage.handles);
    row
}

fn row_of_machine(snapshot: &Snapshot) -> LogRow {
    let mut row = LogRow::of("machine", "machine", "");
    let machine = &snapshot.machine;
    match (&machine.memory_bytes, &machine.available_bytes) {
        (Fact::Value(all), Fact::Value(available)) => row.set("ram_bytes", all.saturating_sub(*available).to_string()),
        (Fact::Value(_), missing) | (missing, _) => row.fact("ram_bytes", missing),
    }
    row.fact("cpu_percent", &machine.cpu_percent.map(|percent| format!("{percent:.1}")));
    row
}
