//! The round of round trips: which cases.

use serde::Serialize;

use super::plan::IpcPlan;
use crate::bridge::Ack;
use crate::cli::IpcArgs;
use crate::measure::Load;

/// Line length of the cases that do not ask about size, in bytes: about what Workly's own commands take.
const BASE_BYTES: usize = 100;

/// Sizes of the whole round: the founding ones, and those around the stock bridge's 4,096-byte read.
const SIZES: [usize; 7] = [10, 100, 1_000, 4_095, 4_096, 4_097, 10_000];

/// Loads of the whole round. 50 messages a second leave a 60 fps bridge time between two of them.
const LOADS: [Load; 2] = [Load::Closed, Load::Poisson { rate_per_s: 50.0 }];

/// One case to measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IpcCase {
    /// Its path: `applied/closed/100B`.
    pub path: String,
    /// What the reply means.
    pub ack: Ack,
    /// When messages are sent.
    pub load: Load,
    /// Line length on the wire, newline included.
    pub size_bytes: usize,
    /// Line length that was asked for; less than `size_bytes` where no command is that short.
    pub asked_bytes: usize,
}

/// The cases of the round.
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
        let acks = plan.dialect.acks();
        for &ack in &acks {
            for &load in loads {
                round.add_case(plan, ack, load, BASE_BYTES);
            }
        }
        let sizes = if args.sizes.is_empty() && whole_round { &SIZES[..] } else { &args.sizes };
        // The frame would drown what size costs, and so would arrivals far apart: sizes are compared on the received
        // round trip, closed loop, unless other loads were asked for.
        let loads = if whole_round { &LOADS[..1] } else { &args.load };
        for &load in loads {
            for &size in sizes {
                round.add_case(plan, acks[0], load, size);
            }
        }
        round
    }

    fn add_case(&mut self, plan: &IpcPlan, ack: Ack, load: Load, asked_bytes: usize) {
        let size_bytes = plan.message(ack, asked_bytes).size_bytes();
        let path = format!("{ack}/{load}/{size_bytes}B");
        if self.cases.iter().all(|case| case.path != path) {
            self.cases.push(IpcCase { path, ack, load, size_bytes, asked_bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::study::Study;
    use super::*;
    use crate::cli::{Cli, Command};

    fn round(line: &str) -> RoundTripsPlan {
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        let Study::RoundTrips(round) = IpcPlan::resolve(&args, 42).unwrap().study else { panic!("another study") };
        round
    }

    fn paths(line: &str) -> Vec<String> {
        round(line).cases.into_iter().map(|case| case.path).collect()
    }

    #[test]
    fn the_whole_round_has_both_acks_both_loads_and_the_sizes() {
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
    fn a_given_load_is_the_only_one_and_sizes_follow_it() {
        assert_eq!(paths("--bridge embedded --load fixed:10"), ["received/fixed:10/100B", "applied/fixed:10/100B"]);
        assert_eq!(
            paths("--bridge embedded --load closed --load closed --sizes 200,100"),
            ["received/closed/100B", "applied/closed/100B", "received/closed/200B"]
        );
    }
}
