//! The parts of the view: bars, figures, the table of processes.

use ratatui::layout::Constraint;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table};

use super::super::lines::{NOTHING, bytes, power, short};
use super::super::look::{GpuLook, Look, WatchedProcess};
use super::draw::{Shown, folded};
use crate::advise::watch::CardState;
use crate::host::gpu::GpuReading;
use crate::record::Fact;

/// From this width on the table has room for handles, and bars become long.
const WIDE: usize = 96;

/// The chosen GPU in full.
pub(super) fn gpu_lines(shown: &Shown<'_>, gpu: &GpuLook, width: usize) -> Vec<Line<'static>> {
    let Some(reading) = gpu.reading.value() else {
        let label = if gpu.lost { "gone: " } else { "not told: " };
        let why = match &gpu.reading {
            Fact::Failed(reason) => reason.clone(),
            other => other.missing().unwrap_or_default(),
        };
        let lost = folded(label, &why, width).into_iter().map(|line| line.style(shown.style(Color::Red)));
        return lost.chain([state_line(shown)]).collect();
    };
    let mut lines = vec![
        memory_line(shown, reading, width),
        use_line(shown, reading, width),
        figures_line(reading, width),
        state_line(shown),
    ];
    if let Some(holding) = &shown.holding {
        lines.push(Line::from(format!(" {holding}")).style(shown.style(Color::Magenta)));
    }
    if let Some(advice) = shown.advice {
        let advice = folded("too full: ", &advice.join("; "), width);
        lines.extend(advice.into_iter().map(|line| line.style(shown.style(Color::Red))));
    }
    lines
}

fn memory_line(shown: &Shown<'_>, reading: &GpuReading, width: usize) -> Line<'static> {
    match (reading.vram_percent(), in_memory(reading)) {
        (Fact::Value(full), Some(memory)) => {
            let style = shown.style(colour_of(shown, full));
            bar(shown, "memory", Some(full), style, &format!("{full:3.0} %  {memory}"), width)
        }
        (missing, _) => bar(shown, "memory", None, Style::new(), &missing.missing().unwrap_or_default(), width),
    }
}

/// `5.61 GiB of 6.00 GiB`, where it is told.
fn in_memory(reading: &GpuReading) -> Option<String> {
    let (total, free) = *reading.vram_total_and_free_bytes().value()?;
    Some(format!("{} of {}", bytes(total.saturating_sub(free)), bytes(total)))
}

/// Red above the alarm, yellow where it is not much below.
fn colour_of(shown: &Shown<'_>, full: f64) -> Color {
    if shown.advice.is_some() {
        Color::Red
    } else if full > 75.0 {
        Color::Yellow
    } else {
        Color::Green
    }
}

fn use_line(shown: &Shown<'_>, reading: &GpuReading, width: usize) -> Line<'static> {
    let percent = reading.use_percent.value().map(|percent| f64::from(*percent));
    let memory = reading.memory_use_percent.value().map_or_else(String::new, |percent| format!("memory {percent} %"));
    let text = match percent {
        Some(percent) => format!("{percent:3.0} %  {memory}"),
        None => reading.use_percent.missing().unwrap_or_default(),
    };
    bar(shown, "use", percent, shown.style(Color::Cyan), &text, width)
}

/// `memory ████████░░░░ 93 %  5.61 of 6.00 GiB`: a bar with its figure. Without a value there is no bar.
fn bar(shown: &Shown<'_>, label: &str, percent: Option<f64>, style: Style, text: &str, width: usize) -> Line<'static> {
    let room = width.saturating_sub(40).clamp(10, 60);
    let label = Span::from(format!(" {label:<7}"));
    let Some(percent) = percent else {
        return Line::from(vec![label, Span::from(text.to_owned()).style(shown.style(Color::DarkGray))]);
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Not more than the room.
    let filled = ((percent / 100.0).clamp(0.0, 1.0) * room as f64).round() as usize;
    Line::from(vec![
        label,
        Span::from("█".repeat(filled)).style(style),
        Span::from("░".repeat(room - filled)).style(shown.style(Color::DarkGray)),
        Span::from(format!(" {text}")),
    ])
}

fn figures_line(reading: &GpuReading, width: usize) -> Line<'static> {
    let told = [&reading.temperature_c, &reading.clock_mhz].iter().any(|fact| fact.value().is_some());
    if !told && reading.power_w.value().is_none() {
        return Line::from(" temperature, power and clock are not told");
    }
    let mut parts = vec![
        short(&reading.temperature_c, " °C"),
        power(reading),
        format!("clock {}", short(&reading.clock_mhz, " MHz")),
    ];
    if width >= WIDE {
        parts.push(format!("memory clock {}", short(&reading.memory_clock_mhz, " MHz")));
    }
    match &reading.throttled_by {
        Fact::Value(reasons) if reasons.is_empty() => parts.push("not held back".into()),
        Fact::Value(reasons) => parts.push(format!("held back: {}", reasons.join(", "))),
        _ => {}
    }
    Line::from(format!(" {}", parts.join("   ")))
}

fn state_line(shown: &Shown<'_>) -> Line<'static> {
    let Some((state, for_s)) = shown.state else {
        return Line::from(" state  none yet: between the lines of the rules").style(shown.style(Color::DarkGray));
    };
    let colour = match state {
        CardState::Optimal => Color::Green,
        CardState::Stressed => Color::Yellow,
        CardState::Overloaded => Color::Red,
    };
    let mut spans = vec![Span::from(" state  "), Span::from(state.word()).style(shown.style(colour)).bold()];
    spans.push(Span::from(format!(" for {for_s:.0} s: {}", shown.profile.unwrap_or(NOTHING))));
    if let Some((better, left_s)) = shown.waiting {
        spans.push(Span::from(format!("; if it stays so, {} in {left_s:.0} s", better.word())));
    }
    Line::from(spans)
}

/// Another GPU in a line.
pub(super) fn other_gpu_line(gpu: &GpuLook) -> Line<'static> {
    Line::from(match gpu.reading.value() {
        Some(reading) => {
            let busy = short(&reading.use_percent, " % busy");
            let memory = match (reading.vram_percent(), in_memory(reading)) {
                (Fact::Value(full), Some(memory)) => format!("{full:.0} % full ({memory})"),
                (missing, _) => format!("memory {}", missing.missing().unwrap_or_default()),
            };
            format!(" {}  {}: {memory}, {busy}", gpu.label, gpu.name)
        }
        None => format!(" {}  {}: {}", gpu.label, gpu.name, if gpu.lost { "gone" } else { "not told" }),
    })
}

/// The machine in a line.
pub(super) fn machine_line(look: &Look) -> Line<'static> {
    let size = |fact: &Fact<u64>| fact.value().map_or_else(|| NOTHING.into(), |size| bytes(*size));
    let machine = &look.machine;
    let cpu = machine.cpu_percent.value().map_or_else(|| NOTHING.into(), |percent| format!("{percent:.0} %"));
    Line::from(format!(
        " machine  {} of {} free, CPU {cpu}",
        size(&machine.available_bytes),
        size(&machine.memory_bytes)
    ))
}

/// The processes of Workly and Unity, and those that were named.
pub(super) fn processes_table(shown: &Shown<'_>, width: u16) -> Table<'static> {
    let wide = usize::from(width) >= WIDE;
    let right = |text: String| Cell::from(Line::from(text).right_aligned());
    let row = |process: &WatchedProcess| {
        let look = &process.look;
        let size = |fact: &Fact<u64>| fact.value().map_or_else(|| NOTHING.into(), |size| bytes(*size));
        let vram = match &process.vram_bytes {
            Fact::Value(Some(vram)) => bytes(*vram),
            Fact::Value(None) => "none".into(),
            _ => NOTHING.into(),
        };
        let mut cells = vec![
            Cell::from(format!(" {}", look.process.kind.word())),
            Cell::from(look.process.name.clone()),
            right(look.process.pid.to_string()),
            right(vram),
            right(size(&look.resident_bytes)),
            right(look.cpu_percent.value().map_or_else(|| NOTHING.into(), |percent| format!("{percent:.0} %"))),
            right(short(&look.threads, "")),
        ];
        if wide {
            cells.push(right(short(&look.handles, "")));
        }
        Row::new(cells)
    };
    let mut heading: Vec<Cell<'static>> = vec![Cell::from(" what"), Cell::from("name")];
    heading.extend(["pid", "VRAM", "RAM", "CPU", "threads"].map(|name| right(name.into())));
    let mut widths = vec![
        Constraint::Length(13),
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(6),
        Constraint::Length(8),
    ];
    if wide {
        heading.push(right("handles".into()));
        widths.push(Constraint::Length(8));
    }
    if shown.look.processes.is_empty() {
        let none = Row::new([" none of Workly or Unity is running; --process names others"]);
        return Table::new([none], [Constraint::Fill(1)]);
    }
    let rows: Vec<Row<'static>> = shown.look.processes.iter().map(row).collect();
    Table::new(rows, widths).header(Row::new(heading).style(shown.style(Color::DarkGray)))
}
