//! A proxy between application and Unity: it passes on every byte and records when each message passed.

mod cases;
mod findings;
mod recording;
mod study;

pub(crate) use study::{TapListener, TapStudy};
