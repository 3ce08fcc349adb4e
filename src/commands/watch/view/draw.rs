//! The complete display, from top to bottom, and what is dropped if space is short.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Sparkline, SparklineBar};

use super::parts::{gpu_lines, machine_line, model_lines, other_gpu_line, processes_table};
use crate::studies::watch::{GpuSnapshot, ProcessSnapshot, WatchCurve, WatchEvent, WatchHistory, WatchStatus};

/// The content of the display.
pub(in super::super) struct ViewContent<'a> {
    /// The current state.
    pub(in super::super) status: &'a WatchStatus<'a>,
    /// The last readings.
    pub(in super::super) history: &'a WatchHistory,
    /// Whether colours may be used.
    pub(in super::super) colour: bool,
}

impl ViewContent<'_> {
    /// The colour of a state, if colours are allowed.
    pub(super) fn style(&self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// The processes in the table: those of Workly and Unity, those that were selected, then the busiest others.
    pub(super) fn processes(&self) -> Vec<&ProcessSnapshot> {
        self.status.snapshot.processes.iter().chain(&self.status.snapshot.busiest).collect()
    }

    /// Whether there is a GPU, so that there are figures of it.
    pub(super) fn has_gpu(&self) -> bool {
        !self.status.snapshot.gpus.is_empty()
    }
}

/// Rows of the processes and the events on a low terminal, with rules instead of frames: their titles, one row each
/// below, and the table's heading.
const LEAST_PROCESSES: u16 = 3;
const LEAST_EVENTS: u16 = 2;

/// The same with frames.
const LEAST_FRAMED_EVENTS: u16 = 3;
const FRAMED_PROCESSES: u16 = 5;

/// Rows of the first and the last line.
const EDGES: u16 = 2;

/// Rows of the frame of the GPUs.
const FRAME: u16 = 2;

/// Rows of the processes, from those shared with the events: what they need, or half, or what the events do not need.
fn processes_height(shown: &ViewContent<'_>, left: u16) -> u16 {
    let needed = u16::try_from(shown.processes().len().max(1)).unwrap_or(u16::MAX).saturating_add(3);
    let low = left.saturating_sub(LEAST_EVENTS).min(LEAST_PROCESSES);
    let framed = left.saturating_sub(LEAST_FRAMED_EVENTS).min(FRAMED_PROCESSES);
    needed.min((left / 2).max(low).max(framed))
}

/// Draws the display.
pub(in super::super) fn draw(frame: &mut Frame<'_>, shown: &ViewContent<'_>) {
    let area = frame.area();
    let room = area.height.saturating_sub(EDGES + FRAME + LEAST_PROCESSES + LEAST_EVENTS);
    let gpu = gpu_block(shown, area.width, usize::from(room));
    let gpu_height = u16::try_from(gpu.len()).unwrap_or(u16::MAX).saturating_add(FRAME);
    // On a low terminal the curves are dropped first, then events.
    let has_curves = shown.status.chosen.is_some() || !shown.has_gpu();
    // Without a GPU there is little else to show.
    let rest = if shown.has_gpu() { 18 } else { 16 };
    let curves = if area.height >= gpu_height.saturating_add(rest) && has_curves { 5 } else { 0 };
    let left = area.height.saturating_sub(EDGES).saturating_sub(gpu_height).saturating_sub(curves);
    let processes = processes_height(shown, left);
    let is_framed = left >= FRAMED_PROCESSES + LEAST_FRAMED_EVENTS - 1;
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(gpu_height),
        Constraint::Length(curves),
        Constraint::Length(processes),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .split(area);
    frame.render_widget(header(shown, area.width), rows[0]);
    frame.render_widget(Paragraph::new(gpu).block(titled(shown, &gpu_title(shown))), rows[1]);
    if curves > 0 {
        draw_curves(frame, shown, rows[2]);
    }
    let boxed = |title: &str| {
        let block = titled(shown, title);
        if is_framed { block } else { block.borders(Borders::TOP) }
    };
    let title = processes_title(shown, rows[3].height, is_framed);
    frame.render_widget(processes_table(shown, rows[3].width).block(boxed(&title)), rows[3]);
    frame.render_widget(events(shown, rows[4]).block(boxed("events")), rows[4]);
    frame.render_widget(Paragraph::new(" q quits; the record is kept").style(shown.style(Color::DarkGray)), rows[5]);
}

/// How many of the processes fit, if not all.
fn processes_title(shown: &ViewContent<'_>, height: u16, is_framed: bool) -> String {
    let (all, edges) = (shown.processes().len(), if is_framed { 3 } else { 2 });
    let room = usize::from(height.saturating_sub(edges));
    if all <= room { "processes".into() } else { format!("processes: {room} of {all}") }
}

fn titled<'a>(shown: &ViewContent<'_>, title: &str) -> Block<'a> {
    Block::bordered()
        .title(format!(" {title} "))
        .border_style(shown.style(Color::DarkGray))
        .title_style(Style::new().bold())
}

fn header(shown: &ViewContent<'_>, width: u16) -> Paragraph<'static> {
    let left = format!(" workly-perf watch  {}", elapsed(shown.status.snapshot.at_s));
    let right = format!("every {} s, rules {} ", shown.status.interval_s, shown.status.rules);
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count()).max(1);
    let line = Line::from(vec![
        Span::from(left).bold(),
        Span::from(" ".repeat(gap)),
        Span::from(right).style(shown.style(Color::DarkGray)),
    ]);
    Paragraph::new(line)
}

fn gpu_title(shown: &ViewContent<'_>) -> String {
    let chosen = shown.status.chosen.and_then(|place| shown.status.snapshot.gpus.get(place));
    let none = || if shown.has_gpu() { "GPU".into() } else { "machine".into() };
    chosen.map_or_else(none, |gpu| format!("{}  {}", gpu.label, gpu.name))
}

/// The lines of the GPUs, up to `room`: the selected one in full, the others in one line each as space allows, those
/// that are gone first; or why there is none.
fn gpu_block(shown: &ViewContent<'_>, width: u16, room: usize) -> Vec<Line<'static>> {
    let inner = usize::from(width.saturating_sub(4));
    let mut lines = Vec::new();
    if let Some(reason) = shown.status.none_since {
        lines.extend(folded("No GPU is available: ", reason, inner));
    }
    if let Some(gpu) = shown.status.chosen.and_then(|place| shown.status.snapshot.gpus.get(place)) {
        lines.extend(gpu_lines(shown, gpu, inner));
    }
    let others = shown.status.snapshot.gpus.iter().enumerate().filter(|(place, _)| shown.status.chosen != Some(*place));
    let (gone, there): (Vec<&GpuSnapshot>, Vec<&GpuSnapshot>) = others.map(|(_, gpu)| gpu).partition(|gpu| gpu.lost);
    let others = [gone, there].concat();
    let room = room.saturating_sub(lines.len() + 1);
    // The line with the number of further ones needs a row itself.
    let fit = if others.len() <= room { others.len() } else { room.saturating_sub(1) };
    lines.extend(others[..fit].iter().map(|gpu| other_gpu_line(gpu, inner + 1)));
    lines.extend(rest_line(&others[fit..]));
    lines.push(machine_line(shown.status.snapshot));
    if let Some(model) = &shown.status.snapshot.model {
        lines.extend(model_lines(model, inner));
    }
    lines
}

/// How many GPUs have no line of their own, and the fullest of these.
fn rest_line(rest: &[&GpuSnapshot]) -> Option<Line<'static>> {
    let fullness = |gpu: &&GpuSnapshot| gpu.reading.value()?.vram_percent().value().copied();
    let fullest = rest.iter().filter_map(fullness).reduce(f64::max);
    let fullest = fullest.map_or_else(String::new, |percent| format!("; the fullest of these is {percent:.0} % full"));
    (!rest.is_empty()).then(|| Line::from(format!(" +{} more{fullest}", rest.len())))
}

/// Text wrapped at spaces to `width`.
pub(super) fn folded(label: &str, text: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut line = format!(" {label}");
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > width && line.trim() != label.trim() {
            lines.push(Line::from(line.trim_end().to_owned()));
            line = "   ".into();
        }
        line += word;
        line.push(' ');
    }
    lines.push(Line::from(line.trim_end().to_owned()));
    lines
}

fn draw_curves(frame: &mut Frame<'_>, shown: &ViewContent<'_>, area: Rect) {
    let curves = shown.history.curves(shown.has_gpu());
    let areas = Layout::horizontal(curves.iter().map(|_| Constraint::Fill(1))).split(area);
    for (WatchCurve { title, values, top }, area) in curves.iter().zip(areas.iter()) {
        let room = usize::from(area.width.saturating_sub(2));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share in percent.
        let bar = |value: &Option<f64>| {
            SparklineBar::from(value.map(|value| (100.0 * value / top).round().clamp(0.0, 100.0) as u64))
        };
        let bars: Vec<SparklineBar> = values[values.len().saturating_sub(room)..].iter().map(bar).collect();
        let curve = Sparkline::default()
            .data(bars)
            .max(100)
            .absent_value_symbol("·")
            .style(shown.style(Color::Cyan))
            .block(titled(shown, title));
        frame.render_widget(curve, *area);
    }
}

/// Newest first, one line each: the advice of an alarm is shown with the GPU while the alarm is on.
fn events(shown: &ViewContent<'_>, area: Rect) -> Paragraph<'static> {
    let room = usize::from(area.height);
    let line = |event: &WatchEvent| {
        let style = if event.kind.is_bad() { shown.style(Color::Red) } else { Style::new() };
        Line::from(vec![
            Span::from(format!(" {} ", elapsed(event.at_s))).style(shown.style(Color::DarkGray)),
            Span::from(format!("{} {}", event.subject, event.words)).style(style),
        ])
    };
    let lines: Vec<Line<'static>> = shown.status.events.iter().rev().take(room).map(line).collect();
    let lines =
        if lines.is_empty() { vec![Line::from(" nothing yet").style(shown.style(Color::DarkGray))] } else { lines };
    Paragraph::new(lines)
}

/// Hours, minutes and seconds since the start.
fn elapsed(at_s: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Seconds of the run.
    let seconds = at_s.max(0.0) as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
