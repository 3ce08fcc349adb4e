//! A full-screen display: entered, drawn, and restored however it ends.

use std::io::{self, IsTerminal, Stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::{Frame, Terminal};

use super::keys::{Key, Keys};
use super::printer::print_held_back;
use crate::text;

/// Whether the display has the terminal now.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while it shows a display. Restored when this is dropped, on a panic, and by [`restore_terminal`].
#[derive(Debug)]
pub struct Screen {
    /// Never dropped: that would show the cursor, which [`restore_terminal`] does, and panic if the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    keys: Keys,
}

impl Screen {
    /// Whether there is a terminal for a display and a keyboard to quit it.
    #[must_use]
    pub fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        io::stdout().is_terminal() && io::stdin().is_terminal() && !dumb
    }

    /// Takes over the terminal.
    pub fn enter() -> io::Result<Self> {
        restore_on_panic();
        ENTERED.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, cursor::Hide))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        taken
            .map(|terminal| Self { terminal: ManuallyDrop::new(terminal), keys: Keys::default() })
            .inspect_err(|_| restore_terminal())
    }

    /// Redraws. Returns `false` once the terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<bool> {
        if self.keys.is_gone() {
            return Ok(false);
        }
        let safely = |frame: &mut Frame<'_>| {
            draw(frame);
            make_safe(frame.buffer_mut());
        };
        match self.terminal.draw(safely) {
            Ok(_) => Ok(true),
            // It may have gone meanwhile.
            Err(_) if self.keys.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits up to `wait` for a key, a new size or the end of the terminal.
    pub fn key(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        self.keys.next(wait)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Restores the terminal, if it was taken. Errors are ignored: there is no place to report them.
pub fn restore_terminal() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        if is_raw_mode_enabled().unwrap_or(true) {
            let _ = disable_raw_mode();
        }
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        print_held_back();
    }
}

/// Whether a display has the terminal now.
pub(super) fn is_taken() -> bool {
    ENTERED.load(Ordering::SeqCst)
}

/// Makes a panic restore the terminal first: its message would vanish with the display.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore_terminal();
            before(panic);
        }));
    });
}

/// Blanks drawn characters that could control the terminal or change the text direction.
fn make_safe(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().chars().any(text::is_unsafe) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_cannot_control_the_view() {
        let mut buffer = Buffer::with_lines(["name"]);
        buffer.content[0].set_symbol("a\u{202e}");
        buffer.content[1].set_symbol("\u{9b}");
        make_safe(&mut buffer);
        let shown: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(shown, "\u{fffd}\u{fffd}me");
    }

    #[test]
    fn unused_terminal_is_left_unchanged() {
        restore_terminal();
        assert!(!ENTERED.load(Ordering::SeqCst));
    }
}
