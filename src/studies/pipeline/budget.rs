//! Time limits for the parts of a run: the next step of a part only begins if it can end in time.

use crate::clock::{Clock, nanos};
use std::time::Duration;

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunPart {
    /// First turns in fresh contexts.
    FirstTurns,
    /// The conversation.
    Conversation,
    /// Contention of model, bridge and render-like load.
    Contention,
}

impl RunPart {
    /// Share of the budget by which the part must have ended. Unused time is left for later parts.
    fn until(self) -> f64 {
        match self {
            Self::FirstTurns => 1.0 / 3.0,
            Self::Conversation => 4.0 / 5.0,
            Self::Contention => 1.0,
        }
    }
}

/// The time limit of the run, starting when this is created.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeBudget {
    clock: Clock,
    total_ns: u64,
}

impl TimeBudget {
    /// Starts the budget.
    pub(super) fn start(total_s: f64) -> Self {
        Self { clock: Clock::start(), total_ns: nanos(Duration::from_secs_f64(total_s)) }
    }

    /// The steps of a part, from now on.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of a duration.
    pub(super) fn steps(self, part: RunPart) -> PartSteps {
        let until_ns = (self.total_ns as f64 * part.until()) as u64;
        PartSteps {
            clock: self.clock,
            until_ns,
            is_optional: part == RunPart::Contention,
            began_ns: None,
            longest_ns: 0,
        }
    }
}

/// The steps of one part.
#[derive(Debug)]
pub(super) struct PartSteps {
    clock: Clock,
    until_ns: u64,
    /// Whether even the first step may be skipped.
    is_optional: bool,
    began_ns: Option<u64>,
    longest_ns: u64,
}

impl PartSteps {
    /// Whether another step may begin: it must end in time if it takes as long as the longest so far.
    pub(super) fn may_begin(&mut self) -> bool {
        let now_ns = self.clock.now_ns();
        let Some(began_ns) = self.began_ns.replace(now_ns) else { return !self.is_optional || now_ns < self.until_ns };
        self.longest_ns = self.longest_ns.max(now_ns - began_ns);
        now_ns.saturating_add(self.longest_ns) <= self.until_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhausted_budget_leaves_one_turn_each_and_no_contention() {
        let spent = TimeBudget::start(0.0);
        for part in [RunPart::FirstTurns, RunPart::Conversation] {
            let mut steps = spent.steps(part);
            assert_eq!((steps.may_begin(), steps.may_begin()), (true, false), "{part:?}");
        }
        assert!(!spent.steps(RunPart::Contention).may_begin());
    }

    #[test]
    fn step_that_would_end_late_does_not_begin() {
        let budget = TimeBudget::start(3_600.0);
        let mut steps = budget.steps(RunPart::FirstTurns);
        assert!(steps.may_begin() && steps.may_begin());
        steps.longest_ns = nanos(Duration::from_secs(1_300));
        assert!(!steps.may_begin());
    }
}
