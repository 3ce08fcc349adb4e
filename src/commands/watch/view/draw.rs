//! The view as a whole: from the top to the bottom, and what gives way where there is little room.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline, SparklineBar};

use super::super::events::Event;
use super::super::look::Look;
use super::parts::{gpu_lines, machine_line, other_gpu_line, processes_table};
use crate::advise::watch::CardState;

/// Looks that the curves show at most.
const MOST_LOOKS: usize = 512;

/// Everything that the view shows.
pub(in super::super) struct Shown<'a> {
    /// What is seen now.
    pub(in super::super) look: &'a Look,
    /// The place of the GPU whose state is told.
    pub(in super::super) chosen: Option<usize>,
    /// Its state, and for how many seconds.
    pub(in super::super) state: Option<(CardState, f64)>,
    /// A better state that has to wait, and for how many seconds more.
    pub(in super::super) waiting: Option<(CardState, f64)>,
    /// The GPU profile that suits the state.
    pub(in super::super) profile: Option<&'a str>,
    /// What to do, while the alarm is on.
    pub(in super::super) advice: Option<&'a [String]>,
    /// How full and how busy the GPU was.
    pub(in super::super) history: &'a History,
    /// What happened, oldest first.
    pub(in super::super) events: &'a [Event],
    /// Why no GPU can be asked.
    pub(in super::super) none_since: Option<&'a str>,
    /// What of the card this program holds itself.
    pub(in super::super) holding: Option<String>,
    /// Names of the rules, and the seconds between two looks.
    pub(in super::super) rules: &'a str,
    /// Seconds between two looks.
    pub(in super::super) interval_s: f64,
    /// Whether colours may be used.
    pub(in super::super) colour: bool,
}

/// How full and how busy a GPU was at the last looks, in percent; nothing where it was not read.
#[derive(Debug, Default)]
pub(in super::super) struct History {
    looks: VecDeque<(Option<f64>, Option<f64>)>,
}

impl History {
    /// Adds a look.
    pub(in super::super) fn add(&mut self, full_percent: Option<f64>, use_percent: Option<f64>) {
        self.looks.push_back((full_percent, use_percent));
        if self.looks.len() > MOST_LOOKS {
            self.looks.pop_front();
        }
    }
}

impl Shown<'_> {
    /// The colour of a state, where colours may be used.
    pub(super) fn style(&self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

/// Draws the view.
pub(in super::super) fn draw(frame: &mut Frame<'_>, shown: &Shown<'_>) {
    let area = frame.area();
    let gpu = gpu_block(shown, area.width);
    let gpu_height = u16::try_from(gpu.len() + 2).unwrap_or(u16::MAX);
    let processes = u16::try_from(shown.look.processes.len().max(1)).unwrap_or(u16::MAX).saturating_add(3);
    // On a low terminal the curves go first, then the events become few.
    let curves = if area.height >= gpu_height + 18 && shown.chosen.is_some() { 5 } else { 0 };
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(gpu_height),
        Constraint::Length(curves),
        Constraint::Length(processes.min(area.height / 2)),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .split(area);
    frame.render_widget(header(shown, area.width), rows[0]);
    frame.render_widget(Paragraph::new(gpu).block(titled(shown, &gpu_title(shown))), rows[1]);
    if curves > 0 {
        draw_curves(frame, shown, rows[2]);
    }
    frame.render_widget(processes_table(shown, rows[3].width).block(titled(shown, "processes")), rows[3]);
    frame.render_widget(events(shown, rows[4]).block(titled(shown, "what happened")), rows[4]);
    frame.render_widget(
        Paragraph::new(" q ends the watch; the record is kept").style(shown.style(Color::DarkGray)),
        rows[5],
    );
}

fn titled<'a>(shown: &Shown<'_>, title: &str) -> Block<'a> {
    Block::bordered()
        .title(format!(" {title} "))
        .border_style(shown.style(Color::DarkGray))
        .title_style(Style::new().bold())
}

fn header(shown: &Shown<'_>, width: u16) -> Paragraph<'static> {
    let left = format!(" workly-perf watch  {}", elapsed(shown.look.at_s));
    let right = format!("every {} s, rules {} ", shown.interval_s, shown.rules);
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count()).max(1);
    let line = Line::from(vec![
        Span::from(left).bold(),
        Span::from(" ".repeat(gap)),
        Span::from(right).style(shown.style(Color::DarkGray)),
    ]);
    Paragraph::new(line)
}

fn gpu_title(shown: &Shown<'_>) -> String {
    let chosen = shown.chosen.and_then(|place| shown.look.gpus.get(place));
    chosen.map_or_else(|| "GPU".into(), |gpu| format!("{}  {}", gpu.label, gpu.name))
}

/// The lines of the GPUs: the chosen one in full, the others in a line each; else why there is none.
fn gpu_block(shown: &Shown<'_>, width: u16) -> Vec<Line<'static>> {
    let inner = usize::from(width.saturating_sub(4));
    let mut lines = Vec::new();
    if let Some(reason) = shown.none_since {
        lines.extend(folded("No GPU can be asked: ", reason, inner));
    }
    for (place, gpu) in shown.look.gpus.iter().enumerate() {
        if shown.chosen == Some(place) {
            lines.splice(0..0, gpu_lines(shown, gpu, inner));
        } else {
            lines.push(other_gpu_line(gpu));
        }
    }
    lines.push(machine_line(shown.look));
    lines
}

/// A text in lines of at most `width`, broken between words.
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

fn draw_curves(frame: &mut Frame<'_>, shown: &Shown<'_>, area: Rect) {
    let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).split(area);
    let full: Vec<_> = shown.history.looks.iter().map(|(full, _)| *full).collect();
    let busy: Vec<_> = shown.history.looks.iter().map(|(_, busy)| *busy).collect();
    for (values, title, area) in [(full, "memory, % full", halves[0]), (busy, "use, %", halves[1])] {
        let room = usize::from(area.width.saturating_sub(2));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share in percent.
        let bar = |value: &Option<f64>| SparklineBar::from(value.map(|value| value.round().clamp(0.0, 100.0) as u64));
        let bars: Vec<SparklineBar> = values[values.len().saturating_sub(room)..].iter().map(bar).collect();
        let curve = Sparkline::default()
            .data(bars)
            .max(100)
            .absent_value_symbol("·")
            .style(shown.style(Color::Cyan))
            .block(titled(shown, title));
        frame.render_widget(curve, area);
    }
}

/// The newest first, a line each: what to do about an alarm stands with the GPU as long as it is on.
fn events(shown: &Shown<'_>, area: Rect) -> Paragraph<'static> {
    let room = usize::from(area.height);
    let line = |event: &Event| {
        let style = if event.kind.is_bad() { shown.style(Color::Red) } else { Style::new() };
        Line::from(vec![
            Span::from(format!(" {} ", elapsed(event.at_s))).style(shown.style(Color::DarkGray)),
            Span::from(format!("{} {}", event.subject, event.words)).style(style),
        ])
    };
    let lines: Vec<Line<'static>> = shown.events.iter().rev().take(room).map(line).collect();
    let lines =
        if lines.is_empty() { vec![Line::from(" nothing yet").style(shown.style(Color::DarkGray))] } else { lines };
    Paragraph::new(lines)
}

/// Hours, minutes and seconds since the watch began.
fn elapsed(at_s: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Seconds of a watch.
    let seconds = at_s.max(0.0) as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
