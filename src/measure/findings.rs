//! Patterns in round trips that mislead readers who do not know them.

use crate::stats::{nearest_rank, samples_needed};

/// The frame period in nanoseconds, if closed-loop round trips are locked to frames.
///
/// A client that sends on each reply meets every frame just after its start and waits for all of it: each round trip is
/// one period. Independent arrivals wait half a period on average. Both together are the signature; a constant delay
/// unrelated to frames affects both loads equally.
#[must_use]
pub fn frame_lock(closed_ns: &[u64], poisson_ns: &[u64]) -> Option<u64> {
    let closed = sorted(closed_ns)?;
    let poisson = sorted(poisson_ns)?;
    let period_ns = nearest_rank(&closed, 0.5);
    let spread_ns = nearest_rank(&closed, 0.75) - nearest_rank(&closed, 0.25);
    let mean_ns = poisson.iter().sum::<u64>() as f64 / poisson.len() as f64;
    let steady = spread_ns * 10 <= period_ns;
    let half = (0.35..0.75).contains(&(mean_ns / period_ns as f64));
    (steady && half).then_some(period_ns)
}

/// Minimum samples for a finding.
const FEWEST: usize = 20;

fn sorted(samples_ns: &[u64]) -> Option<Vec<u64>> {
    let mut sorted_ns = samples_ns.to_vec();
    sorted_ns.sort_unstable();
    (sorted_ns.len() >= FEWEST).then_some(sorted_ns)
}

/// Number of distinct frame phases that a fixed-rate sender meets, if so few that its figures depend more on the ratio
/// of the two rates than on the bridge.
#[must_use]
pub fn aliases(rate_per_s: f64, frame_period_ns: u64) -> Option<u32> {
    let frames_a_message = 1e9 / rate_per_s / frame_period_ns as f64;
    (1..=4).find(|&moments| {
        let turns = frames_a_message * f64::from(moments);
        turns >= 0.5 && (turns - turns.round()).abs() < 0.02
    })
}

/// Send lateness that is large relative to the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimit {
    /// The share of sends that were at least this late: `1 %`, or `10 %` if there are too few samples.
    pub share: &'static str,
    /// The lateness in nanoseconds.
    pub late_ns: u64,
    /// Median latency in nanoseconds.
    pub p50_ns: u64,
}

/// Detects send lateness so large that the figures describe this machine rather than the bridge: its 99th percentile is
/// at least a tenth of the median latency. With fewer samples the 90th percentile is used; with fewer still, there is
/// no finding.
#[must_use]
pub fn client_limited(latency_ns: &[u64], lateness_ns: &[u64]) -> Option<ClientLimit> {
    let (latency, lateness) = (sorted(latency_ns)?, sorted(lateness_ns)?);
    let (p, share) = [(0.99, "1 %"), (0.9, "10 %")].into_iter().find(|(p, _)| lateness.len() >= samples_needed(*p))?;
    let (p50_ns, late_ns) = (nearest_rank(&latency, 0.5), nearest_rank(&lateness, p));
    (late_ns * 10 >= p50_ns).then_some(ClientLimit { share, late_ns, p50_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lock_needs_both_closed_and_poisson_patterns() {
        let closed = vec![16_667_000; 100];
        let uniform: Vec<u64> = (0..100).map(|index| index * 166_670).collect();
        assert_eq!(frame_lock(&closed, &uniform), Some(16_667_000));
        assert_eq!(frame_lock(&closed, &closed), None, "a constant delay is not a frame lock");
        assert_eq!(frame_lock(&uniform, &uniform), None, "a closed loop with jitter is not a frame lock");
        assert_eq!(frame_lock(&closed[..5], &uniform), None, "too few samples");
    }

    #[test]
    fn rates_that_meet_few_frame_phases_alias() {
        let frame_ns = 16_666_667;
        assert_eq!(aliases(60.0, frame_ns), Some(1));
        assert_eq!(aliases(30.0, frame_ns), Some(1));
        assert_eq!(aliases(120.0, frame_ns), Some(2));
        assert_eq!(aliases(40.0, frame_ns), Some(2));
        assert_eq!(aliases(47.3, frame_ns), None);
        assert_eq!(aliases(97.0, frame_ns), None);
    }

    #[test]
    fn lateness_is_reported_from_a_tenth_of_the_median() {
        let limit = |late_ns, n: usize| client_limited(&[1_000; 50], &vec![late_ns; n]).map(|limit| limit.share);
        assert_eq!(limit(99, 1_000), None);
        assert_eq!(limit(100, 1_000), Some("1 %"));
        assert_eq!(limit(100, 100), Some("10 %"));
        assert_eq!(limit(100, 50), None, "too few samples");
    }
}
