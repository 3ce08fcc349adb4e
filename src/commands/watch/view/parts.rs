//! The parts of the display: bars, figures, the table of processes.

use ratatui::layout::Constraint;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table};

use super::super::lines::{NOTHING, calls, cpu_and_load, power, short};
use super::draw::{ViewContent, folded};
use crate::advise::watch::GpuState;
use crate::host::gpu::GpuReading;
use crate::record::Fact;
use crate::studies::watch::{GpuSnapshot, ModelSnapshot, ProcessSnapshot, READINGS_OF_A_PROCESS, Snapshot};
use crate::text::binary_bytes;

/// From this width on the table has a column for handles, and bars are longer.
const WIDE: usize = 96;

/// Shortest abbreviation of another GPU's name, in characters.
const SHORTEST_NAME: usize = 12;

/// The selected GPU in full.
pub(super) fn gpu_lines(shown: &ViewContent<'_>, gpu: &GpuSnapshot, width: usize) -> Vec<Line<'static>> {
    let Some(reading) = gpu.reading.value() else {
        let label = if gpu.lost { "gone: " } else { "not known: " };
        let why = match &gpu.reading {
            Fact::Failed(reason) => reason.clone(),
            other => other.missing().unwrap_or_default(),
        };
        let lost = folded(label, &why, width).into_iter().map(|line| line.style(shown.style(Color::Red)));
        return lost.chain(state_lines(shown, width)).collect();
    };
    let mut lines = vec![memory_line(shown, reading, width), use_line(shown, reading, width)];
    lines.extend(figures_lines(reading, width));
    lines.extend(state_lines(shown, width));
    if let Some(holding) = &shown.status.holding {
        lines.push(Line::from(format!(" {holding}")).style(shown.style(Color::Magenta)));
    }
    if let Some(advice) = shown.status.advice {
        let advice = folded("too full: ", &advice.join("; "), width);
        lines.extend(advice.into_iter().map(|line| line.style(shown.style(Color::Red))));
    }
    lines
}

fn memory_line(shown: &ViewContent<'_>, reading: &GpuReading, width: usize) -> Line<'static> {
    match (reading.vram_percent(), in_memory(reading)) {
        (Fact::Value(full), Some(memory)) => {
            let style = shown.style(colour_of(shown, full));
            bar(shown, "memory", Some(full), style, &format!("{full:3.0} %  {memory}"), width)
        }
        (missing, _) => bar(shown, "memory", None, Style::new(), &missing.missing().unwrap_or_default(), width),
    }
}

/// `5.61 GiB of 6.00 GiB`, if known.
fn in_memory(reading: &GpuReading) -> Option<String> {
    let (total, free) = *reading.vram_total_and_free_bytes().value()?;
    Some(format!("{} of {}", binary_bytes(total.saturating_sub(free)), binary_bytes(total)))
}

/// Red above the alarm threshold, yellow slightly below.
fn colour_of(shown: &ViewContent<'_>, full: f64) -> Color {
    if shown.status.advice.is_some() {
        Color::Red
    } else if full > 75.0 {
        Color::Yellow
    } else {
        Color::Green
    }
}

fn use_line(shown: &ViewContent<'_>, reading: &GpuReading, width: usize) -> Line<'static> {
    let percent = reading.use_percent.value().map(|percent| f64::from(*percent));
    let memory = reading.memory_use_percent.value().map_or_else(String::new, |percent| format!("memory {percent} %"));
    let text = match percent {
        Some(percent) => format!("{percent:3.0} %  {memory}"),
        None => reading.use_percent.missing().unwrap_or_default(),
    };
    bar(shown, "use", percent, shown.style(Color::Cyan), &text, width)
}

/// `memory ████████░░░░ 93 %  5.61 of 6.00 GiB`: a bar with its figure. Without a value there is no bar.
fn bar(
    shown: &ViewContent<'_>,
    label: &str,
    percent: Option<f64>,
    style: Style,
    text: &str,
    width: usize,
) -> Line<'static> {
    let room = width.saturating_sub(40).clamp(10, 60);
    let label = Span::from(format!(" {label:<7}"));
    let Some(percent) = percent else {
        return Line::from(vec![label, Span::from(text.to_owned()).style(shown.style(Color::DarkGray))]);
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // At most the available space.
    let filled = ((percent / 100.0).clamp(0.0, 1.0) * room as f64).round() as usize;
    Line::from(vec![
        label,
        Span::from("█".repeat(filled)).style(style),
        Span::from("░".repeat(room - filled)).style(shown.style(Color::DarkGray)),
        Span::from(format!(" {text}")),
    ])
}

fn figures_lines(reading: &GpuReading, width: usize) -> Vec<Line<'static>> {
    let told = [&reading.temperature_c, &reading.clock_mhz].iter().any(|fact| fact.value().is_some());
    if !told && reading.power_w.value().is_none() {
        return vec![Line::from(" temperature, power and clock are not known")];
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
        Fact::Value(reasons) if reasons.is_empty() => parts.push("not throttled".into()),
        Fact::Value(reasons) => parts.push(format!("throttled: {}", reasons.join(", "))),
        _ => {}
    }
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width => {
                line.push_str("   ");
                line.push_str(&part);
            }
            _ => lines.push(format!(" {part}")),
        }
    }
    lines.into_iter().map(Line::from).collect()
}

fn state_lines(shown: &ViewContent<'_>, width: usize) -> Vec<Line<'static>> {
    let Some((state, for_s)) = shown.status.state else {
        let none = Line::from(" state  none yet: between the thresholds").style(shown.style(Color::DarkGray));
        return vec![none];
    };
    let colour = match state {
        GpuState::Optimal => Color::Green,
        GpuState::Stressed => Color::Yellow,
        GpuState::Overloaded => Color::Red,
    };
    let mut spans = vec![Span::from(" state  "), Span::from(state.word()).style(shown.style(colour)).bold()];
    spans.push(Span::from(format!(" for {for_s:.0} s: {}", shown.status.profile.unwrap_or(NOTHING))));
    let mut lines = vec![Line::from(spans)];
    if let Some((better, left_s)) = shown.status.waiting {
        let waiting = format!("{} in {left_s:.0} s if this continues", better.word());
        if lines[0].width() + 2 + waiting.len() <= width {
            lines[0].push_span(Span::from(format!("; {waiting}")));
        } else {
            lines.push(Line::from(format!("   {waiting}")));
        }
    }
    lines
}

/// Another GPU in one line of up to `width`: with all figures if they fit, its name shortened if necessary.
pub(super) fn other_gpu_line(gpu: &GpuSnapshot, width: usize) -> Line<'static> {
    let Some(reading) = gpu.reading.value() else {
        let what = if gpu.lost { "gone" } else { "not known" };
        return named(gpu, &format!(": {what}"), width);
    };
    let busy = short(&reading.use_percent, " % busy");
    let (full, all) = match (reading.vram_percent(), in_memory(reading)) {
        (Fact::Value(full), Some(memory)) => {
            let full = format!(": {full:.0} % full");
            (full.clone(), format!("{full} ({memory}), {busy}"))
        }
        (missing, _) => {
            let missing = format!(": memory {}", missing.missing().unwrap_or_default());
            (missing.clone(), format!("{missing}, {busy}"))
        }
    };
    let is_roomy = gpu.label.len() + gpu.name.chars().count() + all.chars().count() + 3 <= width;
    named(gpu, &if is_roomy { all } else { format!("{full}, {busy}") }, width)
}

/// ` gpu1  NVIDIA GeForce…: figures`.
fn named(gpu: &GpuSnapshot, figures: &str, width: usize) -> Line<'static> {
    let room = width.saturating_sub(gpu.label.len() + figures.chars().count() + 3).max(SHORTEST_NAME);
    let name = if gpu.name.chars().count() <= room {
        gpu.name.clone()
    } else {
        gpu.name.chars().take(room - 1).chain(['…']).collect()
    };
    Line::from(format!(" {}  {name}{figures}", gpu.label))
}

/// The machine in a line.
pub(super) fn machine_line(snapshot: &Snapshot) -> Line<'static> {
    let size = |fact: &Fact<u64>| fact.value().map_or_else(|| NOTHING.into(), |size| binary_bytes(*size));
    let machine = &snapshot.machine;
    Line::from(format!(
        " machine  {} of {} free, {}",
        size(&machine.available_bytes),
        size(&machine.memory_bytes),
        cpu_and_load(machine)
    ))
}

/// The model's calls.
pub(super) fn model_lines(model: &ModelSnapshot, width: usize) -> Vec<Line<'static>> {
    folded("model    ", &calls(model), width)
}

/// A column of the table of processes.
struct ProcessColumn {
    heading: &'static str,
    width: u16,
    /// When it is dropped if space is short; 0 for never.
    leaves: u8,
    text: fn(&ViewContent<'_>, &ProcessSnapshot) -> String,
}

/// Columns, from left to right. Names are second; they take the remaining width.
const COLUMNS: [ProcessColumn; 8] = [
    ProcessColumn {
        heading: " what",
        width: 13,
        leaves: 3,
        text: |_, process| format!(" {}", process.usage.process.kind.word()),
    },
    ProcessColumn { heading: "pid", width: 8, leaves: 0, text: |_, process| process.usage.process.pid.to_string() },
    ProcessColumn { heading: VRAM, width: 10, leaves: 0, text: |_, process| vram(process) },
    ProcessColumn { heading: "RAM", width: 10, leaves: 0, text: |_, process| size(&process.usage.resident_bytes) },
    ProcessColumn { heading: "CPU", width: 6, leaves: 2, text: |_, process| cpu(process) },
    ProcessColumn {
        heading: CPU_LATELY,
        width: READINGS_OF_A_PROCESS + 1,
        leaves: 3,
        text: |shown, process| shown.history.lately(process.usage.process.pid),
    },
    ProcessColumn { heading: "threads", width: 8, leaves: 4, text: |_, process| short(&process.usage.threads, "") },
    ProcessColumn { heading: "handles", width: 8, leaves: 5, text: |_, process| short(&process.usage.handles, "") },
];

/// The columns that machines with and without a GPU have.
const VRAM: &str = "VRAM";
const CPU_LATELY: &str = "CPU lately";

/// Minimum width of a name before columns are dropped.
const NAME_WIDTH: u16 = 16;

fn size(fact: &Fact<u64>) -> String {
    fact.value().map_or_else(|| NOTHING.into(), |size| binary_bytes(*size))
}

fn vram(process: &ProcessSnapshot) -> String {
    match &process.vram_bytes {
        Fact::Value(Some(vram)) => binary_bytes(*vram),
        Fact::Value(None) => "none".into(),
        _ => NOTHING.into(),
    }
}

fn cpu(process: &ProcessSnapshot) -> String {
    process.usage.cpu_percent.value().map_or_else(|| NOTHING.into(), |percent| format!("{percent:.0} %"))
}

/// The columns that leave space for names.
fn columns(width: u16, has_gpu: bool) -> Vec<&'static ProcessColumn> {
    let is_wide = usize::from(width) >= WIDE;
    let wanted = |column: &&ProcessColumn| match column.heading {
        "handles" => is_wide,
        VRAM => has_gpu,
        CPU_LATELY => !has_gpu,
        _ => true,
    };
    let mut columns: Vec<&ProcessColumn> = COLUMNS.iter().filter(wanted).collect();
    // Two for the frame, one between two columns.
    let taken = |columns: &[&ProcessColumn]| 2 + columns.iter().map(|column| column.width + 1).sum::<u16>();
    while taken(&columns) + NAME_WIDTH > width {
        let first = columns.iter().enumerate().max_by_key(|(_, column)| column.leaves);
        match first {
            Some((at, column)) if column.leaves > 0 => columns.remove(at),
            _ => break,
        };
    }
    columns
}

/// The processes of Workly and Unity, and those that were selected.
pub(super) fn processes_table(shown: &ViewContent<'_>, width: u16) -> Table<'static> {
    if shown.processes().is_empty() {
        let whole = " Workly and Unity are not running; --process selects others";
        let none = if usize::from(width) >= whole.len() + 2 { whole } else { " none; --process selects others" };
        return Table::new([Row::new([none])], [Constraint::Fill(1)]);
    }
    let columns = columns(width, shown.has_gpu());
    let (before, after) = columns.split_at(usize::from(columns[0].heading == " what"));
    let right = |text: String| Cell::from(Line::from(text).right_aligned());
    let cells = |name: &str, cell: &dyn Fn(&ProcessColumn) -> String| {
        let left = before.iter().map(|column| Cell::from(cell(column)));
        // Without a column before it the name needs its own space to the frame.
        let name = if before.is_empty() { format!(" {name}") } else { name.to_owned() };
        Row::new(
            left.chain([Cell::from(name)]).chain(after.iter().map(|column| right(cell(column)))).collect::<Vec<_>>(),
        )
    };
    let row = |process: &ProcessSnapshot| cells(&process.usage.process.name, &|column| (column.text)(shown, process));
    let rows: Vec<Row<'static>> = shown.processes().into_iter().map(row).collect();
    let length = |column: &&ProcessColumn| Constraint::Length(column.width);
    let widths = before.iter().map(length).chain([Constraint::Fill(1)]).chain(after.iter().map(length));
    let heading = cells("name", &|column| column.heading.into()).style(shown.style(Color::DarkGray));
    Table::new(rows, widths.collect::<Vec<_>>()).header(heading)
}
