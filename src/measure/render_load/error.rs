//! What can go wrong with a render-like load.

use std::path::PathBuf;
use std::time::Duration;

/// Why a text or a set of values is no render-like load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderSpecError {
    /// Not two or three parts.
    #[error("'{text}' is not FPS:MAIN[:WORKER], such as 60:8ms:5ms")]
    Shape {
        /// What was given.
        text: String,
    },
    /// The frame rate cannot be used.
    #[error("'{text}' is not a frame rate from 1 to 1000")]
    Fps {
        /// What was given.
        text: String,
    },
    /// The time of a thread cannot be used.
    #[error("'{text}' is not a time per frame for the {thread} thread: {cause}")]
    Time {
        /// `main` or `worker`; `main or worker` where it is not known which.
        thread: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// Why a render-like load does not run.
#[derive(Debug, thiserror::Error)]
pub enum RenderLoadError {
    /// The process does not start.
    #[error("cannot start the render-like load {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The process runs and does not say that it is ready.
    #[error("the render-like load {spec} was not ready within {waited:?}")]
    NotReady {
        /// What it was told to do.
        spec: String,
        /// How long it was given.
        waited: Duration,
    },
    /// The process wrote something else than its protocol.
    #[error("the render-like load {spec} wrote {line:?} instead of {wanted}")]
    Garbled {
        /// What it was told to do.
        spec: String,
        /// The line, cut to 80 characters.
        line: String,
        /// `calibration` or `frame`.
        wanted: &'static str,
    },
    /// The process is gone, so what is measured now is not measured under load.
    #[error("the render-like load {spec} ended unexpectedly{}", if said.is_empty() { String::new() } else { format!(": \
        {said}") })]
    Ended {
        /// What it was told to do.
        spec: String,
        /// Its last words on standard error, which may be none.
        said: String,
    },
}
