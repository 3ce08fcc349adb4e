//! Why something cannot be shown in the requested format.

use crate::record::Run;

/// Why something cannot be shown in a format.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run does not have a required value.
    #[error("{place} has no `{key}`, which llama-bench's format requires")]
    MissingKey {
        /// Where it should be: `subject`, `plan`, `conditions of idle/tg64/threads=2`.
        place: String,
        /// The key.
        key: &'static str,
    },
    /// The value cannot be read.
    #[error("cannot read `{key}` of {place}: {detail}")]
    BadValue {
        /// Where it is.
        place: String,
        /// The key.
        key: &'static str,
        /// What is wrong with the value.
        detail: String,
    },
    /// The subject cannot be shown in this format.
    #[error("this cannot be shown as {format}")]
    NoExporter {
        /// The format's name.
        format: &'static str,
    },
    /// The subject has nothing that the format shows.
    #[error("{reason}")]
    Nothing {
        /// What is missing.
        reason: &'static str,
    },
    /// The run has nothing that the format shows.
    #[error("the run {run_id} of `{command}` has {lacks}")]
    Lacks {
        /// The run.
        run_id: String,
        /// Its command.
        command: String,
        /// What is missing, and who needs it.
        lacks: &'static str,
    },
    /// The text to append to is not a history.
    #[error("not a history: {detail}")]
    NotAHistory {
        /// What is wrong with it.
        detail: String,
    },
    /// The text cannot be written.
    #[error("cannot render it: {0}")]
    Io(#[source] std::io::Error),
    /// No case of the run has repetitions for llama-bench's format.
    #[error("the run of `{command}` has no measured case for llama-bench's format")]
    NoRows {
        /// The run's command.
        command: String,
    },
}

impl ReportError {
    /// The run lacks what a format shows: `no turns, which …`.
    pub(super) fn lacks(run: &Run, lacks: &'static str) -> Self {
        Self::Lacks { run_id: run.run_id.clone(), command: run.command.clone(), lacks }
    }
}
