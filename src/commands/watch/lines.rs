//! A reading in words: one line for a log or a pipe, several for `--once`.

use crate::advise::watch::GpuState;
use crate::host::gpu::GpuReading;
use crate::plural::counted;
use crate::record::Fact;
use crate::studies::watch::{GpuSnapshot, MachineSnapshot, ModelSnapshot, ProcessSnapshot, Snapshot};
use crate::text::binary_bytes;

/// Shown in place of a missing figure if space is short.
pub(super) const NOTHING: &str = "–";

/// A figure with its unit, or the dash.
pub(super) fn short<T: std::fmt::Display>(fact: &Fact<T>, unit: &str) -> String {
    fact.value().map_or_else(|| NOTHING.into(), |value| format!("{value}{unit}"))
}

/// Power and its limit: `48 of 60 W`.
pub(super) fn power(reading: &GpuReading) -> String {
    match (reading.power_w.value(), reading.power_limit_w.value()) {
        (Some(power), Some(limit)) => format!("{power:.0} of {limit:.0} W"),
        (Some(power), None) => format!("{power:.0} W"),
        _ => format!("power {NOTHING}"),
    }
}

/// A reading as one line: `14:03:05 gpu0 5.61 of 6.00 GiB, 93 % full, 88 % busy, …`.
pub(super) fn line(snapshot: &Snapshot, chosen: Option<usize>, state: Option<GpuState>) -> String {
    let mut parts = Vec::new();
    for (place, gpu) in snapshot.gpus.iter().enumerate() {
        let state = if chosen == Some(place) { Some(state.map_or("no state yet", GpuState::word)) } else { None };
        parts.push(gpu_in_line(gpu, state));
    }
    let machine = &snapshot.machine;
    let free = machine.available_bytes.value().map_or_else(|| NOTHING.into(), |free| binary_bytes(*free));
    parts.push(format!("machine {free} free, {}", cpu_and_load(machine)));
    parts.extend(snapshot.model.as_ref().map(|model| format!("model {}", calls(model))));
    parts.extend(snapshot.processes.iter().map(process_in_line));
    format!("{} {}", snapshot.time.strftime("%H:%M:%SZ"), parts.join(" | "))
}

/// How busy the machine is: `CPU 34 %, load 1.25`.
pub(super) fn cpu_and_load(machine: &MachineSnapshot) -> String {
    let cpu = machine.cpu_percent.value().map_or_else(|| NOTHING.into(), |percent| format!("{percent:.0} %"));
    let load = machine.load_average.value().map_or_else(String::new, |load| format!(", load {load:.2}"));
    format!("CPU {cpu}{load}")
}

/// The calls of a model: `3 calls, 24 tokens, newest 25.0 tokens/s, first token after 0.25 s`.
pub(super) fn calls(model: &ModelSnapshot) -> String {
    let speed = model.tokens_per_s.map(|speed| format!("newest {speed:.1} tokens/s"));
    let first = model.first_token_s.map(|seconds| format!("first token after {seconds:.2} s"));
    let counts = format!("{}, {}", counted(model.calls, "call"), counted(model.tokens, "token"));
    [Some(counts), speed, first].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn gpu_in_line(gpu: &GpuSnapshot, state: Option<&str>) -> String {
    let Some(reading) = gpu.reading.value() else {
        return format!("{} {}", gpu.label, if gpu.lost { "gone" } else { "not known" });
    };
    let memory = match (reading.vram_total_and_free_bytes(), reading.vram_percent()) {
        (Fact::Value((total, free)), Fact::Value(full)) => {
            format!("{} of {}, {full:.0} % full", binary_bytes(total.saturating_sub(free)), binary_bytes(total))
        }
        (missing, _) => format!("memory {}", missing.missing().unwrap_or_default()),
    };
    let held_back = reading.throttled_by.value().filter(|reasons| !reasons.is_empty());
    let held_back = held_back.map(|reasons| format!("throttled: {}", reasons.join(", ")));
    let figures = format!(
        "{} {memory}, {} busy, {}, {}",
        gpu.label,
        short(&reading.use_percent, " %"),
        short(&reading.temperature_c, " °C"),
        power(reading),
    );
    [Some(figures), held_back, state.map(String::from)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn process_in_line(process: &ProcessSnapshot) -> String {
    let usage = &process.usage;
    format!("{} ({}) {}", usage.process.name, usage.process.pid, holds(process))
}

/// Memory of a process: `VRAM 512 MiB, RAM 1.20 GiB`.
fn holds(process: &ProcessSnapshot) -> String {
    let ram = process.usage.resident_bytes.value().map_or_else(|| NOTHING.into(), |ram| binary_bytes(*ram));
    match &process.vram_bytes {
        Fact::Value(Some(vram)) => format!("VRAM {}, RAM {ram}", binary_bytes(*vram)),
        _ => format!("RAM {ram}"),
    }
}

/// A complete reading, one line per figure.
pub(super) fn full(snapshot: &Snapshot, none_since: Option<&str>) -> String {
    let mut lines = Vec::new();
    if let Some(reason) = none_since {
        lines.push(format!("No GPU is available: {reason}."));
    }
    for gpu in &snapshot.gpus {
        lines.push(format!("{}  {}", gpu.label, gpu.name));
        lines.extend(gpu_in_full(gpu).into_iter().map(|(label, text)| format!("  {label:<13} {text}")));
    }
    let machine = &snapshot.machine;
    let size = |fact: &Fact<u64>| fact.value().map_or_else(|| fact.to_string(), |size| binary_bytes(*size));
    lines.push("machine".into());
    lines.push(format!(
        "  {:<13} {} of {} free",
        "memory",
        size(&machine.available_bytes),
        size(&machine.memory_bytes)
    ));
    lines.push(format!("  {:<13} {}", "load average", machine.load_average));
    lines.extend(snapshot.model.as_ref().map(|model| format!("model\n  {:<13} {}", "measured", calls(model))));
    if snapshot.processes.is_empty() {
        lines.push("No process of Workly or Unity that this user can see is running.".into());
    }
    for process in &snapshot.processes {
        let found = &process.usage.process;
        let vram = match &process.vram_bytes {
            Fact::Value(None) => "none".into(),
            Fact::Value(Some(vram)) => binary_bytes(*vram),
            missing => missing.missing().unwrap_or_default(),
        };
        lines.push(format!("{}  {} ({})", found.kind.word(), found.name, found.pid));
        lines.push(format!("  {:<13} {vram}", "VRAM"));
        lines.push(format!("  {:<13} {}", "RAM", size(&process.usage.resident_bytes)));
        lines.push(format!("  {:<13} {}; handles {}", "threads", process.usage.threads, process.usage.handles));
    }
    lines.join("\n")
}

fn gpu_in_full(gpu: &GpuSnapshot) -> Vec<(&'static str, String)> {
    let reading = match &gpu.reading {
        Fact::Value(reading) => reading,
        missing => return vec![("", missing.missing().unwrap_or_default())],
    };
    let with =
        |fact: &Fact<u32>, unit: &str| fact.value().map_or_else(|| fact.to_string(), |value| format!("{value} {unit}"));
    let watts = |fact: &Fact<f64>| fact.value().map_or_else(|| fact.to_string(), |value| format!("{value:.1} W"));
    let reserved = reading
        .vram_reserved_bytes
        .value()
        .map_or_else(String::new, |kept| format!(", {} reserved by the driver", binary_bytes(*kept)));
    let throttled = match &reading.throttled_by {
        Fact::Value(reasons) if reasons.is_empty() => "no".into(),
        Fact::Value(reasons) => reasons.join(", "),
        missing => missing.missing().unwrap_or_default(),
    };
    let memory = match (reading.vram_total_and_free_bytes(), &reading.vram_used_bytes, reading.vram_percent()) {
        (Fact::Value((total, free)), Fact::Value(used), Fact::Value(full)) => {
            format!(
                "{} used, {} free of {}{reserved}: {full:.1} % full",
                binary_bytes(*used),
                binary_bytes(free),
                binary_bytes(total)
            )
        }
        (missing, ..) => missing.missing().unwrap_or_default(),
    };
    vec![
        ("VRAM", memory),
        ("use", with(&reading.use_percent, "%")),
        ("memory use", with(&reading.memory_use_percent, "%")),
        ("temperature", with(&reading.temperature_c, "°C")),
        ("power", format!("{}, limit {}", watts(&reading.power_w), watts(&reading.power_limit_w))),
        ("clock", format!("{}, memory {}", with(&reading.clock_mhz, "MHz"), with(&reading.memory_clock_mhz, "MHz"))),
        ("throttled", throttled),
    ]
}
