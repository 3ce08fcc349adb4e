//! The search for the maximum rate: from where to where, by which steps, within which budget.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::super::shared::as_ms;
use crate::cli::IpcArgs;

/// Where the ramp begins, messages a second: what any bridge holds.
const START_PER_S: f64 = 100.0;

/// Where it ends, messages a second: beyond that, one connection of this program is no measure of anything.
const CEILING_PER_S: f64 = 200_000.0;

/// Messages that a step should have, so that chance does not decide on it.
const ENOUGH: f64 = 1_000.0;

/// How much longer than asked a step may be for that.
const STRETCH: u32 = 3;

/// Line length of the messages, in bytes: about what Workly's own commands take.
const BYTES: usize = 100;

/// What the search will do, for each kind of reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxRatePlan {
    /// Where the ramp begins, messages a second.
    pub start_per_s: f64,
    /// Where it ends at the latest.
    pub ceiling_per_s: f64,
    /// Length of a step that has messages enough.
    #[serde(rename = "step_ms", serialize_with = "as_ms")]
    pub step: Duration,
    /// What the 99th percentile of the round trips must stay within.
    #[serde(rename = "p99_budget_ms", serialize_with = "maybe_ms")]
    pub p99_budget: Option<Duration>,
    /// Line length on the wire that is asked for, newline included.
    pub size_bytes: usize,
}

#[allow(clippy::ref_option)] // serde hands over references.
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

    /// How long a step at that rate lasts.
    #[must_use]
    pub fn length(&self, rate_per_s: f64) -> Duration {
        let wanted = Duration::from_secs_f64(ENOUGH / rate_per_s.max(1.0));
        wanted.clamp(self.step, STRETCH * self.step)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{IpcPlan, Study};
    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> Result<IpcPlan, clap::Error> {
        let words = ["workly-perf", "ipc", "--bridge", "embedded"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words)?.command else { panic!("not ipc") };
        Ok(IpcPlan::resolve(&args, 42).unwrap())
    }

    #[test]
    fn a_run_has_one_study_and_only_its_own_flags() {
        let Study::MaxRate(search) = plan("--find-max-rate --p99-budget 20ms --step 500ms").unwrap().study else {
            panic!("another study")
        };
        assert_eq!(search.p99_budget, Some(Duration::from_millis(20)));
        for line in ["--find-max-rate --load closed", "--find-max-rate --messages 5", "--p99-budget 5ms", "--step 2s"] {
            assert!(plan(line).is_err(), "{line}");
        }
    }

    #[test]
    fn steps_of_few_messages_are_longer() {
        let Study::MaxRate(search) = plan("--find-max-rate").unwrap().study else { panic!("another study") };
        let lengths = [1.0, 100.0, 500.0, 1_000.0, 50_000.0].map(|rate_per_s| search.length(rate_per_s).as_millis());
        assert_eq!(lengths, [3_000, 3_000, 2_000, 1_000, 1_000]);
    }
}
