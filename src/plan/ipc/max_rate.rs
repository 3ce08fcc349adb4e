//! The plan of the search for the maximum rate: range, steps and budget.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::super::shared::as_ms;
use crate::cli::IpcArgs;

/// Start of the ramp in messages per second; any bridge sustains it.
const START_PER_S: f64 = 100.0;

/// End of the ramp in messages per second; beyond it, a single connection of this program is the bottleneck.
const CEILING_PER_S: f64 = 200_000.0;

/// Minimum messages per step, so that chance does not decide.
const ENOUGH: f64 = 1_000.0;

/// Maximum factor by which a step is extended to reach that number.
const STRETCH: u32 = 3;

/// Message size in bytes, typical of Workly's commands.
const BYTES: usize = 100;

/// What is searched for each kind of reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxRatePlan {
    /// Start of the ramp, in messages per second.
    pub start_per_s: f64,
    /// Maximum rate tried, in messages per second.
    pub ceiling_per_s: f64,
    /// Length of a step with enough messages.
    #[serde(rename = "step_ms", serialize_with = "as_ms")]
    pub step: Duration,
    /// Budget for the 99th percentile of the round trips.
    #[serde(rename = "p99_budget_ms", serialize_with = "maybe_ms")]
    pub p99_budget: Option<Duration>,
    /// Requested size on the wire, including the line feed, in bytes.
    pub size_bytes: usize,
}

#[allow(clippy::ref_option)] // Signature required by serde.
fn maybe_ms<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64() * 1e3).serialize(serializer)
}

impl MaxRatePlan {
    pub(super) fn resolve(args: &IpcArgs) -> Self {
        Self {
            start_per_s: START_PER_S,
            ceiling_per_s: CEILING_PER_S,
            step: args.step,
            p99_budget: args.p99_budget,
            size_bytes: BYTES,
        }
    }

    /// Length of a step at this rate.
    #[must_use]
    pub fn length(&self, rate_per_s: f64) -> Duration {
        let wanted = Duration::from_secs_f64(ENOUGH / rate_per_s.max(1.0));
        wanted.clamp(self.step, STRETCH * self.step)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{IpcPlan, IpcStudy};
    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> Result<IpcPlan, clap::Error> {
        let words = ["workly-perf", "ipc", "--bridge", "embedded"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words)?.command else { panic!("not ipc") };
        Ok(IpcPlan::resolve(&args, 42).unwrap())
    }

    #[test]
    fn each_run_has_one_study_with_its_own_flags() {
        let IpcStudy::MaxRate(search) = plan("--find-max-rate --p99-budget 20ms --step 500ms").unwrap().study else {
            panic!("another study")
        };
        assert_eq!(search.p99_budget, Some(Duration::from_millis(20)));
        for line in ["--find-max-rate --load closed", "--find-max-rate --messages 5", "--p99-budget 5ms", "--step 2s"] {
            assert!(plan(line).is_err(), "{line}");
        }
    }

    #[test]
    fn steps_with_few_messages_are_extended() {
        let IpcStudy::MaxRate(search) = plan("--find-max-rate").unwrap().study else { panic!("another study") };
        let lengths = [1.0, 100.0, 500.0, 1_000.0, 50_000.0].map(|rate_per_s| search.length(rate_per_s).as_millis());
        assert_eq!(lengths, [3_000, 3_000, 2_000, 1_000, 1_000]);
    }
}
