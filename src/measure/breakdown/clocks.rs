//! Estimates the offset between the bridge's clock and ours from the exchanges themselves. Pure.
//!
//! An exchange brackets the bridge's timestamps: the bridge reads a message after we begin to write it, and replies
//! before we have the reply. If both directions take equally long, the offset is the midpoint. The faster an exchange,
//! the smaller the possible asymmetry: from each stretch of the run the fastest exchange is used (as in NTP's clock
//! filter, RFC 5905, section 10), and a line through them follows clocks that drift apart.

use super::exchange::{BridgeTimestamps, Exchange};

/// Stretches of a run; the fastest exchange of each is used.
const STRETCHES: usize = 8;

/// Minimum exchanges per stretch.
const FEWEST: usize = 10;

/// Relation of the bridge's clock to ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clocks {
    /// Offset to add to our clock at `at_ns` to get the bridge's, in nanoseconds.
    offset_ns: f64,
    /// Reference time on our clock, in nanoseconds.
    at_ns: f64,
    /// Change of the offset per nanosecond.
    drift: f64,
    /// Maximum error of the offset, in nanoseconds: half the network time of the slowest exchange used, plus its
    /// residual from the line.
    pub error_ns: u64,
}

impl Clocks {
    /// Our clock, in nanoseconds, when the bridge's reads `server_ns`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn ours_ns(&self, server_ns: u64) -> i64 {
        // server = ours + offset + drift · (ours − at), solved for ours; computed relative to the offset to keep all
        // digits.
        let since_ns = server_ns as f64 - self.offset_ns - self.at_ns;
        (self.at_ns + since_ns / (1.0 + self.drift)).round() as i64
    }

    /// Relative drift of the clocks in parts per million.
    #[must_use]
    pub fn drift_ppm(&self) -> f64 {
        self.drift * 1e6
    }
}

/// Fits the clocks of a run; `None` without timestamps.
#[must_use]
pub fn clocks(exchanges: &[Exchange]) -> Option<Clocks> {
    let stamped: Vec<(&Exchange, &BridgeTimestamps)> =
        exchanges.iter().filter_map(|exchange| Some((exchange, exchange.stamps.as_ref()?))).collect();
    let stretch = (stamped.len() / STRETCHES).max(FEWEST);
    // Of each exchange: its midpoint on our clock, the offset there, and its network time.
    let fastest: Vec<(f64, f64, u64)> = stamped
        .chunks(stretch)
        .filter_map(|chunk| chunk.iter().min_by_key(|(exchange, stamps)| ways_ns(exchange, stamps)))
        .map(|(exchange, stamps)| {
            let out_ns = stamps.received_ns as f64 - exchange.write_ns as f64;
            let back_ns = stamps.replied_ns as f64 - exchange.arrived_ns as f64;
            let middle_ns = f64::midpoint(exchange.write_ns as f64, exchange.arrived_ns as f64);
            (f64::midpoint(out_ns, back_ns), middle_ns, ways_ns(exchange, stamps))
        })
        .collect();
    let n = fastest.len() as f64;
    let slowest_ns = fastest.iter().map(|stretch| stretch.2).max()?;
    let offset_ns = fastest.iter().map(|stretch| stretch.0).sum::<f64>() / n;
    let at_ns = fastest.iter().map(|stretch| stretch.1).sum::<f64>() / n;
    let square: f64 = fastest.iter().map(|stretch| (stretch.1 - at_ns).powi(2)).sum();
    let product: f64 = fastest.iter().map(|stretch| (stretch.1 - at_ns) * (stretch.0 - offset_ns)).sum();
    let drift = if fastest.len() >= 3 && square > 0.0 { product / square } else { 0.0 };
    let missed_ns =
        fastest.iter().map(|stretch| (stretch.0 - offset_ns - drift * (stretch.1 - at_ns)).abs()).fold(0.0, f64::max);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let error_ns = slowest_ns.div_ceil(2) + missed_ns.ceil() as u64;
    Some(Clocks { offset_ns, at_ns, drift, error_ns })
}

/// Part of an exchange not spent in the bridge, in nanoseconds.
fn ways_ns(exchange: &Exchange, stamps: &BridgeTimestamps) -> u64 {
    let whole_ns = exchange.arrived_ns.saturating_sub(exchange.write_ns);
    whole_ns.saturating_sub(stamps.replied_ns.saturating_sub(stamps.received_ns))
}

#[cfg(test)]
pub(super) mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    /// Exchanges over a minute with a bridge whose clock is `offset_ns` ahead and gains `ppm`; 10 to 60 µs each way, 7
    /// ms in the bridge.
    pub(in super::super) fn exchanges(offset_ns: u64, ppm: f64, n: u64) -> Vec<Exchange> {
        let mut random = StdRng::seed_from_u64(3);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let server = |ours_ns: u64| ours_ns + offset_ns + (ours_ns as f64 * ppm / 1e6) as u64;
        (0..n)
            .map(|index| {
                let begin_ns = index * 60_000_000_000 / n;
                let write_ns = begin_ns + 1_000;
                let there_ns = write_ns + random.random_range(10_000..60_000);
                let left_ns = there_ns + 7_000_000;
                let arrived_ns = left_ns + random.random_range(10_000..60_000);
                Exchange {
                    begin_ns,
                    write_ns,
                    written_ns: write_ns + 5_000,
                    arrived_ns,
                    parsed_ns: arrived_ns + 2_000,
                    stamps: Some(BridgeTimestamps {
                        received_ns: server(there_ns),
                        parsed_ns: server(there_ns + 1_000_000),
                        frame_ns: None,
                        dequeued_ns: Some(server(there_ns + 3_000_000)),
                        applied_ns: Some(server(there_ns + 6_000_000)),
                        replied_ns: server(left_ns),
                        frame: None,
                    }),
                }
            })
            .collect()
    }

    #[test]
    fn offset_error_stays_within_its_bound_when_clocks_drift() {
        for ppm in [0.0, 50.0, 200.0] {
            let exchanges = exchanges(5_000_000_000_000, ppm, 400);
            let clocks = clocks(&exchanges).unwrap();
            assert!((clocks.drift_ppm() - ppm).abs() < 2.0, "{ppm}: {}", clocks.drift_ppm());
            assert!(clocks.error_ns < 60_000, "{}", clocks.error_ns);
            for exchange in &exchanges {
                let stamps = exchange.stamps.as_ref().unwrap();
                let there_ns = clocks.ours_ns(stamps.received_ns);
                let out_ns = there_ns - i64::try_from(exchange.write_ns).unwrap();
                let error_ns = i64::try_from(clocks.error_ns).unwrap();
                assert!((10_000 - error_ns..=60_000 + error_ns).contains(&out_ns), "{ppm}: {out_ns}");
            }
        }
    }

    #[test]
    fn no_clock_fit_without_timestamps() {
        let mut exchanges = exchanges(0, 0.0, 20);
        for exchange in &mut exchanges {
            exchange.stamps = None;
        }
        assert_eq!(clocks(&exchanges), None);
        assert_eq!(clocks(&[]), None);
    }
}
