//! Keys of a Windows console.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::key::Key;

/// Events of the console. Closing it is a console event like Ctrl-C, not one of these.
#[derive(Debug, Default)]
pub(in super::super) struct Keys;

impl Keys {
    /// Waits up to `wait` for a key or a new size.
    #[allow(clippy::unused_self)] // As on other systems.
    pub(in super::super) fn next(&mut self, wait: Duration) -> io::Result<Option<Key>> {
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

    /// Never happens: closing the console ends the program.
    #[allow(clippy::unused_self)] // As on other systems.
    pub(in super::super) fn is_gone(&self) -> bool {
        false
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
}
