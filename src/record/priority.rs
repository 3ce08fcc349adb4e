//! The scheduling priority of model threads.

use serde::{Deserialize, Serialize};

/// The priority of the threads that run a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// The default of any program.
    #[default]
    Normal,
    /// Lowered: nice 10 on Unix, below normal on Windows.
    Low,
    /// Only when nothing else runs: `SCHED_IDLE` on Linux, the idle class on Windows.
    Idle,
}

impl Priority {
    /// All, from the highest on.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Low, Self::Idle];

    /// Its name on the command line and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Idle => "idle",
        }
    }

    /// llama-bench's number for it (`--prio`): 0 normal, -1 low. It has none for idle, which is -2 here.
    #[must_use]
    pub const fn llama_bench(self) -> i64 {
        match self {
            Self::Normal => 0,
            Self::Low => -1,
            Self::Idle => -2,
        }
    }
}
