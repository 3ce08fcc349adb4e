//! Shows `watch` in a full-screen display, or line by line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::super::stop::note;
use super::lines::line;
use super::view::{ViewContent, draw};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::studies::Interruption;
use crate::studies::watch::{WaitResult, WatchDisplay, WatchEvent, WatchHistory, WatchStatus};
use crate::term::{Key, Printer, Screen, is_coloured};

/// Longest delay of the response to a signal or a key.
const POLL: Duration = Duration::from_millis(50);

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the terminal: {source}")]
pub(super) struct TerminalError {
    /// The system's error.
    #[from]
    source: std::io::Error,
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Self {
        Self::failed(error).hint("use --plain for plain lines")
    }
}

/// The output.
#[derive(Debug)]
pub(super) enum WatchOutput {
    /// In a full-screen display, with curves of the last readings.
    Screen(Box<Screen>, WatchHistory),
    /// Line by line on standard output.
    Lines(Printer),
}

impl WatchOutput {
    /// The display, if there is a terminal for it and `plain` is not set.
    pub(super) fn open(plain: bool, printer: Printer) -> Result<Self, TerminalError> {
        if plain || !Screen::is_possible() {
            return Ok(Self::Lines(printer));
        }
        Ok(Self::Screen(Box::new(Screen::enter()?), WatchHistory::default()))
    }
}

/// Draws the display. Returns `false` once the terminal is gone.
fn drawn(screen: &mut Screen, history: &WatchHistory, status: &WatchStatus<'_>) -> Result<bool, TerminalError> {
    let shown = ViewContent { status, history, colour: is_coloured() };
    Ok(screen.draw(|frame| draw(frame, &shown))?)
}

impl WatchDisplay for WatchOutput {
    fn show(&mut self, status: &WatchStatus<'_>, new_events: &[WatchEvent]) -> Result<bool, Failure> {
        match self {
            Self::Screen(screen, history) => {
                history.add(status);
                Ok(drawn(screen, history, status)?)
            }
            Self::Lines(printer) => {
                let sample = line(status.snapshot, status.chosen, status.state.map(|(state, _)| state));
                let happened = |event: &WatchEvent| format!("{} * {}", event.time.strftime("%H:%M:%SZ"), event.line());
                let lines: Vec<String> = [sample].into_iter().chain(new_events.iter().map(happened)).collect();
                Ok(printer.stream(&lines.join("\n")).map_err(TerminalError::from)?)
            }
        }
    }

    /// Closing a pipe is the reader's wish; a closed terminal is not.
    fn unread(&self, stop: &AtomicBool) -> WaitResult {
        match self {
            Self::Lines(printer) if !printer.prints_to_terminal() => WaitResult::Quit,
            Self::Lines(_) | Self::Screen(..) => stopped_by(Interruption::TerminalClosed, stop),
        }
    }

    fn wait(
        &mut self,
        clock: &Clock,
        due_ns: u64,
        status: &WatchStatus<'_>,
        stop: &AtomicBool,
    ) -> Result<WaitResult, Failure> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(WaitResult::Stopped);
            }
            let left = Duration::from_nanos(due_ns.saturating_sub(clock.now_ns()));
            if left.is_zero() {
                return Ok(WaitResult::Due);
            }
            match self {
                Self::Lines(_) => thread::sleep(left.min(POLL)),
                Self::Screen(screen, history) => match screen.key(left.min(POLL)).map_err(TerminalError::from)? {
                    Some(Key::Quit) => return Ok(WaitResult::Quit),
                    Some(Key::Interrupt) => return Ok(stopped_by(Interruption::CtrlC, stop)),
                    Some(Key::Gone) => return Ok(stopped_by(Interruption::TerminalClosed, stop)),
                    // Redrawn when the terminal changes.
                    Some(Key::Redraw) if !drawn(screen, history, status)? => {
                        return Ok(stopped_by(Interruption::TerminalClosed, stop));
                    }
                    Some(Key::Redraw) | None => {}
                },
            }
        }
    }
}

fn stopped_by(reason: Interruption, stop: &AtomicBool) -> WaitResult {
    note(reason, stop);
    WaitResult::Stopped
}
