//! What may be wrong: machine, configuration, model, GPU and bridge, as they are now.

mod backends;
mod bridge;
mod check_up;
mod gpu;
mod model;
mod self_test;
mod settings;

pub(crate) use check_up::{CheckScope, check_up};
pub(crate) use self_test::self_test;
