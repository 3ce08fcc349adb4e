//! Round trips whose truth is known, worked out event by event: what tests plant and then look for.

use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, Exp};

use super::round_trips::RoundTrips;
use super::signatures::whole;

/// Sends at random moments, and when a bridge has each reply ready, in nanoseconds.
pub(crate) fn ready(rate_per_s: f64, seed: u64, mut reply: impl FnMut(u64) -> u64) -> Vec<(u64, u64)> {
    let mut random = StdRng::seed_from_u64(seed);
    let gaps = Exp::new(rate_per_s).unwrap();
    let mut due = 0.0;
    (0..300)
        .map(|_| {
            due += gaps.sample(&mut random) * 1e9;
            let sent = whole(due);
            (sent, reply(sent))
        })
        .collect()
}

/// A bridge that replies at the start of the next frame.
pub(crate) fn at_frames(period_ns: u64) -> impl FnMut(u64) -> u64 {
    move |sent| (sent / period_ns + 1) * period_ns
}

/// When replies that are ready so arrive over a connection with Nagle's algorithm on the bridge's end, and acknowledgements that
/// this end puts off for `timer`: worked out event by event, 60 us each way.
pub(crate) fn nagled(ready: &[(u64, u64)], timer: u64) -> Vec<u64> {
    const WAY: u64 = 60_000;
    let mut arrivals = vec![0; ready.len()];
    let (mut acknowledged, mut next) = (0, 0);
    while next < ready.len() {
        // Each reply is a write of its own. With nothing unacknowledged it leaves at once, alone; what has had to wait leaves
        // together.
        let leaves = ready[next].1.max(acknowledged);
        let arrives = leaves + WAY;
        let waiting = ready[next..].iter().take_while(|(_, at)| *at < leaves).count().max(1);
        arrivals[next..next + waiting].fill(arrives);
        next += waiting;
        let message = ready.iter().map(|(sent, _)| *sent).find(|sent| *sent > arrives);
        acknowledged = message.unwrap_or(u64::MAX).min(arrives + timer) + WAY;
    }
    arrivals
}

/// Round trips that ended as planned: so long, one after the other.
pub(crate) fn trips(latency_ns: Vec<u64>) -> RoundTrips {
    let n = latency_ns.len();
    let duration_ns = latency_ns.iter().sum();
    RoundTrips { latency_ns, sent: n as u64, answered: n as u64, duration_ns, ..RoundTrips::new(n) }
}
