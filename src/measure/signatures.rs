//! Faults that leave a pattern in round trips: a delayed acknowledgement, a coarse timer, a growing queue. Pure.
//!
//! Each is named only where nothing honest looks like it. So only *received* replies are searched for piles and timers: *applied*
//! ones keep the frame, whatever its length. What delayed acknowledgements do to those is found in another way: see
//! [`held_replies`](super::held_replies()).

use super::periodicity::periodicity;
use crate::clock::ms;
use crate::stats::nearest_rank;

/// A fault that was recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signature {
    /// Replies that come a delayed acknowledgement too late: Nagle's algorithm holds a second small write back.
    DelayedAck {
        /// Share of the replies.
        share: f64,
        /// Their median, in nanoseconds.
        at_ns: u64,
    },
    /// Replies that come on the ticks of a timer of 15.6 ms.
    TimerTick {
        /// The length of a tick, or a multiple of it, in nanoseconds.
        tick_ns: u64,
    },
    /// Replies that come on a grid of another length: something looks for messages now and then.
    Polling {
        /// The length of the grid, in nanoseconds.
        period_ns: u64,
    },
    /// Round trips that become longer and longer.
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

/// Fewest samples for any of them.
const FEWEST: usize = 20;

/// How long an acknowledgement is put off, in milliseconds: 40 to 44 on Linux, 200 on Windows.
pub(super) const ACKNOWLEDGED_AFTER_MS: [(f64, f64); 2] = [LINUX_MS, WINDOWS_MS];

/// Whether two replies are as far apart as an acknowledgement is put off.
pub(super) fn waited_for_an_acknowledgement(arrived_ns: &[u64]) -> bool {
    arrived_ns.windows(2).any(|pair| {
        let apart_ms = ms(pair[1] - pair[0]);
        ACKNOWLEDGED_AFTER_MS.iter().any(|(least_ms, most_ms)| (*least_ms..*most_ms).contains(&apart_ms))
    })
}

const LINUX_MS: (f64, f64) = (39.5, 46.0);

const WINDOWS_MS: (f64, f64) = (199.5, 216.0);

/// Where delayed acknowledgements put replies, in milliseconds: one of Linux, two of them, one of Windows.
const ACKS_MS: [(f64, f64); 3] = [LINUX_MS, (79.5, 91.0), WINDOWS_MS];

/// Least share of the replies in such a cluster.
const ACK_SHARE: f64 = 0.1;

/// The tick of Windows's timer, in nanoseconds: 1/64 s, of which people write 15.6 ms.
const TICK_NS: f64 = 15_612_500.0;

/// How far a tick may be off: 15.6 and 15.625 ms lie within, and the frame of 16.67 ms is 7 % away.
const TICK_TOLERANCE: f64 = 0.006;

/// How far the median of a closed loop may be off: a single reply is late or early by what two wake-ups differ.
const CLOSED_TOLERANCE: f64 = 0.015;

/// Most ticks of one wait that are looked for.
const MOST_TICKS: u32 = 4;

/// The signature in round trips of *received* replies, in nanoseconds. `closed_loop` says that each message was sent on the reply
/// to the last; `arrived_ns` are the moments of the replies.
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
    // Messages that wait for a grid wait for half of it on average; replies that come at once only repeat the sender's pace.
    let waits = nearest_rank(&sorted_ns, 0.5) as f64 > 0.2 * found.period_ns;
    waits.then_some(if near_tick(found.period_ns, TICK_TOLERANCE).is_some() {
        Signature::TimerTick { tick_ns: whole(found.period_ns) }
    } else {
        Signature::Polling { period_ns: whole(found.period_ns) }
    })
}

/// A cluster where delayed acknowledgements are, with hardly anything just below it: it is a pile, not a slope.
fn delayed_ack(sorted_ns: &[u64]) -> Option<Signature> {
    let count = |from_ms: f64, to_ms: f64| {
        let below = |limit_ms: f64| sorted_ns.partition_point(|ns| ms(*ns) < limit_ms);
        (below(from_ms), below(to_ms))
    };
    ACKS_MS.iter().find_map(|&(from_ms, to_ms)| {
        let (first, end) = count(from_ms, to_ms);
        let share = (end - first) as f64 / sorted_ns.len() as f64;
        let width_ms = to_ms - from_ms;
        // Below it there is little, since no timer fires early; above it a busy machine spreads the replies.
        let lower = count(from_ms - width_ms, from_ms);
        let is_pile = (end - first) as f64 > 4.0 * (lower.1 - lower.0) as f64;
        (share >= ACK_SHARE && is_pile)
            .then(|| Signature::DelayedAck { share, at_ns: sorted_ns[usize::midpoint(first, end)] })
    })
}

/// A closed loop in which most replies wait for the same number of ticks, some of them late on a busy machine.
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

/// Fewest samples for a trend: five parts of ten.
const FEWEST_FOR_A_TREND: usize = 50;

/// A queue that grows over an open loop, in round trips in the order of sending: from fifth to fifth of the case the median
/// rises, and in the end it is several times what it was.
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

    /// Poisson sends, and their replies `wait` later.
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
    fn a_stall_of_a_delayed_acknowledgement_is_named() {
        for at_ms in [40.0, 44.0, 88.0, 200.0] {
            let stalled: Vec<u64> = (0..100).map(|index| whole(at_ms * MS) + index * 2_000).collect();
            assert!(matches!(named(&stalled, true), Some(Signature::DelayedAck { .. })), "{at_ms}");
            // One in five stalls, the others are quick.
            let some: Vec<u64> =
                (0..100).map(|index| if index % 5 == 0 { whole(at_ms * MS) } else { 50_000 }).collect();
            assert!(matches!(named(&some, true), Some(Signature::DelayedAck { share, .. }) if share > 0.19), "{at_ms}");
        }
    }

    #[test]
    fn a_slope_or_a_slow_bridge_is_no_delayed_acknowledgement() {
        let slope: Vec<u64> = (0..200).map(|index| index * 500_000).collect();
        assert_eq!(named(&slope, true), None);
        let slow = vec![whole(30.0 * MS); 100];
        assert_eq!(named(&slow, true), None);
    }

    #[test]
    fn ticks_of_the_timer_are_named_and_frames_of_60_are_not() {
        for (period_ms, expected) in
            [(15.6, true), (15.625, true), (31.2, true), (46.875, false), (16.667, false), (15.0, false)]
        {
            let closed: Vec<u64> = (0..50).map(|index| whole(period_ms * MS) + index % 7 * 3_000).collect();
            let named = named(&closed, true);
            // Three ticks are 46.8 ms; that lies in nobody's cluster, so it is a tick too.
            let expected = expected || (period_ms / 15.625_f64 - 3.0).abs() < 0.01;
            assert_eq!(matches!(named, Some(Signature::TimerTick { .. })), expected, "{period_ms}: {named:?}");
        }
    }

    #[test]
    fn a_grid_in_received_replies_is_seen_under_random_load() {
        for (period_ms, tick) in [(15.6, true), (15.625, true), (16.667, false), (10.0, false)] {
            let period_ns = period_ms * MS;
            let (latency_ns, arrived_ns) = open(300, 4, |due_ns, _| period_ns - due_ns % period_ns + 30_000.0);
            let named = received_signature(&latency_ns, &arrived_ns, false);
            assert_eq!(matches!(named, Some(Signature::TimerTick { .. })), tick, "{period_ms}: {named:?}");
            assert!(named.is_some(), "{period_ms}");
        }
    }

    #[test]
    fn an_honest_bridge_gets_no_name() {
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
    fn a_queue_that_grows_is_named() {
        let growing: Vec<u64> = (0..100).map(|index| 1_000_000 + index * 2_000_000).collect();
        assert!(matches!(growing_queue(&growing), Some(Signature::GrowingQueue { .. })));
        let steady: Vec<u64> = (0..100).map(|index| 1_000_000 + index % 7 * 2_000_000).collect();
        assert_eq!(growing_queue(&steady), None);
    }
}
