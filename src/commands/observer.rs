//! The terminal as an observer of studies.

use std::sync::atomic::AtomicU64;

use crate::studies::{Observer, Phase};
use crate::term::{Printer, Progress};

impl Observer for Printer {
    fn phase(&self, label: &str, steps: u64) -> Box<dyn Phase> {
        Box::new(Progress::start(*self, label, steps))
    }

    fn phase_bytes(&self, label: &str, bytes: u64) -> Box<dyn Phase> {
        Box::new(Progress::start_bytes(*self, label, bytes))
    }

    fn note(&self, text: &str) {
        Printer::note(*self, text);
    }

    fn warning(&self, text: &str) {
        Printer::warning(*self, text);
    }
}

impl Phase for Progress {
    fn counter(&self) -> &AtomicU64 {
        Progress::counter(self)
    }

    fn finish(self: Box<Self>, outcome: &str) {
        Progress::finish(*self, outcome);
    }
}
