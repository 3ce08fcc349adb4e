//! How callers follow a study.

use std::sync::atomic::AtomicU64;

/// Follows a study: the terminal, or a test.
pub(crate) trait Observer {
    /// Starts a phase with this number of steps; 0 if unknown.
    fn phase(&self, label: &str, steps: u64) -> Box<dyn Phase>;

    /// Like `phase`, with steps in bytes.
    fn phase_bytes(&self, label: &str, bytes: u64) -> Box<dyn Phase>;

    /// Information.
    fn note(&self, text: &str);

    /// A warning.
    fn warning(&self, text: &str);
}

/// A phase of the work. It ends when dropped.
pub(crate) trait Phase {
    /// Incremented at each step; the measuring thread does nothing else for the display.
    fn counter(&self) -> &AtomicU64;

    /// Ends it with a line of its own.
    fn finish(self: Box<Self>, outcome: &str);
}

/// No observer.
#[cfg(test)]
pub(crate) struct Unobserved;

#[cfg(test)]
mod unobserved {
    use super::{AtomicU64, Observer, Phase, Unobserved};

    struct Uncounted(AtomicU64);

    impl Observer for Unobserved {
        fn phase(&self, _: &str, _: u64) -> Box<dyn Phase> {
            Box::new(Uncounted(AtomicU64::new(0)))
        }

        fn phase_bytes(&self, label: &str, bytes: u64) -> Box<dyn Phase> {
            self.phase(label, bytes)
        }

        fn note(&self, _: &str) {}

        fn warning(&self, _: &str) {}
    }

    impl Phase for Uncounted {
        fn counter(&self) -> &AtomicU64 {
            &self.0
        }

        fn finish(self: Box<Self>, _: &str) {}
    }
}
