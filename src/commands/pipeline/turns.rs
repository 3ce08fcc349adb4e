//! Takes the turns: each with every set of settings, in random order, so that drift meets all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::budget::{Budget, Part};
use super::voices::Voice;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host::anonymous_bytes;
use crate::llm::Conversation;
use crate::measure::{Reactor, RenderLoad, Speaker, Turn, TurnSpec, take_turn};
use crate::plan::{Arm, PipelinePlan, Side};

/// Turns with one set of settings. Those of the same place belong together.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// First turns of a fresh context.
    pub(super) first: Vec<Turn>,
    /// How long warming up before them took, in nanoseconds; empty where it was not done.
    pub(super) warm_up_ns: Vec<u64>,
    /// Turns of the conversation.
    pub(super) turns: Vec<Turn>,
    /// Frames of the load beside the turns of the conversation, and how many of them were late.
    pub(super) frames: (u64, u64),
    /// What memory that no file backs grew by in each turn of the conversation, in bytes; empty where the system does not tell.
    pub(super) grown_bytes: Vec<f64>,
}

/// What all turns share.
pub(super) struct Table<'a> {
    pub(super) plan: &'a PipelinePlan,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    pub(super) reactor: &'a Reactor,
    pub(super) render: Option<&'a RenderLoad>,
    pub(super) budget: Budget,
    /// Turns so far: the one thing that the display may look at.
    pub(super) done: &'a AtomicU64,
}

/// Everything taken so far.
pub(super) type All = BTreeMap<Side, Taken>;

impl Table<'_> {
    /// First turns, each in a fresh context: what a person meets who has just started the application.
    pub(super) fn first_turns(
        &self,
        voices: &[(Side, &Arm, Voice<'_>)],
        rng: &mut StdRng,
        all: &mut All,
    ) -> Result<(), Failure> {
        let mut steps = self.budget.steps(Part::FirstTurns);
        for _ in (0..self.plan.first_turns).take_while(|_| steps.may_begin()) {
            let mut conversation = self.plan.conversation();
            conversation.ask(self.plan.message(0));
            for (side, arm, voice) in shuffled(voices, rng) {
                let (mut speaker, warm_up_ns) = voice.speaker(arm, self.stop)?;
                let (turn, _) = self.one(&mut *speaker, &conversation, (arm, voice.holds()), 0)?;
                let taken = all.entry(*side).or_default();
                taken.first.push(turn);
                taken.warm_up_ns.extend(warm_up_ns);
            }
        }
        Ok(())
    }

    /// The conversation, turn by turn; `keep` is called after each.
    pub(super) fn conversation(
        &self,
        voices: &[(Side, &Arm, Voice<'_>)],
        rng: &mut StdRng,
        all: &mut All,
        keep: &mut dyn FnMut(&All) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut speakers = Vec::new();
        for (side, arm, voice) in voices {
            let (speaker, _) = voice.speaker(arm, self.stop)?;
            speakers.push((*side, (*arm, voice.holds()), speaker));
        }
        let mut conversation = self.plan.conversation();
        let mut steps = self.budget.steps(Part::Conversation);
        for number in (0..self.plan.turns).take_while(|_| steps.may_begin()) {
            conversation.ask(self.plan.message(number));
            let mut order: Vec<usize> = (0..speakers.len()).collect();
            order.shuffle(rng);
            let mut said = None;
            for at in order {
                let (side, arm, speaker) = &mut speakers[at];
                let held_bytes = anonymous_bytes();
                let (turn, frames) = self.one(&mut **speaker, &conversation, *arm, number)?;
                let grown = held_bytes.value().copied().zip(anonymous_bytes().value().copied());
                said.get_or_insert_with(|| turn.text.clone());
                let taken = all.entry(*side).or_default();
                taken.grown_bytes.extend(grown.map(|(before, after)| after as f64 - before as f64));
                taken.frames = (taken.frames.0 + frames.0, taken.frames.1 + frames.1);
                taken.turns.push(turn);
            }
            // Both sides are asked the same: the history holds the answer that came first.
            conversation.answer(said.unwrap_or_default());
            keep(all)?;
        }
        Ok(())
    }

    fn one(
        &self,
        speaker: &mut dyn Speaker<'_>,
        conversation: &Conversation,
        (arm, hold): (&Arm, Duration),
        number: u32,
    ) -> Result<(Turn, (u64, u64)), Failure> {
        let spec = TurnSpec {
            n_gen: self.plan.reply_tokens as usize,
            react: arm.react,
            first_words: self.plan.first_words as usize,
            delivery: arm.reaction,
            hold,
            dialect: self.plan.reach.dialect,
            beside: &self.plan.beside,
            number: number as usize,
        };
        let began_ns = self.clock.now_ns();
        let turn = take_turn(speaker, conversation, self.reactor, &spec, (self.clock, self.stop))?;
        let mut frames = (0, 0);
        if let Some(render) = self.render {
            render.check()?;
            let shown = render.frames_between(began_ns, self.clock.now_ns());
            frames = (shown.total, shown.late);
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok((turn, frames))
    }
}

fn shuffled<'v, T>(voices: &'v [T], rng: &mut StdRng) -> Vec<&'v T> {
    let mut order: Vec<&T> = voices.iter().collect();
    order.shuffle(rng);
    order
}
