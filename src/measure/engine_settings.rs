//! The engine settings that affect speed, together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::llm::engine::{FlashAttention, KvType};
use crate::record::Priority;

/// How idle engine threads wait for others. Read when the process starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitPolicy {
    /// Whatever the process inherited.
    #[default]
    Unset,
    /// Spin (`OMP_WAIT_POLICY=active`).
    Active,
    /// Sleep (`OMP_WAIT_POLICY=passive`).
    Passive,
}

impl WaitPolicy {
    /// Name on the command line and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

/// One set of engine settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Threads for the measured phase: generation or prompt processing.
    pub threads: u32,
    /// Flash attention.
    pub flash_attention: FlashAttention,
    /// Type of the KV cache, for keys and values alike.
    pub cache_type: KvType,
    /// Thread priority.
    pub priority: Priority,
    /// How waiting threads behave.
    pub wait: WaitPolicy,
    /// Whether the model file is memory-mapped.
    pub use_mmap: bool,
}

impl EngineSettings {
    /// What the application runs with this many threads: nothing in its configuration changes the others.
    #[must_use]
    pub fn of_the_application(threads: u32) -> Self {
        Self {
            threads,
            flash_attention: FlashAttention::Off,
            cache_type: KvType::F16,
            priority: Priority::Normal,
            wait: WaitPolicy::Unset,
            use_mmap: true,
        }
    }

    /// In how many settings other than threads it differs from the application.
    #[must_use]
    pub fn changes(self) -> usize {
        let app = Self::of_the_application(self.threads);
        let differs = [
            self.flash_attention != app.flash_attention,
            self.cache_type != app.cache_type,
            self.priority != app.priority,
            self.wait != app.wait,
            self.use_mmap != app.use_mmap,
        ];
        differs.into_iter().filter(|differs| *differs).count()
    }

    /// The same settings with `threads` threads.
    #[must_use]
    pub fn with_threads(self, threads: u32) -> Self {
        Self { threads, ..self }
    }

    /// Whether both can be measured in the same context: one model, one process, one cache.
    #[must_use]
    pub fn shares_context_with(self, other: Self) -> bool {
        let (threads, priority) = (other.threads, other.priority);
        Self { threads, priority, ..self } == other
    }

    /// What makes a scene's frames late: how many threads compute beside it, when they get a processor, and whether they spin while they wait.
    /// What they compute, with flash attention or without, from a mapped file or not, shows in no measurement.
    #[must_use]
    pub fn of_frames(self) -> (u32, Priority, WaitPolicy) {
        (self.threads, self.priority, self.wait)
    }

    /// Whether they differ in nothing but the threads.
    #[must_use]
    pub fn differs_in_threads_only(self, other: Self) -> bool {
        self.with_threads(other.threads) == other
    }
}

impl fmt::Display for EngineSettings {
    /// All settings: `2 threads, flash attention off, KV f16, priority low, mmap on`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, kv, prio) = (self.threads, self.cache_type, self.priority.name());
        write!(f, "threads {threads}, flash attention {}, KV {kv}, priority {prio}", self.flash_attention)?;
        if self.wait != WaitPolicy::Unset {
            write!(f, ", waiting {}", self.wait.name())?;
        }
        write!(f, ", mmap {}", if self.use_mmap { "on" } else { "off" })
    }
}
