//! Where a watch is shown: in a view that fills the terminal, or line by line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::super::stop::note;
use super::events::Event;
use super::failure::WatchError;
use super::lines::line;
use super::view::{Shown, draw};
use crate::clock::Clock;
use crate::studies::Interruption;
use crate::term::{Key, Printer, Screen};

/// How long a stop goes unnoticed at most.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What ended the wait for the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It is time for it.
    Due,
    /// The user is done.
    Quit,
    /// A signal, or the end of the terminal.
    Stopped,
}

/// Where it is shown.
#[derive(Debug)]
pub(super) enum Display {
    /// In a view.
    Screen(Box<Screen>),
    /// Line by line, on standard output.
    Lines(Printer),
}

impl Display {
    /// How a watch ends that nobody reads any more: a pipe that was closed is the reader's wish, a terminal is not.
    pub(super) fn unread(&self, stop: &AtomicBool) -> Waited {
        match self {
            Self::Lines(printer) if !printer.prints_to_terminal() => Waited::Quit,
            Self::Lines(_) | Self::Screen(_) => stopped_by(Interruption::TerminalClosed, stop),
        }
    }

    /// The view, where there is a terminal for it and `plain` does not forbid it.
    pub(super) fn open(plain: bool, printer: Printer) -> Result<Self, WatchError> {
        if plain || !Screen::is_possible() {
            return Ok(Self::Lines(printer));
        }
        Ok(Self::Screen(Box::new(Screen::enter().map_err(|source| WatchError::Terminal { source })?)))
    }

    /// Shows a look and what has happened with it. `false` once nobody reads any more: the pipe or the terminal was closed.
    pub(super) fn show(&mut self, shown: &Shown<'_>, new_events: &[Event]) -> Result<bool, WatchError> {
        let failed = |source| WatchError::Terminal { source };
        match self {
            Self::Screen(screen) => screen.draw(|frame| draw(frame, shown)).map_err(failed),
            Self::Lines(printer) => {
                let look = line(shown.look, shown.chosen, shown.state.map(|(state, _)| state));
                let happened = |event: &Event| format!("{} * {}", event.time.strftime("%H:%M:%SZ"), event.line());
                let lines: Vec<String> = [look].into_iter().chain(new_events.iter().map(happened)).collect();
                let text = lines.join("\n");
                printer.stream(&text).map_err(failed)
            }
        }
    }

    /// Waits until the clock reads `due_ns`, drawing again when the terminal changes.
    pub(super) fn wait(
        &mut self,
        clock: &Clock,
        due_ns: u64,
        shown: &Shown<'_>,
        stop: &AtomicBool,
    ) -> Result<Waited, WatchError> {
        let failed = |source| WatchError::Terminal { source };
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(Waited::Stopped);
            }
            let left = Duration::from_nanos(due_ns.saturating_sub(clock.now_ns()));
            if left.is_zero() {
                return Ok(Waited::Due);
            }
            match self {
                Self::Lines(_) => thread::sleep(left.min(LOOK_UP)),
                Self::Screen(screen) => match screen.key(left.min(LOOK_UP)).map_err(failed)? {
                    Some(Key::Quit) => return Ok(Waited::Quit),
                    Some(Key::Interrupt) => return Ok(stopped_by(Interruption::CtrlC, stop)),
                    Some(Key::Gone) => return Ok(stopped_by(Interruption::TerminalClosed, stop)),
                    Some(Key::Redraw) if !screen.draw(|frame| draw(frame, shown)).map_err(failed)? => {
                        return Ok(stopped_by(Interruption::TerminalClosed, stop));
                    }
                    Some(Key::Redraw) | None => {}
                },
            }
        }
    }
}

fn stopped_by(reason: Interruption, stop: &AtomicBool) -> Waited {
    note(reason, stop);
    Waited::Stopped
}
