//! What became of the request to lock weights in memory.

use serde::{Deserialize, Serialize};

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_of_several_loads_has_the_first_fault_and_the_most_repacked() {
        let of = |fault: Option<&str>, repacked_bytes| LockOutcome { fault: fault.map(str::to_owned), repacked_bytes };
        let worst = LockOutcome::worst(&[of(None, 2), of(Some("no"), 3), of(Some("nor this"), 1)]);
        assert_eq!(worst, of(Some("no"), 3));
    }
}
