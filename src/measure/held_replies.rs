//! Detects replies held back by Nagle's algorithm at the bridge in combination with delayed acknowledgements at this
//! end. Pure.
//!
//! Without `TCP_NODELAY`, a small reply is not sent while the previous one is unacknowledged. This end acknowledges a
//! reply with its next message or, if it has none to send, after a delay: 40 ms on Linux, 200 ms on Windows. So held
//! replies have a pattern that neither frames nor a queue have: the message was sent before the previous reply arrived,
//! and its reply arrives when that previous reply is acknowledged, which is right after the next message (whatever it
//! is about) or when the delay is over.

use super::signatures::ACKNOWLEDGED_AFTER_MS;
use crate::clock::ms;
use crate::stats::nearest_rank;

/// Round trips of an open loop in sending order, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct OpenRoundTrips<'a> {
    /// When each message was due, on the clock.
    pub due_ns: &'a [u64],
    /// Send lateness of each.
    pub lateness_ns: &'a [u64],
    /// From the due time to the reply.
    pub latency_ns: &'a [u64],
}

/// Replies that were held back.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldReplies {
    /// Whether each round trip's reply was held.
    pub is_held: Vec<bool>,
    /// Number of replies that arrived right after a later message.
    pub with_a_message: usize,
    /// Number of replies that arrived when the acknowledgement delay was over.
    pub with_the_timer: usize,
    /// Median of that delay in nanoseconds, if any reply waited for it.
    pub timer_ns: Option<u64>,
    /// Mean round trip of the held replies, in nanoseconds.
    pub held_mean_ns: f64,
    /// Mean round trip of the others, in nanoseconds; NaN if there are none.
    pub other_mean_ns: f64,
}

impl HeldReplies {
    /// Number of held replies.
    #[must_use]
    pub fn count(&self) -> usize {
        self.with_a_message + self.with_the_timer
    }

    /// Their share of all replies.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.count() as f64 / self.is_held.len() as f64
    }

    /// The entries of `values`, one per round trip, whose replies were not held.
    #[must_use]
    pub fn others<T: Copy>(&self, values: &[T]) -> Vec<T> {
        values.iter().zip(&self.is_held).filter(|(_, is_held)| !**is_held).map(|(value, _)| *value).collect()
    }
}

impl std::fmt::Display for HeldReplies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, n) = (self.count(), self.is_held.len());
        write!(
            f,
            "Held replies: the bridge's side of the connection held {:.0} % of the replies ({count} of {n}) until the \
             previous reply was acknowledged (Nagle's algorithm and delayed acknowledgement). {} arrived right after a \
             later message",
            self.share() * 100.0,
            self.with_a_message
        )?;
        if let Some(timer_ns) = self.timer_ns {
            write!(f, ", {} after {:.1} ms without one", self.with_the_timer, ms(timer_ns))?;
        }
        write!(
            f,
            ". Held replies took {:.2} ms on average, the others {:.2} ms. Neither the frame nor a queue causes this \
             difference. {REMEDY}",
            self.held_mean_ns / 1e6,
            self.other_mean_ns / 1e6
        )
    }
}

/// The suggested fix.
pub const REMEDY: &str = "Set TCP_NODELAY on the bridge's side of the connection (in C#: client.NoDelay = true); the \
    drop-in bridge in scripts/unity does.";

/// Replies that arrive within this time of each other form a burst, in nanoseconds.
const TOGETHER_NS: u64 = 500_000;

/// Replies that arrive sooner than this after the previous one are ignored, since the network may take that long; in
/// nanoseconds.
const NEXT_NS: u64 = 1_000_000;

/// Longest time from a message to a reply released by its acknowledgement, in nanoseconds.
const RELEASE_NS: f64 = 1_000_000.0;

/// The same as a share of the mean time between messages, so that few replies follow a message this closely by chance.
const RELEASE_SHARE: f64 = 0.1;

/// Minimum round trips, and minimum held replies among them.
const FEWEST: (usize, usize) = (20, 5);

/// Minimum share of held replies that is reported.
const LEAST_SHARE: f64 = 0.05;

/// Minimum share of overtaken replies that an acknowledgement must have released. Replies of a bridge that answers one
/// message per frame are equally late, but hardly ever arrive at such a time.
const LEAST_RELEASED: f64 = 0.6;

/// Finds held replies; `None` if there are too few to rule out chance.
#[must_use]
pub fn held_replies(trips: OpenRoundTrips<'_>) -> Option<HeldReplies> {
    let n = trips.latency_ns.len();
    if n < FEWEST.0 || trips.due_ns.len() != n {
        return None;
    }
    let late_ns = |index: usize| if trips.lateness_ns.len() == n { trips.lateness_ns[index] } else { 0 };
    let sent_ns: Vec<u64> = (0..n).map(|index| trips.due_ns[index] + late_ns(index)).collect();
    let arrived_ns: Vec<u64> = (0..n).map(|index| trips.due_ns[index] + trips.latency_ns[index]).collect();
    let mut sends_ns = sent_ns.clone();
    sends_ns.sort_unstable();
    let mean_gap_ns = (sends_ns[n - 1] - sends_ns[0]) as f64 / (n - 1) as f64;
    let release_ns = RELEASE_NS.min(RELEASE_SHARE * mean_gap_ns);

    let mut found = HeldTotals { is_held: vec![false; n], ..HeldTotals::default() };
    let bursts = bursts(&arrived_ns);
    for pair in bursts.windows(2) {
        let (before, burst) = (&pair[0], &pair[1]);
        let last_ns = before.last().map_or(0, |index| arrived_ns[*index]);
        let arrival_ns = arrived_ns[burst[0]];
        // A message sent after the last reply acknowledges that reply, so its own reply is not held.
        let overtaken = burst.iter().all(|index| sent_ns[*index] < last_ns) && arrival_ns - last_ns > NEXT_NS;
        if overtaken {
            let next_send_ns = sends_ns.get(sends_ns.partition_point(|ns| *ns <= last_ns)).copied();
            found.add(burst, released(arrival_ns, last_ns, next_send_ns, release_ns));
        }
    }
    found.judged(trips.latency_ns)
}

/// What released a reply.
#[derive(Clone, Copy)]
enum ReleasedBy {
    Message,
    Timer { after_ns: u64 },
}

fn released(arrival_ns: u64, last_ns: u64, next_send_ns: Option<u64>, release_ns: f64) -> Option<ReleasedBy> {
    let after_ns = arrival_ns - last_ns;
    match next_send_ns {
        Some(send_ns) if send_ns < arrival_ns => {
            ((arrival_ns - send_ns) as f64 <= release_ns).then_some(ReleasedBy::Message)
        }
        _ => {
            let is_due = ACKNOWLEDGED_AFTER_MS.iter().any(|(from, to)| (*from..*to).contains(&ms(after_ns)));
            is_due.then_some(ReleasedBy::Timer { after_ns })
        }
    }
}

/// Indices of replies that arrived together, in order of arrival.
fn bursts(arrived_ns: &[u64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..arrived_ns.len()).collect();
    order.sort_by_key(|index| arrived_ns[*index]);
    let together = |left: &usize, right: &usize| arrived_ns[*right] - arrived_ns[*left] <= TOGETHER_NS;
    order.chunk_by(together).map(<[usize]>::to_vec).collect()
}

/// Tally of the held replies found so far.
#[derive(Default)]
struct HeldTotals {
    is_held: Vec<bool>,
    overtaken: usize,
    with_a_message: usize,
    timers_ns: Vec<u64>,
    with_the_timer: usize,
}

impl HeldTotals {
    fn add(&mut self, burst: &[usize], release: Option<ReleasedBy>) {
        self.overtaken += burst.len();
        match release {
            None => return,
            Some(ReleasedBy::Message) => self.with_a_message += burst.len(),
            Some(ReleasedBy::Timer { after_ns }) => {
                self.with_the_timer += burst.len();
                self.timers_ns.push(after_ns);
            }
        }
        for index in burst {
            self.is_held[*index] = true;
        }
    }

    fn judged(mut self, latency_ns: &[u64]) -> Option<HeldReplies> {
        let (count, n) = (self.with_a_message + self.with_the_timer, latency_ns.len());
        let is_rare = count < FEWEST.1 || (count as f64) < LEAST_SHARE * n as f64;
        if is_rare || (count as f64) < LEAST_RELEASED * self.overtaken as f64 {
            return None;
        }
        self.timers_ns.sort_unstable();
        let mean_ns = |held: bool| {
            let of = latency_ns.iter().zip(&self.is_held).filter(|(_, is_held)| **is_held == held);
            let (sum, count) = of.fold((0, 0), |(sum, count), (ns, _)| (sum + ns, count + 1));
            sum as f64 / f64::from(count)
        };
        Some(HeldReplies {
            with_a_message: self.with_a_message,
            with_the_timer: self.with_the_timer,
            timer_ns: (!self.timers_ns.is_empty()).then(|| nearest_rank(&self.timers_ns, 0.5)),
            held_mean_ns: mean_ns(true),
            other_mean_ns: mean_ns(false),
            is_held: self.is_held,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::super::planted::{at_frames, nagled, ready};
    use super::super::signatures::whole;
    use super::*;

    fn found(ready: &[(u64, u64)], arrivals: &[u64]) -> Option<HeldReplies> {
        let due_ns: Vec<u64> = ready.iter().map(|(sent, _)| *sent).collect();
        let latency_ns: Vec<u64> = arrivals.iter().zip(&due_ns).map(|(arrived, due)| arrived - due).collect();
        held_replies(OpenRoundTrips { due_ns: &due_ns, lateness_ns: &[], latency_ns: &latency_ns })
    }

    #[test]
    fn held_applied_replies_are_found_and_counted() {
        for (period_ms, timer_ms) in [(16.667, 40), (16.667, 200), (33.333, 40), (6.944, 44)] {
            let ready = ready(50.0, 7, at_frames(whole(period_ms * 1e6)));
            let arrivals = nagled(&ready, timer_ms * 1_000_000);
            let held = found(&ready, &arrivals).unwrap_or_else(|| panic!("{period_ms} ms, {timer_ms} ms"));
            // Ground truth: the reply arrives later than ready time plus network time.
            let truth: Vec<bool> = ready.iter().zip(&arrivals).map(|((_, at), got)| *got > at + 1_100_000).collect();
            let missed = truth.iter().zip(&held.is_held).filter(|(truth, found)| truth != found).count();
            // Held replies that arrive with those of a frame cannot be distinguished.
            assert!(missed * 10 <= ready.len(), "{missed} of {} misclassified", ready.len());
            assert!(held.share() > 0.15 && held.held_mean_ns > held.other_mean_ns + 5e6, "{held}");
            match held.timer_ns {
                Some(timer_ns) => assert_eq!(timer_ns / 1_000_000, timer_ms, "{held}"),
                None => assert_eq!(timer_ms, 200, "at 50 messages per second, one arrives before 200 ms are over"),
            }
        }
    }

    #[test]
    fn finding_counts_held_replies_and_names_cause_and_fix() {
        let ready = ready(50.0, 7, at_frames(16_667_000));
        let held = found(&ready, &nagled(&ready, 40_000_000)).unwrap();
        let sentence = held.to_string();
        assert!(sentence.starts_with("Held replies: "), "{sentence}");
        for words in [
            &format!("({} of 300)", held.count()),
            "Nagle's algorithm and delayed acknowledgement",
            "after 40.1 ms without one",
            "Neither the frame nor a queue",
            "TCP_NODELAY",
            "scripts/unity",
        ] {
            assert!(sentence.contains(words), "{words}: {sentence}");
        }
    }

    #[test]
    fn frames_are_not_mistaken_for_held_replies() {
        // 25 and 24 frames per second: their periods resemble acknowledgement delays.
        for fps in [24, 25, 30, 60, 144] {
            let ready = ready(50.0, 3, at_frames(1_000_000_000 / fps));
            let arrivals: Vec<u64> = ready.iter().map(|(_, at)| at + 60_000).collect();
            assert_eq!(found(&ready, &arrivals), None, "{fps} fps");
        }
    }

    #[test]
    fn queue_is_not_mistaken_for_held_replies() {
        // One message per frame: the others wait several frames, in whole frames.
        for rate_per_s in [50.0, 70.0, 900.0] {
            let mut free = 0;
            let ready = ready(rate_per_s, 5, |sent| {
                free = (sent / 16_667_000 + 1).max(free + 1);
                free * 16_667_000
            });
            let arrivals: Vec<u64> = ready.iter().map(|(_, at)| at + 60_000).collect();
            assert_eq!(found(&ready, &arrivals), None, "{rate_per_s}");
        }
    }

    #[test]
    fn fast_replies_and_small_samples_give_no_finding() {
        let mut random = StdRng::seed_from_u64(1);
        let quick = ready(50.0, 2, |sent| sent + random.random_range(30_000..300_000));
        let arrivals: Vec<u64> = quick.iter().map(|(_, at)| *at).collect();
        assert_eq!(found(&quick, &arrivals), None);
        assert_eq!(found(&quick[..10], &arrivals[..10]), None);
    }
}
