//! What keys mean to a view.

/// What the user of a view wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The view to end: `q` or Escape.
    Quit,
    /// Everything to end: Ctrl-C, which is a key like others while the view is there.
    Interrupt,
    /// The view to be drawn again: another size, or any other key.
    Redraw,
    /// Nothing any more: the terminal was closed.
    Gone,
}
