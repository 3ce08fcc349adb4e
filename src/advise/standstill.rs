//! A message count that does not advance, which must not clear a process of a leak.

use super::leak::{InconclusiveReason, LeakJudgement, LeakRule, LeakVerdict};

/// The share of the run for which the count may stand still at its end.
const STILL: f64 = 0.25;
/// How long it may stand still in any case, in seconds, if memory does not grow meanwhile.
const STILL_S: f64 = 2.0;

/// How long the message count stood still at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standstill {
    /// How long, in seconds.
    pub still_s: f64,
    /// Duration of the run, in seconds.
    pub watched_s: f64,
    /// Memory growth meanwhile, in bytes.
    pub growth_bytes: f64,
}

impl LeakRule {
    /// The judgement, unless the message count stood still for the last quarter of the run or longer: then it is
    /// inconclusive for this reason. A short pause without growth hides nothing; a leak that was found remains one.
    #[must_use]
    pub fn unless_still(&self, judgement: LeakJudgement, standstill: Standstill) -> LeakJudgement {
        let Standstill { still_s, watched_s, growth_bytes } = standstill;
        let is_long = still_s > 0.0 && still_s >= STILL * watched_s;
        let is_harmless = still_s < STILL_S && growth_bytes <= self.threshold.max(self.grain);
        if judgement.verdict == LeakVerdict::Leak || !is_long || is_harmless {
            return judgement;
        }
        let doubt = Some(InconclusiveReason::CountStoodStill { still_s, watched_s });
        LeakJudgement { verdict: LeakVerdict::Inconclusive, doubt, more: None, ..judgement }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: LeakRule = LeakRule { threshold: 512.0, warm_up: 12, grain: 4096.0 };

    /// The judgement of a hundred messages, each of which retains `bytes`.
    fn judged_points(bytes: f64) -> LeakJudgement {
        RULE.judge(&(0..100).map(|at| (f64::from(at), 1e8 + bytes * f64::from(at))).collect::<Vec<_>>())
    }

    #[test]
    fn stalled_count_is_inconclusive() {
        let clean = judged_points(0.0);
        let judged = |judgement, still_s, watched_s, growth_bytes| {
            RULE.unless_still(judgement, Standstill { still_s, watched_s, growth_bytes })
        };
        let still = judged(clean, 30.0, 100.0, 0.0);
        assert_eq!((still.verdict, still.more), (LeakVerdict::Inconclusive, None));
        assert_eq!(still.doubt, Some(InconclusiveReason::CountStoodStill { still_s: 30.0, watched_s: 100.0 }));
        assert_eq!(judged(clean, 20.0, 100.0, 0.0), clean, "only the last fifth");
        assert_eq!(judged(clean, 0.3, 0.9, 0.0), clean, "a short pause");
        assert_eq!(judged(clean, 0.3, 0.9, 1e6).verdict, LeakVerdict::Inconclusive, "memory grew nevertheless");
        let leak = judged_points(10_240.0);
        assert_eq!(judged(leak, 90.0, 100.0, 1e6), leak);
    }
}
