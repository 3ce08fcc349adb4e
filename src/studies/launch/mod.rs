//! The application as it is used: started with settings in force, and measured where it calls its model.

mod cases;
mod samples;
mod study;
mod supervised;

pub(crate) use supervised::LaunchRun;
