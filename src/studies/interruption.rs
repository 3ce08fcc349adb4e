//! Why a command must end early. Stored once per process: signals are sent to the process, not to a command.

use std::sync::atomic::{AtomicU8, Ordering};

/// The first reason, as [`Interruption::code`]; 0 for none.
static REASON: AtomicU8 = AtomicU8::new(0);

/// Why a command must end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// Ctrl-C, also as SIGINT or Ctrl-Break.
    CtrlC,
    /// SIGTERM; on Windows, the end of the user's session.
    Terminated,
    /// SIGHUP.
    HungUp,
    /// The terminal or console of the program was closed.
    TerminalClosed,
}

impl Interruption {
    const ALL: [Self; 4] = [Self::CtrlC, Self::Terminated, Self::HungUp, Self::TerminalClosed];

    /// Its name in messages: `SIGTERM`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CtrlC => "Ctrl-C",
            Self::Terminated if cfg!(windows) => "the end of the session",
            Self::Terminated => "SIGTERM",
            Self::HungUp => "SIGHUP",
            Self::TerminalClosed => "the closing of its terminal",
        }
    }

    /// Whether a user requested it: a second request ends the program at once. A closing terminal sends SIGHUP more
    /// than once, from the system and from the shell, and that must not end it at once.
    pub(crate) fn is_a_request(self) -> bool {
        matches!(self, Self::CtrlC | Self::Terminated)
    }

    fn code(self) -> u8 {
        self as u8 + 1
    }

    /// Stores it as the reason, unless there is one already.
    pub(crate) fn keep(self) {
        let _ = REASON.compare_exchange(0, self.code(), Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The stored reason.
    fn kept() -> Option<Self> {
        let code = REASON.load(Ordering::SeqCst);
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// The reason in the record of a run that ended early: `ended by SIGTERM`.
pub(crate) fn ended_by() -> String {
    format!("ended by {}", Interruption::kept().unwrap_or(Interruption::CtrlC).name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interruption_reasons_are_distinct() {
        for reason in Interruption::ALL {
            let same = Interruption::ALL.iter().filter(|other| other.code() == reason.code()).count();
            assert_eq!((same, reason.code() > 0, reason.name().is_empty()), (1, true, false));
        }
        assert!(!Interruption::HungUp.is_a_request() && !Interruption::TerminalClosed.is_a_request());
    }
}
