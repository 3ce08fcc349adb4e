//! A view that fills the terminal: entered, drawn, and left as it was on every way out.

use std::io::{self, IsTerminal, Stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::{Frame, Terminal};

use crate::text;

/// Whether the terminal is ours at this moment.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// What the user of a view wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The view to end: `q` or Escape.
    Quit,
    /// Everything to end: Ctrl-C, which is a key like others while the view is there.
    Interrupt,
    /// The view to be drawn again: another size, or any other key.
    Redraw,
}

/// The terminal, taken for a view. Given back when this is dropped, on a panic, and by [`restore_terminal`].
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Whether there is a terminal that a view can be shown on and a keyboard to leave it by.
    #[must_use]
    pub fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        io::stdout().is_terminal() && io::stdin().is_terminal() && !dumb
    }

    /// Takes the terminal.
    pub fn enter() -> io::Result<Self> {
        restore_on_panic();
        ENTERED.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, cursor::Hide))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        taken.map(|terminal| Self { terminal }).inspect_err(|_| restore_terminal())
    }

    /// Draws anew.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let safely = |frame: &mut Frame<'_>| {
            draw(frame);
            make_safe(frame.buffer_mut());
        };
        self.terminal.draw(safely).map(|_| ())
    }

    /// Waits for a key or another size of the terminal, `wait` at most.
    pub fn key(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        if !event::poll(wait)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            Event::Key(key) if key.kind == KeyEventKind::Release => None,
            Event::Key(key) => Some(meaning(key)),
            Event::Resize(_, _) => Some(Key::Redraw),
            _ => None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Gives the terminal back, if it was taken. What cannot be undone is left: there is nobody to tell.
pub fn restore_terminal() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        if is_raw_mode_enabled().unwrap_or(true) {
            let _ = disable_raw_mode();
        }
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
    }
}

/// Has a panic give the terminal back before it says anything: its words would vanish with the view.
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

/// Blanks what is drawn with characters that could steer the terminal or turn its text around.
fn make_safe(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().chars().any(text::is_unsafe) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

fn meaning(key: KeyEvent) -> Key {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Interrupt,
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Key::Quit,
        _ => Key::Redraw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_view_says() {
        let key = |code, modifiers| meaning(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Key::Quit);
        assert_eq!(key(KeyCode::Esc, KeyModifiers::NONE), Key::Quit);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Key::Interrupt);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), Key::Redraw);
    }

    #[test]
    fn names_of_others_cannot_steer_the_view() {
        let mut buffer = Buffer::with_lines(["name"]);
        buffer.content[0].set_symbol("a\u{202e}");
        buffer.content[1].set_symbol("\u{9b}");
        make_safe(&mut buffer);
        let shown: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(shown, "\u{fffd}\u{fffd}me");
    }

    #[test]
    fn a_terminal_that_was_not_taken_is_left_alone() {
        restore_terminal();
        assert!(!ENTERED.load(Ordering::SeqCst));
    }
}
