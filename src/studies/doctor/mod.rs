//! What may be wrong: machine, configuration, model, GPU and bridge, as they are now.

mod bridge;
mod check_up;
mod gpu;
mod model;
mod settings;

pub(crate) use check_up::{Checked, check_up};
