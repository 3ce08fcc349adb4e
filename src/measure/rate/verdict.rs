//! Judges whether a step was sustained, and if not, why and on which side the bottleneck is. Pure.

use serde::Serialize;

use super::step::RateStep;
use crate::plural::{counted, verb_for};
use crate::stats::nearest_rank;

/// Minimum share of the offered messages that must be answered.
const GOODPUT_SHARE: f64 = 0.98;

/// Maximum growth of the backlog over a step, as a share of its messages.
const GROWTH_SHARE: f64 = 0.02;

/// Growth up to this many messages occurs by chance.
const GROWTH_BY_CHANCE: f64 = 10.0;

/// Times per step at which the backlog is sampled.
const LOOKS: usize = 200;

/// Initial share of a step during which the backlog may build up to its usual size.
const SETTLING: f64 = 0.2;

/// Share of the messages that may exceed the p99 budget.
const OVER_BUDGET_SHARE: f64 = 0.01;

/// A sender this late, in nanoseconds, although the socket has space, is behind.
const BEHIND_NS: u64 = 20_000_000;

/// A sender that waits for space for more than this share of a step is blocked by the bridge.
const BLOCKED_SHARE: f64 = 0.05;

/// A receiver that is idle for less than this share of a step is saturated.
const IDLE_SHARE: f64 = 0.1;

/// Why a step was not sustained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// Fewer than 98 % of the offered messages were answered in time.
    Goodput {
        /// The share answered.
        share: f64,
    },
    /// The backlog kept growing.
    Backlog {
        /// Growth over the step, in messages.
        growth: f64,
    },
    /// More than 1 % of the messages exceeded the p99 budget.
    Budget {
        /// Their share.
        share: f64,
    },
    /// Messages were lost.
    Lost {
        /// Their number.
        count: u64,
    },
    /// The bridge's queue was full.
    Overflow {
        /// Number of refused messages.
        count: u64,
    },
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Goodput { share } => {
                write!(f, "{:.1} % of the offered messages were answered in time", share * 100.0)
            }
            Self::Backlog { growth } => write!(f, "the backlog grew by {}", counted(growth.round(), "message")),
            Self::Budget { share } => write!(f, "{:.1} % of the messages took longer than the budget", share * 100.0),
            Self::Lost { count } => {
                write!(f, "{} {} never answered", counted(*count, "message"), verb_for(count, "was", "were"))
            }
            Self::Overflow { count } => write!(f, "the bridge's queue was full for {}", counted(*count, "message")),
        }
    }
}

/// The side of the bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bottleneck {
    /// The bridge.
    Bridge,
    /// This program: it sent too late or was too busy to read.
    Client,
}

/// Verdict on a step.
#[derive(Debug, Clone, PartialEq)]
pub struct RateVerdict {
    /// Offered rate, in messages per second.
    pub offered_per_s: f64,
    /// Reply rate, in messages per second.
    pub goodput_per_s: f64,
    /// Growth of the backlog over the step, in messages; `None` if the step was abandoned.
    pub backlog_growth: Option<f64>,
    /// Largest backlog, in messages.
    pub backlog_peak: usize,
    /// Round trips from the due times, in nanoseconds, in sending order.
    pub latency_ns: Vec<u64>,
    /// Send lateness of each message, in nanoseconds.
    pub lateness_ns: Vec<u64>,
    /// Why the step failed; empty if it was sustained.
    pub failings: Vec<FailureReason>,
    /// The bottleneck, if the step failed.
    pub limit: Option<Bottleneck>,
}

impl RateVerdict {
    /// Whether the step was sustained.
    #[must_use]
    pub fn held(&self) -> bool {
        self.failings.is_empty()
    }
}

/// Judges a step. `grace_ns` is the usual reply time of this bridge at rest: messages in flight at the end of the step
/// are not held against it. `budget_ns` is the p99 budget, if any.
#[must_use]
pub fn judge(step: &RateStep, grace_ns: u64, budget_ns: Option<u64>) -> RateVerdict {
    let offered = step.due_ns.len() as f64;
    let offered_per_s = offered / seconds(step.length_ns);
    let last_ns = step.arrived_ns.iter().flatten().max().copied().unwrap_or(0);
    // An abandoned step was overloaded to its end: the replies up to then are all that the bridge could do.
    let window_ns = if step.given_up { last_ns } else { step.length_ns };
    let until_ns = window_ns + if step.given_up { 0 } else { grace_ns };
    let answered = step.arrived_ns.iter().flatten().filter(|at_ns| **at_ns <= until_ns).count() as f64;
    let goodput_per_s = if window_ns == 0 { 0.0 } else { answered / seconds(window_ns) };
    let pairs = step.due_ns.iter().zip(&step.arrived_ns);
    let latency_ns: Vec<u64> =
        pairs.filter_map(|(due_ns, at_ns)| at_ns.map(|at_ns| at_ns.saturating_sub(*due_ns))).collect();
    let lateness_ns: Vec<u64> =
        step.sent_ns.iter().zip(&step.due_ns).map(|(sent_ns, due_ns)| sent_ns.saturating_sub(*due_ns)).collect();
    let (growth, backlog_peak) = backlog(step);
    let backlog_growth = growth.filter(|_| !step.given_up);

    let mut failings = Vec::new();
    let share = goodput_per_s / offered_per_s;
    if share < GOODPUT_SHARE {
        failings.push(FailureReason::Goodput { share });
    }
    if let Some(growth) = backlog_growth.filter(|growth| *growth > (GROWTH_SHARE * offered).max(GROWTH_BY_CHANCE)) {
        failings.push(FailureReason::Backlog { growth });
    }
    let over = budget_ns.map_or(0, |budget_ns| latency_ns.iter().filter(|ns| **ns > budget_ns).count()) as f64;
    if over > OVER_BUDGET_SHARE * latency_ns.len() as f64 {
        failings.push(FailureReason::Budget { share: over / latency_ns.len() as f64 });
    }
    if step.lost() > 0 {
        failings.push(FailureReason::Lost { count: step.lost() });
    }
    if step.overflowed > 0 {
        failings.push(FailureReason::Overflow { count: step.overflowed });
    }
    let limit = (!failings.is_empty()).then(|| limit(step, &lateness_ns, &failings, budget_ns));
    RateVerdict { offered_per_s, goodput_per_s, backlog_growth, backlog_peak, latency_ns, lateness_ns, failings, limit }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Growth of the backlog from the end of the settling time to the end of the step (least squares over evenly spaced
/// samples), and its maximum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn backlog(step: &RateStep) -> (Option<f64>, usize) {
    let mut arrived_ns: Vec<u64> = step.arrived_ns.iter().flatten().copied().collect();
    arrived_ns.sort_unstable();
    let begin_ns = step.length_ns as f64 * SETTLING;
    let span_ns = step.length_ns as f64 - begin_ns;
    let at = |look: usize| begin_ns + span_ns * (look as f64 + 0.5) / LOOKS as f64;
    let waiting = |at_ns: f64| {
        let due = step.due_ns.partition_point(|due_ns| *due_ns as f64 <= at_ns);
        due.saturating_sub(arrived_ns.partition_point(|at| *at as f64 <= at_ns))
    };
    let looks: Vec<(f64, usize)> = (0..LOOKS).map(|look| (look as f64, waiting(at(look)))).collect();
    let peak = looks.iter().map(|look| look.1).max().unwrap_or(0);
    let mean_at = (LOOKS - 1) as f64 / 2.0;
    let mean = looks.iter().map(|look| look.1 as f64).sum::<f64>() / LOOKS as f64;
    let (mut product, mut square) = (0.0, 0.0);
    for (at, waiting) in &looks {
        product += (at - mean_at) * (*waiting as f64 - mean);
        square += (at - mean_at).powi(2);
    }
    ((step.due_ns.len() > 1).then(|| product / square * LOOKS as f64), peak)
}

/// Finds the side that kept the step from being sustained.
fn limit(step: &RateStep, lateness_ns: &[u64], failings: &[FailureReason], budget_ns: Option<u64>) -> Bottleneck {
    let blocked = step.blocked_ns as f64 > BLOCKED_SHARE * step.length_ns as f64;
    // The last tenth of the sends shows whether the sender fell behind or was only late now and then.
    let mut last = lateness_ns[lateness_ns.len() - lateness_ns.len() / 10..].to_vec();
    last.sort_unstable();
    let behind = last.get(last.len() / 2).is_some_and(|late_ns| *late_ns > BEHIND_NS);
    let until_ns = if step.given_up { step.sent_ns.last().copied().unwrap_or(0) } else { step.length_ns };
    let no_time_to_read = (step.receiver_idle_ns as f64) < IDLE_SHARE * until_ns as f64;
    let only_budget = failings.iter().all(|failing| matches!(failing, FailureReason::Budget { .. }));
    let late_sends_alone =
        only_budget && late_p99(lateness_ns).zip(budget_ns).is_some_and(|(late, budget)| late * 2 > budget);
    if (behind && !blocked) || no_time_to_read || late_sends_alone { Bottleneck::Client } else { Bottleneck::Bridge }
}

fn late_p99(lateness_ns: &[u64]) -> Option<u64> {
    let mut sorted_ns = lateness_ns.to_vec();
    sorted_ns.sort_unstable();
    (!sorted_ns.is_empty()).then(|| nearest_rank(&sorted_ns, 0.99))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::round_trips::CaseEnd;
    use super::super::step::schedule_ns;
    use super::*;

    const MS: u64 = 1_000_000;

    /// A step on a bridge that serves messages one by one at `capacity_per_s` and replies `extra_ns` later.
    fn served(rate_per_s: f64, capacity_per_s: f64, extra_ns: u64) -> RateStep {
        let length = Duration::from_secs(4);
        let due_ns = schedule_ns(rate_per_s, length, 7);
        let service_ns = crate::clock::nanos(Duration::from_secs_f64(1.0 / capacity_per_s));
        let mut free_ns = 0;
        let mut serve = |due_ns: &u64| {
            free_ns = free_ns.max(*due_ns) + service_ns;
            Some(free_ns + extra_ns)
        };
        RateStep {
            rate_per_s,
            length_ns: 4_000 * MS,
            arrived_ns: due_ns.iter().map(&mut serve).collect(),
            sent_ns: due_ns.clone(),
            answered: due_ns.len(),
            due_ns,
            garbled: 0,
            overflowed: 0,
            surplus: 0,
            blocked_ns: 0,
            receiver_idle_ns: 3_000 * MS,
            given_up: false,
            end: CaseEnd::Complete,
        }
    }

    #[test]
    fn bridge_sustains_its_capacity_and_no_more() {
        let held =
            |rate_per_s: f64, extra_ms: u64| judge(&served(rate_per_s, 500.0, extra_ms * MS), extra_ms * 2 * MS, None);
        for (rate_per_s, holds) in [(100.0, true), (450.0, true), (475.0, true), (525.0, false), (700.0, false)] {
            for extra_ms in [0, 17] {
                let verdict = held(rate_per_s, extra_ms);
                assert_eq!(verdict.held(), holds, "{rate_per_s}: {:?}", verdict.failings);
                assert_eq!(verdict.limit, (!holds).then_some(Bottleneck::Bridge));
                assert!((verdict.offered_per_s - rate_per_s).abs() < 1.0);
            }
        }
        let over = held(700.0, 0);
        assert!((over.goodput_per_s - 500.0).abs() < 5.0, "{}", over.goodput_per_s);
        assert!(over.backlog_growth.unwrap() > 400.0, "{:?}", over.backlog_growth);
        assert!(matches!(over.failings[..], [FailureReason::Goodput { .. }, FailureReason::Backlog { .. }]));
    }

    #[test]
    fn abandoned_step_still_reports_the_reply_rate() {
        let mut step = served(2_000.0, 500.0, 0);
        step.sent_ns.truncate(3_000);
        step.arrived_ns[3_000..].fill(None);
        step.answered = 3_000;
        step.given_up = true;
        let verdict = judge(&step, 0, None);
        assert!((verdict.goodput_per_s - 500.0).abs() < 5.0, "{}", verdict.goodput_per_s);
        assert_eq!((verdict.held(), verdict.backlog_growth), (false, None));
    }

    #[test]
    fn budget_may_be_exceeded_by_one_percent() {
        let mut step = served(500.0, 1e6, MS);
        let judged = |step: &RateStep| judge(step, 2 * MS, Some(5 * MS)).failings;
        for at in 0..20 {
            step.arrived_ns[at * 100] = step.arrived_ns[at * 100].map(|at_ns| at_ns + 10 * MS);
        }
        assert_eq!(judged(&step), []);
        step.arrived_ns[50] = step.arrived_ns[50].map(|at_ns| at_ns + 10 * MS);
        assert_eq!(judged(&step), [FailureReason::Budget { share: 21.0 / 2_000.0 }]);
    }

    #[test]
    fn lost_messages_and_queue_overflow_fail_a_step() {
        let mut step = served(500.0, 1e6, MS);
        step.arrived_ns[3] = None;
        step.answered -= 1;
        step.overflowed = 2;
        let failings = judge(&step, 2 * MS, None).failings;
        assert_eq!(failings, [FailureReason::Lost { count: 1 }, FailureReason::Overflow { count: 2 }]);
    }

    #[test]
    fn late_client_is_the_bottleneck_unless_the_socket_is_full() {
        // Every message is sent one second late, although the socket has space.
        let late = |blocked_ns| {
            let mut step = served(500.0, 1e6, MS);
            step.sent_ns.iter_mut().for_each(|sent_ns| *sent_ns += 1_000 * MS);
            step.arrived_ns.iter_mut().for_each(|at_ns| *at_ns = at_ns.map(|at_ns| at_ns + 1_000 * MS));
            judge(&RateStep { blocked_ns, ..step }, 2 * MS, None).limit
        };
        assert_eq!(late(0), Some(Bottleneck::Client));
        assert_eq!(late(2_000 * MS), Some(Bottleneck::Bridge), "a full socket means that the bridge does not read");
        let busy = RateStep { receiver_idle_ns: 100 * MS, ..served(700.0, 500.0, 0) };
        assert_eq!(judge(&busy, 0, None).limit, Some(Bottleneck::Client), "the receiver is saturated");
    }
}
