//! What became of the request to lock weights in memory.

use serde::{Deserialize, Serialize};

#[cfg(feature = "llama")]
use super::log::LogLine;

/// The result of loading a model, as far as a lock is concerned, whether or not one was requested.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockOutcome {
    /// llama.cpp's reason if the weights could not be locked, although that was requested: it goes on without.
    pub fault: Option<String>,
    /// Weights repacked for the CPU, in bytes. llama.cpp never locks those, and says nothing about it.
    pub repacked_bytes: u64,
}

impl LockOutcome {
    /// The first fault, and the most repacked weights, of several loads.
    #[must_use]
    pub fn worst<'o>(outcomes: impl IntoIterator<Item = &'o Self>) -> Self {
        outcomes.into_iter().fold(Self::default(), |worst, one| Self {
            fault: worst.fault.or_else(|| one.fault.clone()),
            repacked_bytes: worst.repacked_bytes.max(one.repacked_bytes),
        })
    }

    /// From the warnings of loading; those about the lock are taken from the lines, with llama.cpp's advice.
    #[cfg(feature = "llama")]
    pub(super) fn taken_from(lines: &mut Vec<LogLine>, repacked_bytes: u64) -> Self {
        /// Parts of llama.cpp's messages on Unix, on Windows, on systems without locks, and of its advice.
        const OF_LOCK: [&str; 6] = [
            "failed to mlock",
            "mlock not supported",
            "VirtualLock",
            "ProcessWorkingSetSize",
            "RLIMIT_MEMLOCK",
            "wire_limit",
        ];
        let is_of_lock = |line: &mut LogLine| OF_LOCK.iter().any(|part| line.text.contains(part));
        let first = lines.extract_if(.., is_of_lock).collect::<Vec<_>>().into_iter().next();
        Self { fault: first.map(|line| line.text.trim_start_matches("warning: ").to_owned()), repacked_bytes }
    }
}

#[cfg(all(test, feature = "llama"))]
mod tests {
    use super::super::log::LogLevel;
    use super::*;

    fn warn(text: &str) -> LogLine {
        LogLine { level: LogLevel::Warn, text: text.into() }
    }

    /// The fault, and the lines that are left.
    fn fault_of(mut lines: Vec<LogLine>) -> (Option<String>, Vec<LogLine>) {
        (LockOutcome::taken_from(&mut lines, 0).fault, lines)
    }

    #[test]
    fn failed_lock_is_told_apart_from_other_warnings() {
        let others = vec![warn("load: control token 2 is not marked as EOG")];
        let of_lock = [
            "warning: failed to mlock 98304-byte buffer (after previously locking 0 bytes): Cannot allocate memory",
            "Try increasing RLIMIT_MEMLOCK ('ulimit -l' as root).",
        ];
        let lines = others.iter().cloned().chain(of_lock.map(warn)).collect();
        let says = "failed to mlock 98304-byte buffer (after previously locking 0 bytes): Cannot allocate memory";
        assert_eq!(fault_of(lines), (Some(says.into()), others.clone()));
        assert_eq!(fault_of(others.clone()), (None, others));
        let windows = "warning: failed to VirtualLock 4096-byte buffer (after previously locking 0 bytes): no quota";
        assert!(fault_of(vec![warn(windows)]).0.is_some_and(|says| says.starts_with("failed to VirtualLock")));
    }

    #[test]
    fn worst_of_several_loads_has_the_first_fault_and_the_most_repacked() {
        let of = |fault: Option<&str>, repacked_bytes| LockOutcome { fault: fault.map(str::to_owned), repacked_bytes };
        let worst = LockOutcome::worst(&[of(None, 2), of(Some("no"), 3), of(Some("nor this"), 1)]);
        assert_eq!(worst, of(Some("no"), 3));
    }
}
