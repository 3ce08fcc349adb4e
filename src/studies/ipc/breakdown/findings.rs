//! The findings of the breakdown.

use super::cases::by_part;
use super::study::AckSamples;
use crate::bridge::Ack;
use crate::measure::{ClientSideBounds, Clocks, Exchange, client_side_bounds, clocks};

/// Parts below this share of the round trip are not mentioned.
const LEAST_SHARE: f64 = 0.01;

/// Minimum frames for a frame period.
const FEWEST_FRAMES: f64 = 10.0;

/// The findings for one kind of reply.
pub(super) fn findings(samples: &AckSamples) -> Vec<String> {
    let (ack, exchanges) = (samples.ack, &samples.exchanges);
    match clocks(exchanges) {
        Some(clocks) => {
            let mut findings = vec![shares(ack, exchanges, &clocks), accuracy(ack, &clocks)];
            findings.extend(frames(ack, exchanges));
            findings
        }
        None => outside(ack, exchanges).into_iter().collect(),
    }
}

/// Time of each part, longest first.
fn shares(ack: Ack, exchanges: &[Exchange], clocks: &Clocks) -> String {
    let (n, by_part) = by_part(exchanges, clocks);
    let mean_ns = |samples_ns: &[i64]| samples_ns.iter().sum::<i64>() as f64 / n as f64;
    let mut shares: Vec<_> = by_part.iter().map(|(part, samples_ns)| (part, mean_ns(samples_ns))).collect();
    let whole_ns: f64 = shares.iter().map(|share| share.1).sum();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named = shares.iter().take_while(|share| share.1 >= LEAST_SHARE * whole_ns).map(|(part, ns)| {
        format!("{} {:.3} ms ({:.0} %)", part.name().replace('_', " "), ns / 1e6, ns / whole_ns * 100.0)
    });
    let named: Vec<String> = named.collect();
    format!("{ack}: of {:.3} ms on average (n {n}), {}.", whole_ns / 1e6, named.join(", "))
}

fn accuracy(ack: Ack, clocks: &Clocks) -> String {
    format!(
        "{ack}: the clock offset is known to ±{:.1} µs (half of the fastest round trips); drift {:.1} ppm.",
        clocks.error_ns as f64 / 1e3,
        clocks.drift_ppm()
    )
}

/// Frame period and jitter from the bridge's timestamps.
fn frames(ack: Ack, exchanges: &[Exchange]) -> Option<String> {
    let seen: Vec<(f64, f64)> = exchanges
        .iter()
        .filter_map(|exchange| exchange.stamps.and_then(|stamps| Some((stamps.frame? as f64, stamps.frame_ns? as f64))))
        .collect();
    let (first, last) = (seen.first()?, seen.last()?);
    let frames = last.0 - first.0;
    if frames < FEWEST_FRAMES {
        return None;
    }
    let period_ns = (last.1 - first.1) / frames;
    let squares: f64 = seen.iter().map(|at| (at.1 - first.1 - (at.0 - first.0) * period_ns).powi(2)).sum();
    let jitter_ns = (squares / seen.len() as f64).sqrt();
    Some(format!(
        "{ack}: according to the bridge's timestamps, a frame lasts {:.3} ms ({:.2} per second) with a jitter of {:.3} \
         ms (n {}).",
        period_ns / 1e6,
        1e9 / period_ns,
        jitter_ns / 1e6,
        seen.len()
    ))
}

/// Bounds for a bridge without timestamps.
fn outside(ack: Ack, exchanges: &[Exchange]) -> Option<String> {
    let bounds = client_side_bounds(exchanges, ClientSideBounds::fastest_ns(exchanges)?);
    let mean_ms = |samples: &[i64]| samples.iter().sum::<i64>() as f64 / samples.len() as f64 / 1e6;
    Some(format!(
        "{ack}: the bridge sends no timestamps, so only bounds are known. Network and bridge together take {:.3} ms on \
         average (n {}). The fastest round trip took {:.3} ms, the upper bound of the network's undisturbed time in \
         both directions; the average is {:.3} ms longer.",
        mean_ms(&bounds.outside_ns),
        exchanges.len(),
        bounds.network_at_most_ns as f64 / 1e6,
        mean_ms(&bounds.beyond_fastest_ns)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::cases::planted;
    use super::*;
    use crate::measure::CaseEnd;

    #[test]
    fn longest_parts_come_first_with_the_clock_accuracy() {
        let expected = [
            "applied: of 0.415 ms on average (n 40), queue 0.200 ms (48 %), apply 0.050 ms (12 %), network back 0.050 \
             ms (12 %), parse 0.040 ms (10 %), network out 0.030 ms (7 %), write 0.020 ms (5 %), serialise 0.010 ms (2 \
             %), reply 0.010 ms (2 %), parse reply 0.005 ms (1 %).",
            "applied: the clock offset is known to ±50.0 µs (half of the fastest round trips); drift 0.0 ppm.",
        ];
        assert_eq!(findings(&planted::samples(true)), expected);
    }

    #[test]
    fn frame_period_comes_from_the_bridges_timestamps() {
        let mut samples = planted::samples(true);
        for (at, exchange) in (0..).zip(&mut samples.exchanges) {
            let stamps = exchange.stamps.as_mut().unwrap();
            (stamps.frame, stamps.frame_ns) = (Some(5 + at * 6), stamps.dequeued_ns);
        }
        let told = findings(&samples).pop().unwrap();
        let expected = "applied: according to the bridge's timestamps, a frame lasts 16.667 ms (60.00 per second) with \
            a jitter of 0.000 ms (n 40).";
        assert_eq!(told, expected);
    }

    #[test]
    fn no_timestamps_give_bounds_and_no_round_trips_nothing() {
        let mut samples = planted::samples(false);
        // The fastest takes 80 µs less.
        samples.exchanges[7].arrived_ns -= 80_000;
        let expected = "applied: the bridge sends no timestamps, so only bounds are known. Network and bridge together \
            take 0.378 ms on average (n 40). The fastest round trip took 0.300 ms, the upper bound of the network's \
            undisturbed time in both directions; the average is 0.078 ms longer.";
        assert_eq!(findings(&samples), [expected]);
        samples.exchanges.clear();
        samples.end = CaseEnd::Interrupted;
        assert_eq!(findings(&samples), Vec::<String>::new());
    }
}
