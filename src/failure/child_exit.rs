//! How a child process of this program ended.

use super::Failure;
use crate::exit::Exit;

/// How a child process of this program ended, by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildExit {
    /// Done, without a negative verdict.
    Done,
    /// Done, with a negative verdict.
    Negative,
    /// Its command line was invalid.
    Usage,
    /// The machine lacks something.
    Lacking,
    /// Its measurement failed.
    Failed,
    /// A file could not be used.
    Unreadable,
    /// A signal ended it, and it completed its record.
    Interrupted,
    /// Anything else: a bug, a crash, or a signal that killed it.
    Other,
}

impl ChildExit {
    const KNOWN: [(Exit, Self); 7] = [
        (Exit::Done, Self::Done),
        (Exit::Negative, Self::Negative),
        (Exit::Usage, Self::Usage),
        (Exit::Lacking, Self::Lacking),
        (Exit::Failed, Self::Failed),
        (Exit::Unreadable, Self::Unreadable),
        (Exit::Interrupted, Self::Interrupted),
    ];

    /// The meaning of that exit code; `None` for a process that a signal killed.
    pub(crate) fn of(code: Option<i32>) -> Self {
        let known = Self::KNOWN.into_iter().find(|(exit, _)| code == Some(*exit as i32));
        known.map_or(Self::Other, |(_, class)| class)
    }

    /// An error that ends this process for the same reason; a failed measurement if there is no better one.
    pub(crate) fn failure(self, error: impl Into<anyhow::Error>) -> Failure {
        match self {
            Self::Usage => Failure::usage(error),
            Self::Lacking => Failure::lacking(error),
            Self::Unreadable => Failure::unreadable(error),
            Self::Interrupted => Failure::interrupted(error),
            Self::Done | Self::Negative | Self::Failed | Self::Other => Failure::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_keep_their_class_and_crashes_are_failed_measurements() {
        let exit = |code| ChildExit::of(code).failure(anyhow::anyhow!("no record")).exit();
        for (code, ends) in [
            (Some(2), Exit::Usage),
            (Some(3), Exit::Lacking),
            (Some(4), Exit::Failed),
            (Some(5), Exit::Unreadable),
            (Some(130), Exit::Interrupted),
            (Some(1), Exit::Failed),
            (Some(70), Exit::Failed),
            (Some(-1_073_741_819), Exit::Failed),
            (None, Exit::Failed),
        ] {
            assert_eq!(exit(code), ends, "{code:?}");
        }
        assert_eq!((ChildExit::of(Some(0)), ChildExit::of(Some(1))), (ChildExit::Done, ChildExit::Negative));
    }
}
