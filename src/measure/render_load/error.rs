//! Errors of the render-like load.

use std::path::PathBuf;
use std::time::Duration;

/// Why a text or a set of values does not describe a render-like load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderSpecError {
    /// Not two or three parts.
    #[error("'{text}' is not FPS:MAIN[:WORKER], such as 60:8ms:5ms")]
    Shape {
        /// The given text.
        text: String,
    },
    /// Invalid frame rate.
    #[error("'{text}' is not a frame rate from 1 to 1000")]
    Fps {
        /// The given text.
        text: String,
    },
    /// Invalid time of a thread.
    #[error("'{text}' is not a time per frame for the {thread} thread: {cause}")]
    Time {
        /// `main`, `worker`, or `main or worker` if it is unknown which.
        thread: &'static str,
        /// The given text.
        text: String,
        /// The cause.
        cause: String,
    },
}

/// Why a render-like load does not run.
#[derive(Debug, thiserror::Error)]
pub enum RenderLoadError {
    /// The process did not start.
    #[error("cannot start the render-like load {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The process runs but has not reported that it is ready.
    #[error("the render-like load {spec} was not ready within {waited:?}")]
    NotReady {
        /// The load it was started with.
        spec: String,
        /// Time waited.
        waited: Duration,
    },
    /// The process wrote something that is not its protocol.
    #[error("the render-like load {spec} wrote {line:?} instead of {wanted}")]
    Garbled {
        /// The load it was started with.
        spec: String,
        /// The line, cut to 80 characters.
        line: String,
        /// What was expected: `calibration` or `frame`.
        wanted: &'static str,
    },
    /// The process has ended, so current measurements are not under load.
    #[error("the render-like load {spec} ended unexpectedly{}", if said.is_empty() { String::new() } else { format!(": \
        {said}") })]
    Ended {
        /// The load it was started with.
        spec: String,
        /// Its last line on standard error; may be empty.
        said: String,
    },
}
