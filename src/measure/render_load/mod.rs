//! A process with the CPU use of a Unity scene, which competes for the CPU frame by frame.
//!
//! [`RenderLoad`] starts the process and counts its frames; [`render()`] runs in that process.

mod error;
mod frame;
mod load;
mod pace;
mod render;
mod spec;
mod work;

pub use error::{RenderLoadError, RenderSpecError};
pub use frame::{Calibration, Frame};
pub use load::{FramesInSpan, RenderLoad};
pub use render::render;
pub use spec::RenderSpec;
