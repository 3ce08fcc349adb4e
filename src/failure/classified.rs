//! An error with its exit code and its hint.

use std::path::{Path, PathBuf};

use crate::exit::Exit;

/// An error to show to the user.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
    record: Option<PathBuf>,
}

impl Failure {
    /// A failure without a hint.
    pub(crate) fn new(exit: Exit, error: anyhow::Error) -> Self {
        Self { exit, error, hint: None, record: None }
    }

    /// The command line or one of its values is invalid.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Usage, error.into())
    }

    /// This machine lacks something that is needed.
    pub(crate) fn lacking(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Lacking, error.into())
    }

    /// The measurement failed, or its figures cannot be trusted.
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Failed, error.into())
    }

    /// A file cannot be read or written, or is corrupt.
    pub(crate) fn unreadable(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Unreadable, error.into())
    }

    /// A bug of this program.
    pub(crate) fn bug(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Bug, error.into())
    }

    /// A signal requested the end.
    pub(crate) fn interrupted(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Interrupted, error.into())
    }

    /// The same with a hint, which replaces any previous one.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with a hint, where there is one.
    pub(crate) fn hint_if<H: Into<String>>(self, hint: Option<H>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same with the folder of the record that has the figures measured so far.
    pub(crate) fn with_record(self, folder: &Path) -> Self {
        Self { record: Some(folder.to_owned()), ..self }
    }

    /// The same with another exit code.
    pub(crate) fn ends_with(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Something that existed when the measurement started is missing now: the measurement failed, but the machine
    /// lacks nothing.
    pub(crate) fn during_a_run(self) -> Self {
        if self.exit == Exit::Lacking { self.ends_with(Exit::Failed) } else { self }
    }

    /// The exit code of the process.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether a signal caused it.
    pub(crate) fn is_interruption(&self) -> bool {
        self.exit == Exit::Interrupted
    }

    /// Whether the machine lacks something that is needed.
    pub(crate) fn is_lacking(&self) -> bool {
        self.exit == Exit::Lacking
    }

    /// Whether the measurement failed.
    pub(crate) fn is_failed(&self) -> bool {
        self.exit == Exit::Failed
    }

    /// The record that has the figures measured so far.
    pub(crate) fn record(&self) -> Option<&Path> {
        self.record.as_deref()
    }

    /// The hint.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What went wrong, with all causes, for the record.
    pub(crate) fn reason(&self) -> String {
        format!("{:#}", self.error)
    }

    /// The error, followed by those causes that it does not mention itself, for the user.
    pub(crate) fn message(&self) -> String {
        self.error.chain().skip(1).map(ToString::to_string).fold(self.error.to_string(), |message, cause| {
            if message.contains(&cause) { message } else { format!("{message}: {cause}") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanError;

    #[test]
    fn foreign_text_in_an_error_is_not_a_hint() {
        let foreign = "the bridge refused the command: no\nhint: rm -r /";
        let failure = Failure::failed(anyhow::anyhow!(foreign)).hint("ours");
        assert_eq!((failure.message().as_str(), failure.advice()), (foreign, Some("ours")));
    }

    #[test]
    fn unknown_dialect_lists_the_known_ones() {
        let unknown = crate::bridge::Dialect::named("klingon").unwrap_err();
        let failure = Failure::from(PlanError::UnknownDialect(unknown));
        assert_eq!(failure.message(), "dialect `klingon` is not known");
        assert!(failure.advice().unwrap().starts_with("dialects are stock, batch"));
    }

    #[test]
    fn loss_during_a_run_is_a_failed_measurement() {
        let lacking = || Failure::lacking(anyhow::anyhow!("nothing listens"));
        assert_eq!((lacking().exit(), lacking().during_a_run().exit()), (Exit::Lacking, Exit::Failed));
        assert_eq!(Failure::usage(anyhow::anyhow!("no")).during_a_run().exit(), Exit::Usage);
    }
}
