//! Why a record cannot be shown in the requested format.

/// What a run lacks for a report.
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
    /// No case of the run has repetitions for llama-bench's format.
    #[error("the run of `{command}` has no measured case for llama-bench's format")]
    NoRows {
        /// The run's command.
        command: String,
    },
}
