//! The plan of a comparison of ways to send: which ways, offered load, rounds.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::super::shared::as_ms;
use super::plan::IpcPlan;
use crate::bridge::{BatchEffect, Codec};
use crate::cli::IpcArgs;
use crate::measure::{SendMode, TcpVariant};

/// A message in the application's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageShape {
    /// An expression and its weight.
    Expression,
    /// A switch.
    Blink,
    /// A switch and three numbers.
    HeadMovement,
    /// A batch of ten commands of one reaction.
    Batch10,
    /// A long path with accents.
    LoadModel,
}

impl MessageShape {
    /// All shapes.
    pub const ALL: [Self; 5] = [Self::Expression, Self::Blink, Self::HeadMovement, Self::Batch10, Self::LoadModel];

    /// Name in paths.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Blink => "blink",
            Self::HeadMovement => "head-movement",
            Self::Batch10 => "batch-10",
            Self::LoadModel => "load-model",
        }
    }

    /// Whether it may be sent to the user's avatar: it changes nothing that is not restored.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        !matches!(self, Self::HeadMovement | Self::LoadModel)
    }
}

/// A way to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SendStrategy {
    /// In batches of at most this many.
    Batch(u32),
    /// With this handling of replies.
    Mode(SendMode),
    /// With these socket options.
    Tcp(TcpVariant),
    /// In this codec, with length prefixes.
    Codec(Codec, MessageShape),
    /// The application's reaction: one expression, written once without waiting for a reply.
    AppReaction,
    /// One reaction of this many commands, one by one or all at once.
    Reaction(SendMode, u32),
    /// One reaction of this many commands as one batch.
    ReactionBatch(u32),
}

impl SendStrategy {
    /// The path of its case.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Batch(size) => format!("batch/{size}"),
            Self::Mode(mode) => format!("mode/{mode}"),
            Self::Tcp(tcp) => format!("tcp/{tcp}"),
            Self::Codec(codec, shape) => format!("codec/{codec}/{}", shape.name()),
            Self::AppReaction => "reaction/app:1".into(),
            Self::Reaction(mode, count) => format!("reaction/{mode}:{count}"),
            Self::ReactionBatch(count) => format!("reaction/batch:{count}"),
        }
    }

    /// Whether it sends several commands as one message.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        matches!(self, Self::Batch(2..) | Self::ReactionBatch(_))
    }
}

impl Serialize for SendStrategy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path())
    }
}

/// The comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantsPlan {
    /// The ways to send; the first is the baseline. Codecs are compared per shape.
    pub ways: Vec<SendStrategy>,
    /// Number of rounds; each measures every way once.
    pub rounds: u32,
    /// Offered load, in commands per second.
    pub offered_per_s: f64,
    /// How long an incomplete batch waits.
    #[serde(rename = "window_ms", serialize_with = "as_ms")]
    pub window: Duration,
}

impl VariantsPlan {
    /// The requested comparison, if any.
    pub(super) fn resolve(args: &IpcArgs, plan: &IpcPlan) -> Option<Self> {
        let asked = &args.variants;
        let mut ways = Vec::new();
        ways.extend(asked.batch.iter().flatten().map(|size| SendStrategy::Batch(*size)));
        ways.extend(asked.mode.iter().flatten().map(|mode| SendStrategy::Mode(*mode)));
        ways.extend(asked.tcp.iter().flatten().map(|tcp| SendStrategy::Tcp(*tcp)));
        if let Some(codecs) = &asked.codec {
            ways.extend(
                MessageShape::ALL
                    .iter()
                    .flat_map(|shape| codecs.iter().map(|codec| SendStrategy::Codec(*codec, *shape))),
            );
        }
        if let Some(count) = asked.reaction {
            // The application's way first, then ways for a client with several commands.
            ways.push(SendStrategy::AppReaction);
            ways.extend([SendMode::Request, SendMode::Pipelined].map(|mode| SendStrategy::Reaction(mode, count)));
            // Batches are not sent to a bridge that does not define them unless requested.
            let knows_batches =
                plan.bridge.dialect.batch.as_ref().is_some_and(|batch| batch.applies != BatchEffect::First);
            ways.extend(knows_batches.then_some(SendStrategy::ReactionBatch(count)));
        }
        let mut unique: Vec<SendStrategy> = Vec::new();
        for way in ways {
            if !unique.contains(&way) {
                unique.push(way);
            }
        }
        let (rounds, offered_per_s, window) = (asked.rounds, asked.offered, asked.window);
        (!unique.is_empty()).then_some(Self { ways: unique, rounds, offered_per_s, window })
    }

    /// Index of the baseline of the way at `place`; `None` for a baseline itself.
    #[must_use]
    pub fn baseline(&self, place: usize) -> Option<usize> {
        let first = match self.ways[place] {
            SendStrategy::Codec(_, shape) => {
                self.ways.iter().position(|way| matches!(way, SendStrategy::Codec(_, other) if *other == shape))
            }
            _ => Some(0),
        };
        first.filter(|first| *first != place)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::study::IpcStudy;
    use super::*;
    use crate::cli::{Cli, Command};

    fn comparison(line: &str) -> VariantsPlan {
        let words = ["workly-perf", "ipc"].into_iter().chain(line.split_whitespace());
        let Command::Ipc(args) = Cli::try_parse_from(words).unwrap().command else { panic!("not ipc") };
        let IpcStudy::Variants(comparison) = IpcPlan::resolve(&args, 42).unwrap().study else { panic!("not variants") };
        comparison
    }

    fn paths(line: &str) -> Vec<String> {
        let bridge = if line.contains("--bridge") { "" } else { "--bridge embedded" };
        comparison(&format!("{line} {bridge}")).ways.iter().map(SendStrategy::path).collect()
    }

    #[test]
    fn flags_without_values_compare_the_defaults() {
        assert_eq!(paths("--batch")[..3], ["batch/1", "batch/2", "batch/5"]);
        assert_eq!(paths("--mode"), ["mode/request", "mode/pipelined", "mode/fire-and-forget"]);
        assert_eq!(paths("--tcp"), ["tcp/nodelay", "tcp/nagle", "tcp/split-writes", "tcp/nagle+split-writes"]);
        let stock = ["reaction/app:1", "reaction/request:10", "reaction/pipelined:10"];
        assert_eq!(paths("--reaction"), stock, "the application's way comes first; the stock dialect has no batches");
        let instrumented = "--reaction 3 --bridge embedded:dialect=instrumented";
        assert_eq!(paths(instrumented)[3], "reaction/batch:3");
        assert_eq!(paths("--codec")[..2], ["codec/json/expression", "codec/msgpack/expression"]);
        assert_eq!(paths("--batch 1,4,4"), ["batch/1", "batch/4"]);
    }

    #[test]
    fn codecs_are_compared_per_shape_and_other_ways_with_the_first() {
        let codecs = comparison("--codec --bridge embedded");
        assert_eq!((codecs.baseline(0), codecs.baseline(1), codecs.baseline(3)), (None, Some(0), Some(2)));
        assert_eq!(comparison("--batch 1,2,5 --bridge embedded").baseline(2), Some(0));
    }
}
