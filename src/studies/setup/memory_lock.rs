//! Locking a model's weights in memory, as the application does with two of its profiles.

use serde::Serialize;

use crate::host;
use crate::record::Fact;

/// Whether the weights are locked in memory, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MemoryLock {
    state: LockState,
    /// llama.cpp's reason, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The most that this process may lock, in bytes; `null` for no limit.
    limit_bytes: Fact<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LockState {
    NotRequested,
    Locked,
    Failed,
}

impl MemoryLock {
    /// Of a model that was loaded with or without the request, and what llama.cpp said if it could not.
    pub(crate) fn of(is_requested: bool, fault: Option<&str>) -> Self {
        let state = match (is_requested, fault) {
            (false, _) => LockState::NotRequested,
            (true, None) => LockState::Locked,
            (true, Some(_)) => LockState::Failed,
        };
        Self { state, reason: fault.map(str::to_owned), limit_bytes: host::memory_lock_limit() }
    }

    /// A warning, if the lock failed: llama.cpp itself goes on.
    pub(crate) fn warning(&self) -> Option<String> {
        let reason = self.reason.as_deref().filter(|_| self.state == LockState::Failed)?;
        let limit = match self.limit_bytes.value() {
            Some(Some(bytes)) => format!("; RLIMIT_MEMLOCK is {} KiB", bytes >> 10),
            _ => String::new(),
        };
        Some(format!(
            "the weights are not locked in memory, although that was requested ({reason}{limit}); the application has the same limit if \
             it is started in the same way"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limited(is_requested: bool, fault: Option<&str>) -> MemoryLock {
        MemoryLock { limit_bytes: Fact::Value(Some(8 << 20)), ..MemoryLock::of(is_requested, fault) }
    }

    #[test]
    fn failed_lock_is_a_warning_with_the_limit() {
        let failed = limited(true, Some("failed to mlock 98304-byte buffer: Cannot allocate memory"));
        let says = failed.warning().unwrap();
        assert!(says.contains("Cannot allocate memory; RLIMIT_MEMLOCK is 8192 KiB"), "{says}");
        let record = serde_json::to_value(&failed).unwrap();
        assert_eq!((&record["state"], &record["limit_bytes"]), (&json!("failed"), &json!(8 << 20)));
    }

    #[test]
    fn lock_that_holds_or_was_not_requested_needs_no_warning() {
        for (is_requested, state) in [(true, "locked"), (false, "not_requested")] {
            let lock = limited(is_requested, None);
            let record = serde_json::to_value(&lock).unwrap();
            assert_eq!((lock.warning(), &record["state"], record.get("reason")), (None, &json!(state), None));
        }
    }
}
