//! A proxy between the application and Unity: it passes every byte on, and records when each message passed.

mod cases;
mod findings;
mod recording;
mod study;

pub(crate) use study::{TapListener, TapStudy};
