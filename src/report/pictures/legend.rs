//! The legend of a picture: what its colours, dashes and shapes mean.

use maud::{Markup, html};

use crate::report::html::safe;

/// How an entry looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swatch {
    /// A line.
    Line,
    /// A point.
    Dot,
    /// A ring around a point.
    Ring,
    /// A filled area.
    Area,
}

/// One entry.
pub(in crate::report) struct LegendEntry {
    /// Its look.
    pub(super) swatch: Swatch,
    /// Its class: colour and dashes.
    pub(super) class: String,
    /// Its meaning.
    pub(super) text: String,
}

impl LegendEntry {
    /// An entry.
    pub(super) fn new(swatch: Swatch, class: impl Into<String>, text: impl Into<String>) -> Self {
        Self { swatch, class: class.into(), text: text.into() }
    }
}

/// Number of colours, and of dashes, that tell series apart.
const COLOURS: usize = 6;
const DASHES: usize = 3;

/// The class of the series at this place: colours first, then dashes as well.
pub(super) fn series_class(at: usize) -> String {
    coloured(at, at / COLOURS)
}

/// The class with this colour and these dashes; dashes 0 are a solid line.
pub(super) fn coloured(colour: usize, dashes: usize) -> String {
    format!("s{} d{}", colour % COLOURS + 1, dashes % DASHES + 1)
}

/// The legend; nothing without entries.
pub(in crate::report) fn legend(entries: &[LegendEntry]) -> Markup {
    html! {
        @if !entries.is_empty() {
            ul.legend {
                @for entry in entries {
                    li {
                        svg width="22" height="12" aria-hidden="true" {
                            @match entry.swatch {
                                Swatch::Line => line class=(format!("curve {}", entry.class)) x1="1" x2="21" y1="6" y2="6" {},
                                Swatch::Dot => circle class=(format!("dot {}", entry.class)) cx="11" cy="6" r="5" {},
                                Swatch::Ring => circle class=(entry.class) cx="11" cy="6" r="5" {},
                                Swatch::Area => rect class=(format!("area {}", entry.class)) x="2" y="1" width="18" height="10" {},
                            }
                        }
                        span { (safe(&entry.text)) }
                    }
                }
            }
        }
    }
}
