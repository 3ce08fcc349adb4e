//! The meaning of keys in a full-screen display.

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Quit the display: `q` or Escape.
    Quit,
    /// End everything: Ctrl-C, which is an ordinary key in the display.
    Interrupt,
    /// Redraw: the size changed, or any other key.
    Redraw,
    /// Nothing more: the terminal was closed.
    Gone,
}
