//! Why a record cannot be shown in the shape that was asked for.

/// What a run lacks for a report on it.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run does not say what the shape must print.
    #[error("{place} does not hold `{key}`, which llama-bench's shape needs")]
    MissingKey {
        /// Where it was looked for: `subject`, `plan`, `conditions of idle/tg64/threads=2`.
        place: String,
        /// The key.
        key: &'static str,
    },
    /// The run says it in a way that cannot be read.
    #[error("{place} holds `{key}` in a form that cannot be read: {detail}")]
    BadValue {
        /// Where it stands.
        place: String,
        /// The key.
        key: &'static str,
        /// What is wrong with the value.
        detail: String,
    },
    /// No case of the run has repetitions that llama-bench's shape could show.
    #[error("the run of `{command}` has no measured case that llama-bench's shape can show")]
    NoRows {
        /// The run's command.
        command: String,
    },
}
