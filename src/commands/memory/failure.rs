//! How the errors of `memory` end.

use super::lines::LinesError;
use super::target::TargetError;
use super::watched::WatchError;
use crate::exit::Exit;
use crate::failure::Failure;

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let (exit, hint) = match &error {
            TargetError::NoSuchNumber { .. } => (Exit::Lacking, "see the list of processes of your system"),
            TargetError::NoSuchName { .. } => (
                Exit::Lacking,
                "start it first; a program in Python is called python, whatever it shows: name it by --pid",
            ),
            TargetError::Several { .. } => (Exit::Usage, "name one of them with --pid"),
            TargetError::Unlisted { .. } => (Exit::Lacking, "name the process with --pid"),
            TargetError::OtherUser { .. } => {
                (Exit::Lacking, "run workly-perf as the user who started it, or as the administrator")
            }
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Record(error) => error.into(),
            WatchError::Lines(LinesError::Read { .. }) => Self::new(Exit::Unreadable, error.into())
                .hint("name a text file to which the process adds a line with each message"),
            WatchError::Lines(LinesError::NotAFile { .. }) => Self::new(Exit::Usage, error.into())
                .hint("write what comes out of it to a file (`… | tee messages.log`), and name that"),
        }
    }
}
