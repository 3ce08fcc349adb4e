//! The application as it is used: started with settings in force, and measured where it calls its model.

mod cases;
mod limits;
mod samples;
mod scene;
mod study;
mod supervised;

pub(crate) use limits::longest_context;
pub(crate) use supervised::LaunchRun;
