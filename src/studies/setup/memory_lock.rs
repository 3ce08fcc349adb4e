//! Locking a model's weights in memory, as the application does with two of its profiles.

use serde::Serialize;

use crate::host;
use crate::llm::engine::LockOutcome;
use crate::record::Fact;
use crate::report::amount;

/// Whether the weights are locked in memory, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MemoryLock {
    state: LockState,
    /// llama.cpp's reason, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Weights that are not locked because they were repacked for the CPU, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    unlocked_bytes: Option<u64>,
    /// The most that this process may lock, in bytes; `null` for no limit.
    limit_bytes: Fact<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LockState {
    NotRequested,
    Locked,
    PartlyLocked,
    Failed,
}

impl MemoryLock {
    /// Of a model that was loaded with or without the request.
    pub(crate) fn of(is_requested: bool, outcome: &LockOutcome) -> Self {
        let state = match (is_requested, outcome) {
            (false, _) => LockState::NotRequested,
            (true, LockOutcome { fault: Some(_), .. }) => LockState::Failed,
            (true, LockOutcome { repacked_bytes: 1.., .. }) => LockState::PartlyLocked,
            (true, _) => LockState::Locked,
        };
        let is_partial = state == LockState::PartlyLocked;
        Self {
            state,
            reason: outcome.fault.clone(),
            unlocked_bytes: is_partial.then_some(outcome.repacked_bytes),
            limit_bytes: host::memory_lock_limit(),
        }
    }

    /// A warning, unless all weights are locked or need not be: llama.cpp itself goes on, and says nothing about repacked ones.
    pub(crate) fn warning(&self) -> Option<String> {
        if let Some(bytes) = self.unlocked_bytes {
            return Some(format!(
                "{} of the weights are not locked in memory, although that was requested: llama.cpp repacks them for this CPU and does \
                 not lock the copy. Of a mapped file it locks the pages instead, which nobody reads any more (use_mmap=false avoids \
                 them); the same holds for the application",
                amount(bytes as f64)
            ));
        }
        let reason = self.reason.as_deref().filter(|_| self.state == LockState::Failed)?;
        let limit = match self.limit_bytes.value() {
            Some(Some(bytes)) => format!("; RLIMIT_MEMLOCK is {} KiB", bytes >> 10),
            _ => String::new(),
        };
        Some(format!(
            "according to llama.cpp, the weights are not locked in memory, although that was requested ({reason}{limit}); the application \
             has the same limit if it is started in the same way"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limited(is_requested: bool, fault: Option<&str>, repacked_bytes: u64) -> MemoryLock {
        let outcome = LockOutcome { fault: fault.map(str::to_owned), repacked_bytes };
        MemoryLock { limit_bytes: Fact::Value(Some(8 << 20)), ..MemoryLock::of(is_requested, &outcome) }
    }

    #[test]
    fn failed_lock_is_a_warning_with_the_limit() {
        let failed = limited(true, Some("failed to mlock 98304-byte buffer: Cannot allocate memory"), 4_096);
        let says = failed.warning().unwrap();
        assert!(says.contains("Cannot allocate memory; RLIMIT_MEMLOCK is 8192 KiB"), "{says}");
        let record = serde_json::to_value(&failed).unwrap();
        assert_eq!((&record["state"], &record["limit_bytes"]), (&json!("failed"), &json!(8 << 20)));
        assert_eq!(record.get("unlocked_bytes"), None, "nothing is");
    }

    #[test]
    fn weights_that_llama_cpp_repacked_are_named_as_not_locked() {
        let partly = limited(true, None, 48 << 20);
        let says = partly.warning().unwrap();
        assert!(says.starts_with("48.00 MiB of the weights are not locked"), "{says}");
        let record = serde_json::to_value(&partly).unwrap();
        assert_eq!((&record["state"], &record["unlocked_bytes"]), (&json!("partly_locked"), &json!(48 << 20)));
        assert_eq!(limited(false, None, 48 << 20).warning(), None, "nothing was requested");
    }

    #[test]
    fn lock_that_holds_or_was_not_requested_needs_no_warning() {
        for (is_requested, state) in [(true, "locked"), (false, "not_requested")] {
            let lock = limited(is_requested, None, 0);
            let record = serde_json::to_value(&lock).unwrap();
            assert_eq!((lock.warning(), &record["state"], record.get("reason")), (None, &json!(state), None));
        }
    }
}
