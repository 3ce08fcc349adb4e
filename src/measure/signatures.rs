//! Faults that leave a pattern in round trips: delayed acknowledgements, a coarse timer, a growing queue. Pure.
//!
//! Each is reported only where no healthy bridge shows the same pattern. So only *received* replies are searched for
//! clusters and timers: *applied* ones follow the frame, whatever its length. The effect of delayed acknowledgements on
//! those is found by [`held_replies`](super::held_replies()).

use super::periodicity::periodicity;
use crate::clock::ms;
use crate::stats::nearest_rank;

/// A recognised fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signature {
    /// Replies late by a delayed acknowledgement: Nagle's algorithm holds back a second small write.
    DelayedAck {
        /// Share of the replies.
        share: f64,
        /// Their median, in nanoseconds.
        at_ns: u64,
    },
    /// Replies that arrive on the ticks of a 15.6 ms timer.
    TimerTick {
        /// Length of a tick, or a multiple of it, in nanoseconds.
        tick_ns: u64,
    },
    /// Replies on a grid of another length: the bridge polls for messages.
    Polling {
        /// Period of the grid, in nanoseconds.
        period_ns: u64,
    },
    /// Round trips that grow steadily.
    GrowingQueue {
        /// Median of the first fifth, in nanoseconds.
        from_ns: u64,
        /// Median of the last fifth, in nanoseconds.
        to_ns: u64,
    },
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::DelayedAck { share, at_ns } => write!(
                f,
                "Delayed acknowledgement: {:.0} % of the replies cluster at {:.1} ms, as when Nagle's algorithm holds \
                 a second small write until the first is acknowledged. Write each message with one call, or set \
                 TCP_NODELAY, on the side that answers.",
                share * 100.0,
                ms(at_ns)
            ),
            Self::TimerTick { tick_ns } => write!(
                f,
                "Timer tick: received replies arrive at multiples of {:.2} ms, the tick of the Windows timer (15.6 \
                 ms). The bridge probably polls the socket and sleeps in between, and a short sleep lasts one tick.",
                ms(tick_ns)
            ),
            Self::Polling { period_ns } => write!(
                f,
                "Polling: received replies arrive at multiples of {:.2} ms. The bridge probably polls for messages at \
                 intervals instead of waiting for them; received replies should not depend on frames.",
                ms(period_ns)
            ),
            Self::GrowingQueue { from_ns, to_ns } => write!(
                f,
                "Growing queue: round trips rose from {:.2} ms to {:.2} ms over the case. The offered load exceeds \
                 what the bridge sustains: see --find-max-rate.",
                ms(from_ns),
                ms(to_ns)
            ),
        }
    }
}

/// Minimum samples for any signature.
const FEWEST: usize = 20;

/// Delay of acknowledgements in milliseconds: 40 to 44 on Linux, 200 on Windows.
pub(super) const ACKNOWLEDGED_AFTER_MS: [(f64, f64); 2] = [LINUX_MS, WINDOWS_MS];

/// Whether two replies are one acknowledgement delay apart.
pub(super) fn waited_for_an_acknowledgement(arrived_ns: &[u64]) -> bool {
    arrived_ns.windows(2).any(|pair| {
        let apart_ms = ms(pair[1] - pair[0]);
        ACKNOWLEDGED_AFTER_MS.iter().any(|(least_ms, most_ms)| (*least_ms..*most_ms).contains(&apart_ms))
    })
}

const LINUX_MS: (f64, f64) = (39.5, 46.0);

const WINDOWS_MS: (f64, f64) = (199.5, 216.0);

/// Reply times under delayed acknowledgements, in milliseconds: one on Linux, two on Linux, one on Windows.
const ACKS_MS: [(f64, f64); 3] = [LINUX_MS, (79.5, 91.0), WINDOWS_MS];

/// Minimum share of the replies in such a cluster.
const ACK_SHARE: f64 = 0.1;

/// Tick of Windows's timer in nanoseconds: 1/64 s, often given as 15.6 ms.
const TICK_NS: f64 = 15_612_500.0;

/// Tolerance of a tick: includes 15.6 and 15.625 ms; a frame of 16.67 ms is 7 % away.
const TICK_TOLERANCE: f64 = 0.006;

/// Tolerance for the median of a closed loop: a single reply deviates by the difference of two wake-ups.
const CLOSED_TOLERANCE: f64 = 0.015;

/// Maximum ticks per wait that are searched for.
const MOST_TICKS: u32 = 4;

/// The signature in round trips of *received* replies, in nanoseconds. `closed_loop` means that each message was sent
/// on the previous reply; `arrived_ns` are the arrival times of the replies.
#[must_use]
pub fn received_signature(latency_ns: &[u64], arrived_ns: &[u64], closed_loop: bool) -> Option<Signature> {
    if latency_ns.len() < FEWEST {
        return None;
    }
    let mut sorted_ns = latency_ns.to_vec();
    sorted_ns.sort_unstable();
    if let Some(ack) = delayed_ack(&sorted_ns) {
        return Some(ack);
    }
    if closed_loop {
        return closed_tick(&sorted_ns);
    }
    let found = periodicity(arrived_ns)?;
    // Messages that wait for a grid wait half a period on average; replies that arrive at once only repeat the sender's
    // rate.
    let waits = nearest_rank(&sorted_ns, 0.5) as f64 > 0.2 * found.period_ns;
    waits.then_some(if near_tick(found.period_ns, TICK_TOLERANCE).is_some() {
        Signature::TimerTick { tick_ns: whole(found.period_ns) }
    } else {
        Signature::Polling { period_ns: whole(found.period_ns) }
    })
}

/// A cluster at the delay of an acknowledgement, with few replies just below it, so that it is not a slope.
fn delayed_ack(sorted_ns: &[u64]) -> Option<Signature> {
    let count = |from_ms: f64, to_ms: f64| {
        let below = |limit_ms: f64| sorted_ns.partition_point(|ns| ms(*ns) < limit_ms);
        (below(from_ms), below(to_ms))
    };
    ACKS_MS.iter().find_map(|&(from_ms, to_ms)| {
        let (first, end) = count(from_ms, to_ms);
        let share = (end - first) as f64 / sorted_ns.len() as f64;
        let width_ms = to_ms - from_ms;
        // Few replies lie just below, since no timer fires early; above it, a busy machine spreads the replies.
        let lower = count(from_ms - width_ms, from_ms);
        let is_pile = (end - first) as f64 > 4.0 * (lower.1 - lower.0) as f64;
        (share >= ACK_SHARE && is_pile)
            .then(|| Signature::DelayedAck { share, at_ns: sorted_ns[usize::midpoint(first, end)] })
    })
}

/// A closed loop in which most replies wait for the same number of ticks; some are late on a busy machine.
fn closed_tick(sorted_ns: &[u64]) -> Option<Signature> {
    let median_ns = nearest_rank(sorted_ns, 0.5) as f64;
    let tick_ns = near_tick(median_ns, CLOSED_TOLERANCE)?;
    let near = sorted_ns.iter().filter(|ns| (**ns as f64 / median_ns - 1.0).abs() < 2.0 * CLOSED_TOLERANCE).count();
    (2 * near >= sorted_ns.len()).then_some(Signature::TimerTick { tick_ns })
}

/// The tick of which `ns` is a small multiple, in nanoseconds.
fn near_tick(ns: f64, tolerance: f64) -> Option<u64> {
    (1..=MOST_TICKS)
        .map(|ticks| ns / f64::from(ticks))
        .find(|tick_ns| (tick_ns / TICK_NS - 1.0).abs() < tolerance)
        .map(whole)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn whole(ns: f64) -> u64 {
    ns.round() as u64
}

/// Minimum samples for a trend: five parts of ten.
const FEWEST_FOR_A_TREND: usize = 50;

/// A queue that grows over an open loop, from round trips in sending order: the median rises from fifth to fifth of the
/// case, to several times its first value.
#[must_use]
pub fn growing_queue(latency_ns: &[u64]) -> Option<Signature> {
    if latency_ns.len() < FEWEST_FOR_A_TREND {
        return None;
    }
    let median_ns = |part: &[u64]| {
        let mut sorted_ns = part.to_vec();
        sorted_ns.sort_unstable();
        nearest_rank(&sorted_ns, 0.5)
    };
    let fifths_ns: Vec<u64> = latency_ns.chunks(latency_ns.len().div_ceil(5)).map(median_ns).collect();
    let (from_ns, to_ns) = (fifths_ns[0], fifths_ns[fifths_ns.len() - 1]);
    let rises = fifths_ns.windows(2).all(|pair| pair[1] > pair[0]);
    (rises && to_ns >= 3 * from_ns && to_ns - from_ns > 5_000_000).then_some(Signature::GrowingQueue { from_ns, to_ns })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    use rand_distr::{Distribution, Exp};

    use super::*;

    const MS: f64 = 1e6;

    fn named(latency_ns: &[u64], closed: bool) -> Option<Signature> {
        received_signature(latency_ns, &[], closed)
    }

    /// Poisson sends with replies `wait` later.
    fn open(n: usize, seed: u64, mut wait_ns: impl FnMut(f64, &mut StdRng) -> f64) -> (Vec<u64>, Vec<u64>) {
        let mut random = StdRng::seed_from_u64(seed);
        let gaps = Exp::new(50.0).unwrap();
        let mut due_ns = 0.0;
        (0..n)
            .map(|_| {
                due_ns += gaps.sample(&mut random) * 1e9;
                let latency_ns = wait_ns(due_ns, &mut random);
                (whole(latency_ns), whole(due_ns + latency_ns))
            })
            .unzip()
    }

    #[test]
    fn delayed_acknowledgement_is_detected() {
        for at_ms in [40.0, 44.0, 88.0, 200.0] {
            let stalled: Vec<u64> = (0..100).map(|index| whole(at_ms * MS) + index * 2_000).collect();
            assert!(matches!(named(&stalled, true), Some(Signature::DelayedAck { .. })), "{at_ms}");
            // One in five is delayed, the others are fast.
            let some: Vec<u64> =
                (0..100).map(|index| if index % 5 == 0 { whole(at_ms * MS) } else { 50_000 }).collect();
            assert!(matches!(named(&some, true), Some(Signature::DelayedAck { share, .. }) if share > 0.19), "{at_ms}");
        }
    }

    #[test]
    fn slope_or_slow_bridge_is_not_a_delayed_acknowledgement() {
        let slope: Vec<u64> = (0..200).map(|index| index * 500_000).collect();
        assert_eq!(named(&slope, true), None);
        let slow = vec![whole(30.0 * MS); 100];
        assert_eq!(named(&slow, true), None);
    }

    #[test]
    fn timer_ticks_are_detected_and_60_fps_frames_are_not() {
        for (period_ms, expected) in
            [(15.6, true), (15.625, true), (31.2, true), (46.875, false), (16.667, false), (15.0, false)]
        {
            let closed: Vec<u64> = (0..50).map(|index| whole(period_ms * MS) + index % 7 * 3_000).collect();
            let named = named(&closed, true);
            // Three ticks are 46.8 ms; no acknowledgement delay is near that, so it counts as a tick too.
            let expected = expected || (period_ms / 15.625_f64 - 3.0).abs() < 0.01;
            assert_eq!(matches!(named, Some(Signature::TimerTick { .. })), expected, "{period_ms}: {named:?}");
        }
    }

    #[test]
    fn polling_is_detected_under_poisson_load() {
        for (period_ms, tick) in [(15.6, true), (15.625, true), (16.667, false), (10.0, false)] {
            let period_ns = period_ms * MS;
            let (latency_ns, arrived_ns) = open(300, 4, |due_ns, _| period_ns - due_ns % period_ns + 30_000.0);
            let named = received_signature(&latency_ns, &arrived_ns, false);
            assert_eq!(matches!(named, Some(Signature::TimerTick { .. })), tick, "{period_ms}: {named:?}");
            assert!(named.is_some(), "{period_ms}");
        }
    }

    #[test]
    fn healthy_bridge_has_no_signature() {
        let (latency_ns, arrived_ns) = open(1_000, 9, |_, random| random.random_range(15_000.0..120_000.0));
        assert_eq!(received_signature(&latency_ns, &arrived_ns, false), None);
        assert_eq!(received_signature(&latency_ns, &[], true), None);
        for fps in [30.0, 60.0, 144.0] {
            let period_ns = 1e9 / fps;
            let (latency_ns, _) = open(1_000, 2, |due_ns, _| period_ns - due_ns % period_ns + 50_000.0);
            assert_eq!(growing_queue(&latency_ns), None, "{fps}");
        }
    }

    #[test]
    fn growing_queue_is_detected() {
        let growing: Vec<u64> = (0..100).map(|index| 1_000_000 + index * 2_000_000).collect();
        assert!(matches!(growing_queue(&growing), Some(Signature::GrowingQueue { .. })));
        let steady: Vec<u64> = (0..100).map(|index| 1_000_000 + index % 7 * 2_000_000).collect();
        assert_eq!(growing_queue(&steady), None);
    }
}
