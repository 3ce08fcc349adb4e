//! Round trips with a known truth, simulated event by event, for tests of detectors.

use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, Exp};

use super::round_trips::RoundTrips;
use super::signatures::whole;

/// Random send times, and the time at which the bridge has each reply ready, in nanoseconds.
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

/// Arrival of those replies over a connection with Nagle's algorithm at the bridge and acknowledgements delayed by
/// `timer` at this end: simulated event by event, 60 µs each way.
pub(crate) fn nagled(ready: &[(u64, u64)], timer: u64) -> Vec<u64> {
    const WAY: u64 = 60_000;
    let mut arrivals = vec![0; ready.len()];
    let (mut acknowledged, mut next) = (0, 0);
    while next < ready.len() {
        // Each reply is written separately. If nothing is unacknowledged it is sent at once; replies that had to wait
        // are sent together.
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

/// Round trips with these latencies, one after the other, from a case that ended as planned.
pub(crate) fn trips(latency_ns: Vec<u64>) -> RoundTrips {
    let n = latency_ns.len();
    let duration_ns = latency_ns.iter().sum();
    RoundTrips { latency_ns, sent: n as u64, answered: n as u64, duration_ns, ..RoundTrips::new(n) }
}
