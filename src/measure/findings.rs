//! Patterns in round trips that mislead a reader who does not know them.

use crate::stats::{nearest_rank, samples_needed};

/// The frame period in nanoseconds, if closed-loop round trips are locked onto frames.
///
/// A client that sends on each reply meets every frame just after it began, and waits for the whole of it: its round
/// trips are all one period. Independent arrivals over the same frames wait half of it on average. Both together are the
/// signature; a constant delay that has nothing to do with frames shows the same in both.
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

/// Fewest samples for a finding.
const FEWEST: usize = 20;

fn sorted(samples_ns: &[u64]) -> Option<Vec<u64>> {
    let mut sorted_ns = samples_ns.to_vec();
    sorted_ns.sort_unstable();
    (sorted_ns.len() >= FEWEST).then_some(sorted_ns)
}

/// How many moments of the frame a sender of a fixed rate keeps meeting, if they are so few that its figures say more
/// about the ratio of the two rates than about the bridge.
#[must_use]
pub fn aliases(rate_per_s: f64, frame_period_ns: u64) -> Option<u32> {
    let frames_a_message = 1e9 / rate_per_s / frame_period_ns as f64;
    (1..=4).find(|&moments| {
        let turns = frames_a_message * f64::from(moments);
        turns >= 0.5 && (turns - turns.round()).abs() < 0.02
    })
}

/// Late sends that weigh against the latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimit {
    /// Which share of the sends was at least that late: `1 %`, or `10 %` where the samples carry no more.
    pub share: &'static str,
    /// How late.
    pub late_ns: u64,
    /// The median latency.
    pub p50_ns: u64,
}

/// Whether late sends make up so much of the median that the figures describe this machine rather than the bridge: a
/// tenth or more, at the 99th percentile. From fewer samples than that needs, the 90th is judged; below that, nothing.
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
    fn a_lock_needs_both_halves_of_its_signature() {
        let closed = vec![16_667_000; 100];
        let uniform: Vec<u64> = (0..100).map(|index| index * 166_670).collect();
        assert_eq!(frame_lock(&closed, &uniform), Some(16_667_000));
        assert_eq!(frame_lock(&closed, &closed), None, "a constant delay is no frame");
        assert_eq!(frame_lock(&uniform, &uniform), None, "an unsteady closed loop is no frame");
        assert_eq!(frame_lock(&closed[..5], &uniform), None, "too few to tell");
    }

    #[test]
    fn rates_that_meet_few_moments_of_the_frame_alias() {
        let frame_ns = 16_666_667;
        assert_eq!(aliases(60.0, frame_ns), Some(1));
        assert_eq!(aliases(30.0, frame_ns), Some(1));
        assert_eq!(aliases(120.0, frame_ns), Some(2));
        assert_eq!(aliases(40.0, frame_ns), Some(2));
        assert_eq!(aliases(47.3, frame_ns), None);
        assert_eq!(aliases(97.0, frame_ns), None);
    }

    #[test]
    fn lateness_counts_from_a_tenth_of_the_median() {
        let limit = |late_ns, n: usize| client_limited(&[1_000; 50], &vec![late_ns; n]).map(|limit| limit.share);
        assert_eq!(limit(99, 1_000), None);
        assert_eq!(limit(100, 1_000), Some("1 %"));
        assert_eq!(limit(100, 100), Some("10 %"));
        assert_eq!(limit(100, 50), None, "too few to say");
    }
}
