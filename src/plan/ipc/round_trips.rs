//! The plan of the round-trip cases.

use serde::Serialize;

use super::plan::IpcPlan;
use crate::bridge::Ack;
use crate::cli::IpcArgs;
use crate::measure::Load;

/// Message size in bytes of cases that are not about size, typical of Workly's commands.
const BASE_BYTES: usize = 100;

/// Default sizes: the documented ones, and those around the stock bridge's 4,096-byte read.
const SIZES: [usize; 7] = [10, 100, 1_000, 4_095, 4_096, 4_097, 10_000];

/// Default loads. At 50 messages per second, a 60 fps bridge has time between two messages.
const LOADS: [Load; 2] = [Load::Closed, Load::Poisson { rate_per_s: 50.0 }];

/// One case to measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IpcCase {
    /// Its path, such as `applied/closed/100B`.
    pub path: String,
    /// Kind of the reply.
    pub ack: Ack,
    /// Load shape.
    pub load: Load,
    /// Size on the wire, including the line feed, in bytes.
    pub size_bytes: usize,
    /// Requested size; less than `size_bytes` if no command is that short.
    pub asked_bytes: usize,
}

/// The cases of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RoundTripsPlan {
    /// In reading order; the run shuffles them.
    pub cases: Vec<IpcCase>,
}

impl RoundTripsPlan {
    pub(super) fn resolve(args: &IpcArgs, plan: &IpcPlan) -> Self {
        let mut round = Self::default();
        let whole_round = args.load.is_empty();
        let loads = if whole_round { &LOADS[..] } else { &args.load };
        let acks = plan.bridge.dialect.acks();
        for &ack in &acks {
            for &load in loads {
                round.add_case(plan, ack, load, BASE_BYTES);
            }
        }
        let sizes = if args.sizes.is_empty() && whole_round { &SIZES[..] } else { &args.sizes };
        // Frames or sparse arrivals would hide the effect of size, so sizes are compared by *received* round trips in a
        // closed loop, unless other loads were requested.
        let loads = if whole_round { &LOADS[..1] } else { &args.load };
        for &load in loads {
            for &size in sizes {
                round.add_case(plan, acks[0], load, size);
            }
        }
        round
    }

    fn add_case(&mut self, plan: &IpcPlan, ack: Ack, load: Load, asked_bytes: usize) {
        let size_bytes = plan.bridge.message(ack, asked_bytes).size_bytes();
        let path = format!("{ack}/{load}/{size_bytes}B");
        if self.cases.iter().all(|case| case.path != path) {
            self.cases.push(IpcCase { path, ack, load, size_bytes, asked_bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::study::IpcStudy;
    use super::*;
    use crate::cli::{Cli, Command};

    fn round(line: &str) -> RoundTripsPlan {
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        let IpcStudy::RoundTrips(round) = IpcPlan::resolve(&args, 42).unwrap().study else { panic!("another study") };
        round
    }

    fn paths(line: &str) -> Vec<String> {
        round(line).cases.into_iter().map(|case| case.path).collect()
    }

    #[test]
    fn default_cases_have_both_acks_both_loads_and_all_sizes() {
        let expected = [
            "received/closed/100B",
            "received/poisson:50/100B",
            "applied/closed/100B",
            "applied/poisson:50/100B",
            "received/closed/73B",
            "received/closed/1000B",
            "received/closed/4095B",
            "received/closed/4096B",
            "received/closed/4097B",
            "received/closed/10000B",
        ];
        assert_eq!(paths("--bridge embedded"), expected);
        let smallest = &round("--bridge embedded").cases[4];
        assert_eq!((smallest.asked_bytes, smallest.size_bytes), (10, 73));
    }

    #[test]
    fn requested_load_is_the_only_one_and_applies_to_sizes() {
        assert_eq!(paths("--bridge embedded --load fixed:10"), ["received/fixed:10/100B", "applied/fixed:10/100B"]);
        assert_eq!(
            paths("--bridge embedded --load closed --load closed --sizes 200,100"),
            ["received/closed/100B", "applied/closed/100B", "received/closed/200B"]
        );
    }
}
