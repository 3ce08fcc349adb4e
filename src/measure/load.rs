//! Load shapes: when each message is due.

use std::str::FromStr;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp};
use serde::{Serialize, Serializer};

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Closed loop: the next message is sent when the reply to the previous one arrives. Locks to the bridge's frame.
    Closed,
    /// Open loop: independent arrivals at a mean rate; measures the latency of a lone command without bias.
    Poisson {
        /// Mean rate in messages per second.
        rate_per_s: f64,
    },
    /// Open loop: one message per period. Aliases with nearby frame rates.
    Fixed {
        /// Rate in messages per second.
        rate_per_s: f64,
    },
}

impl Load {
    /// Offered rate in messages per second; `None` for a closed loop, whose rate follows the replies.
    #[must_use]
    pub fn rate_per_s(self) -> Option<f64> {
        match self {
            Self::Closed => None,
            Self::Poisson { rate_per_s } | Self::Fixed { rate_per_s } => Some(rate_per_s),
        }
    }

    /// Due time of each of `count` messages, in nanoseconds from the start; empty for a closed loop.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn schedule_ns(self, count: usize, seed: u64) -> Vec<u64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let ns = |seconds: f64| (seconds * 1e9) as u64;
        match self {
            Self::Closed => Vec::new(),
            Self::Poisson { rate_per_s } => {
                // Parsing has checked that the rate is positive and finite.
                let Ok(gaps) = Exp::new(rate_per_s) else { return Vec::new() };
                let mut at_s = 0.0;
                (0..count)
                    .map(|_| {
                        at_s += gaps.sample(&mut rng);
                        ns(at_s)
                    })
                    .collect()
            }
            Self::Fixed { rate_per_s } => {
                // Random phase: otherwise the first send would always meet the same phase of the frame.
                let phase: f64 = rng.random();
                (0..count).map(|index| ns((index as f64 + phase) / rate_per_s)).collect()
            }
        }
    }
}

/// Accepted rates. Higher ones cannot be sustained by a client that has other work; lower ones take days.
const RATES_PER_S: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;

impl FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (shape, rate) = text.split_once(':').map_or((text, None), |(shape, rate)| (shape, Some(rate)));
        let rate_per_s = || {
            let rate = rate.ok_or_else(|| format!("'{shape}' needs a rate, such as {shape}:50"))?;
            let rate_per_s: f64 = rate.parse().map_err(|_| format!("'{rate}' is not a rate in messages per second"))?;
            if RATES_PER_S.contains(&rate_per_s) {
                Ok(rate_per_s)
            } else {
                Err(format!("a rate of {rate} per second is outside {} to {}", RATES_PER_S.start(), RATES_PER_S.end()))
            }
        };
        match shape {
            "closed" if rate.is_none() => Ok(Self::Closed),
            "closed" => Err("a closed loop has no rate: it sends when the previous reply arrives".into()),
            "poisson" => Ok(Self::Poisson { rate_per_s: rate_per_s()? }),
            "fixed" => Ok(Self::Fixed { rate_per_s: rate_per_s()? }),
            _ => Err(format!("'{shape}' is not a load: closed, poisson:RATE or fixed:RATE")),
        }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Poisson { rate_per_s } => write!(f, "poisson:{rate_per_s}"),
            Self::Fixed { rate_per_s } => write!(f, "fixed:{rate_per_s}"),
        }
    }
}

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_parse_and_errors_name_the_cause() {
        for text in ["closed", "poisson:50", "fixed:59.94"] {
            assert_eq!(text.parse::<Load>().unwrap().to_string(), text);
        }
        for (text, fault) in [
            ("poisson", "needs a rate"),
            ("closed:5", "has no rate"),
            ("fixed:0", "is outside"),
            ("poisson:NaN", "is outside"),
            ("poisson:fast", "'fast' is not a rate"),
            ("burst:3", "'burst' is not a load"),
        ] {
            assert!(text.parse::<Load>().unwrap_err().contains(fault), "{text}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let schedule = Load::Poisson { rate_per_s: 200.0 }.schedule_ns(20_000, 7);
        let gaps: Vec<f64> = schedule.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Mean and standard deviation of an exponential are both 1/rate = 5 ms; 20,000 draws determine them to about 1
        // %.
        assert!((mean - 5.0).abs() < 0.15, "{mean}");
        assert!((variance.sqrt() - 5.0).abs() < 0.2, "{}", variance.sqrt());
        assert_eq!(schedule, Load::Poisson { rate_per_s: 200.0 }.schedule_ns(20_000, 7));
        assert_ne!(schedule, Load::Poisson { rate_per_s: 200.0 }.schedule_ns(20_000, 8));
    }

    #[test]
    fn fixed_rate_keeps_its_period() {
        let schedule = Load::Fixed { rate_per_s: 100.0 }.schedule_ns(50, 1);
        assert!(schedule[0] < 10_000_000);
        assert!(schedule.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(10_000_000) <= 1));
    }
}
