//! A stand-in for a Unity scene that renders: it competes for the CPU frame by frame, from a process of its own.
//!
//! [`RenderLoad`] starts the process and counts its frames; [`render`] is what that process does.

mod error;
mod frame;
mod load;
mod pace;
mod render;
mod spec;
mod work;

pub use error::{RenderLoadError, RenderSpecError};
pub use frame::{Calibration, Frame};
pub use load::{FrameCounts, Frames, RenderLoad};
pub use render::render;
pub use spec::RenderSpec;
