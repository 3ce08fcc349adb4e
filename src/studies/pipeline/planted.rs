//! Turns and cells with known figures, for the tests of this study.

use std::time::Duration;

#[cfg(test)]
use clap::Parser;

use super::samples::TurnSamples;
use crate::bridge::BridgeError;
#[cfg(test)]
use crate::cli::{Cli, Command};
use crate::measure::{CaseEnd, ContentionSample, ReactionTimes, ReplyEnd, RoundTrips, Turn};
use crate::plan::PipelinePlan;

/// Durations of the stages in microseconds, in order.
pub(super) const STAGES_US: [u64; 6] = [400, 150_000, 300_000, 50, 20_000, 60_000];

/// The plan of a command line, for an embedded bridge.
pub(super) fn plan(line: &str) -> PipelinePlan {
    let words = "workly-perf pipeline --bridge embedded --paced 100:100".split(' ').chain(line.split_whitespace());
    let Command::Pipeline(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not pipeline") };
    PipelinePlan::resolve(&args, &crate::host::topology(), None, 1).unwrap()
}

/// A conversation with these turns.
pub(super) fn samples_of(turns: Vec<Turn>) -> TurnSamples {
    TurnSamples { turns, ..TurnSamples::default() }
}

/// Turn number `number`, from 0, with these stage durations. Turns begin ten seconds apart.
pub(super) fn turn(number: u64, stages_us: &[u64; 6]) -> Turn {
    let asked_ns = (number + 1) * 10_000_000_000;
    let mut at_ns = asked_ns;
    let [prompted_ns, first_ns, decided_ns, handed_ns, received_ns, applied_ns] = stages_us.map(|length_us| {
        at_ns += length_us * 1_000;
        at_ns
    });
    let times = ReactionTimes {
        began_ns: handed_ns,
        received_ns: Some(received_ns),
        applied_ns: Some(applied_ns),
        latest_ns: Some(applied_ns),
        commands: 3,
        is_held: false,
    };
    Turn {
        asked_ns,
        prompted_ns,
        tokens_ns: vec![first_ns, decided_ns],
        decided_ns,
        handed_ns,
        reaction: Ok(times),
        prompt_tokens: 100,
        template: "none",
        expression: Some("joy".into()),
        by_word: false,
        text: String::new(),
        end: ReplyEnd::Unknown,
    }
}

/// A turn whose reaction got no reply.
pub(super) fn failed_turn(number: u64) -> Turn {
    let error = BridgeError::NoReply { waited: Duration::from_millis(300) };
    Turn { reaction: Err(error.into()), ..turn(number, &STAGES_US) }
}

/// A turn whose reaction had a held reply, or none.
pub(super) fn reacting_turn(number: u64, is_held: bool) -> Turn {
    let turn = turn(number, &STAGES_US);
    let reaction = turn.reaction.clone().map(|times| ReactionTimes { is_held, ..times });
    Turn { reaction, ..turn }
}

/// A round of a cell with this generation speed and this latency for each of 20 commands.
pub(super) fn cell_sample(tokens_per_s: f64, latency_ms: u64) -> ContentionSample {
    let trips =
        RoundTrips { latency_ns: vec![latency_ms * 1_000_000; 20], sent: 20, answered: 20, ..RoundTrips::new(0) };
    ContentionSample { tokens_per_s: Some(tokens_per_s), trips: Some(trips), span_ns: (0, 1_000_000_000) }
}

/// A round in which the bridge stopped replying.
pub(super) fn failed_cell_sample(tokens_per_s: f64) -> ContentionSample {
    let error = BridgeError::NoReply { waited: Duration::from_millis(300) };
    let trips = RoundTrips { sent: 1, lost: 1, end: CaseEnd::Broken(error), ..RoundTrips::new(0) };
    ContentionSample { tokens_per_s: Some(tokens_per_s), trips: Some(trips), span_ns: (0, 1_000_000_000) }
}
