//! How whoever runs a study follows it.

use std::sync::atomic::AtomicU64;

/// Follows a study. The terminal is one; a test may be another.
pub(crate) trait Observer {
    /// A part of the work begins, of `steps` steps; 0 where their number is not known.
    fn phase(&self, label: &str, steps: u64) -> Box<dyn Phase>;

    /// The same, where steps are bytes.
    fn phase_bytes(&self, label: &str, bytes: u64) -> Box<dyn Phase>;

    /// What is good to know.
    fn note(&self, text: &str);

    /// What must be known.
    fn warning(&self, text: &str);
}

/// A part of the work. It ends when it is dropped.
pub(crate) trait Phase {
    /// Raised with each step: the measuring thread does nothing else for the display.
    fn counter(&self) -> &AtomicU64;

    /// Ends it with a line of its own.
    fn finish(self: Box<Self>, outcome: &str);
}

/// Nobody follows.
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
