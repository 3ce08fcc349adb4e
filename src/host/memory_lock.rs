//! How much memory this process may keep from being paged out.

use crate::record::Fact;

/// `RLIMIT_MEMLOCK`: the most memory that this process may lock, in bytes; `None` for no limit. Privileged processes on Linux
/// (`CAP_IPC_LOCK`) may exceed it.
#[must_use]
#[cfg(unix)]
pub fn memory_lock_limit() -> Fact<Option<u64>> {
    use rustix::process::{Resource, getrlimit};

    Fact::Value(getrlimit(Resource::Memlock).current)
}

/// Windows has no such limit: its working set grows with what is locked.
#[must_use]
#[cfg(not(unix))]
pub fn memory_lock_limit() -> Fact<Option<u64>> {
    Fact::Unsupported
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn limit_is_that_of_proc() {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max locked memory")).unwrap();
        let soft = line.split_whitespace().nth(3).unwrap();
        assert_eq!(memory_lock_limit(), Fact::Value(soft.parse().ok()), "{line}");
    }
}
