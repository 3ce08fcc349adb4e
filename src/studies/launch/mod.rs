//! The application in use: started with the settings applied, and measured at its calls of the model.

mod cases;
mod limits;
mod samples;
mod scene;
mod study;
mod supervised;

pub(crate) use limits::longest_context;
pub(crate) use supervised::LaunchRun;
