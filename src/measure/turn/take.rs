//! Runs one turn: the token loop on this thread, the reaction on the bridge's.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::emotion::{ChosenExpression, choose};
use super::reaction::{Delivery, Reaction, ReactionFault};
use super::reactor::{Reactor, ReactorHandle};
use super::speaker::{Speaker, SpeakerError};
use super::stages::Turn;
use crate::bridge::{Dialect, FaultKind};
use crate::clock::Clock;
use crate::llm::Conversation;

/// When the reaction is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReactionTiming {
    /// When the reply is complete, as in the application.
    End,
    /// After the first words.
    FirstWords,
}

impl fmt::Display for ReactionTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::End => "end",
            Self::FirstWords => "first-words",
        })
    }
}

/// How a turn is run.
#[derive(Debug, Clone)]
pub struct TurnSpec<'a> {
    /// Tokens of the answer.
    pub n_gen: usize,
    /// When to react.
    pub react: ReactionTiming,
    /// Number of tokens that count as the first words.
    pub first_words: usize,
    /// How the reaction is sent.
    pub delivery: Delivery,
    /// Delay of each command before it is sent: zero except for paced speakers.
    pub hold: Duration,
    /// The bridge's dialect.
    pub dialect: &'static Dialect,
    /// Commands that accompany the expression.
    pub beside: &'a [(String, Map<String, Value>)],
    /// Number of the turn, from 0.
    pub number: usize,
}

/// Runs the turn that the conversation is waiting for.
///
/// # Errors
/// Those of the speaker. A failed bridge is not an error: the turn is measured and records the fault.
pub fn run_turn(
    speaker: &mut dyn Speaker<'_>,
    conversation: &Conversation,
    reactor: &Reactor,
    spec: &TurnSpec<'_>,
    (clock, stop): (&Clock, &AtomicBool),
) -> Result<Turn, SpeakerError> {
    let asked_ns = clock.now_ns();
    let prompt = speaker.prompt(&conversation.messages());
    let prompted_ns = clock.now_ns();

    let mut tokens = Vec::with_capacity(spec.n_gen);
    let mut tokens_ns = Vec::with_capacity(spec.n_gen);
    let early = (spec.react == ReactionTiming::FirstWords).then(|| spec.first_words.clamp(1, spec.n_gen));
    let mut decision = None;
    let (read, orders) = (speaker.reader(), reactor.orders());
    speaker.answer(&prompt, spec.n_gen, stop, &mut |said| {
        let Some(token) = said else { return };
        tokens_ns.push(clock.now_ns());
        tokens.push(token);
        if early == Some(tokens.len()) {
            decision = Some(decide(&read(&tokens), orders, spec, clock));
        }
    })?;
    let (text, end) = (read(&tokens), speaker.end_of(&tokens));
    let (decided_ns, handed_ns, chosen) = decision.unwrap_or_else(|| decide(&text, orders, spec, clock));
    let reaction = match &chosen {
        Some(_) => reactor.outcome().map_err(ReactionFault::from),
        None => Err(ReactionFault { kind: FaultKind::Other, reason: "the avatar has none of the expressions".into() }),
    };
    Ok(Turn {
        asked_ns,
        prompted_ns,
        tokens_ns,
        decided_ns,
        handed_ns,
        reaction,
        prompt_tokens: prompt.tokens.len(),
        template: prompt.template,
        by_word: chosen.as_ref().is_some_and(|chosen| chosen.by_word),
        expression: chosen.map(|chosen| chosen.expression),
        text,
        end,
    })
}

/// Chooses the emotion and hands the reaction over: when it was decided on, when it was about to be handed over, and what was
/// chosen.
fn decide(
    text: &str,
    orders: &ReactorHandle,
    spec: &TurnSpec<'_>,
    clock: &Clock,
) -> (u64, u64, Option<ChosenExpression>) {
    let decided_ns = clock.now_ns();
    let chosen = choose(text, spec.number, &spec.dialect.expressions);
    // Read before the handover: the other thread may have sent the reaction before this one continues.
    let handed_ns = clock.now_ns();
    if let Some(chosen) = &chosen {
        orders.react(Reaction::new(spec.dialect, &chosen.expression, spec.beside), (spec.delivery, spec.hold));
    }
    (decided_ns, handed_ns, chosen)
}
