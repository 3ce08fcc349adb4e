//! Runs the turns: each with every set of settings, in random order, so that drift affects all of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::budget::{RunPart, TimeBudget};
use super::responder::Responder;
use super::samples::{MeasuredTurn, PipelineSamples};
use crate::bridge::{BridgeError, FaultKind};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::llm::Conversation;
use crate::measure::{Reactor, RenderLoad, Speaker, TurnSpec, run_turn};
use crate::plan::PipelinePlan;
use crate::stats::FrameCounts;

/// State shared by all turns.
pub(super) struct TurnRunner<'a> {
    pub(super) plan: &'a PipelinePlan,
    pub(super) responders: &'a [Responder<'a>],
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    pub(super) reactor: &'a Reactor,
    pub(super) render: Option<&'a RenderLoad>,
    pub(super) budget: TimeBudget,
    /// Turns so far: the only value that the progress display may read.
    pub(super) done: &'a AtomicU64,
}

impl TurnRunner<'_> {
    /// First turns, each in a fresh context, as for a user who has just started the application.
    pub(super) fn first_turns(&self, rng: &mut StdRng, data: &mut PipelineSamples) -> Result<(), Failure> {
        let mut steps = self.budget.steps(RunPart::FirstTurns);
        for _ in (0..self.plan.first_turns).take_while(|_| steps.may_begin()) {
            let mut conversation = self.plan.conversation();
            conversation.ask(self.plan.message(0));
            let mut order: Vec<&Responder<'_>> = self.responders.iter().collect();
            order.shuffle(rng);
            for responder in order {
                let mut ready = responder.speaker(self.stop)?;
                let measured = self.one(&mut *ready.speaker, &conversation, responder, 0)?;
                let samples = data.turns.of_mut(responder.side);
                samples.first.push(measured.turn);
                samples.warm_up_ns.extend(ready.warm_up_ns);
            }
        }
        Ok(())
    }

    /// The conversation, turn by turn; `keep` is called after each.
    pub(super) fn conversation(
        &self,
        rng: &mut StdRng,
        data: &mut PipelineSamples,
        mut keep: impl FnMut(&PipelineSamples) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut speakers = Vec::new();
        for responder in self.responders {
            speakers.push((responder, responder.speaker(self.stop)?.speaker));
        }
        let mut conversation = self.plan.conversation();
        let mut steps = self.budget.steps(RunPart::Conversation);
        for number in (0..self.plan.turns).take_while(|_| steps.may_begin()) {
            conversation.ask(self.plan.message(number));
            let mut order: Vec<usize> = (0..speakers.len()).collect();
            order.shuffle(rng);
            let mut reply = None;
            for at in order {
                let (responder, speaker) = &mut speakers[at];
                let held_bytes = responder.anonymous_bytes();
                let measured = self.one(&mut **speaker, &conversation, responder, number)?;
                let grown = held_bytes.zip(responder.anonymous_bytes());
                reply.get_or_insert_with(|| measured.turn.text.clone());
                let samples = data.turns.of_mut(responder.side);
                samples.grown_bytes.extend(grown.map(|(before, after)| after as f64 - before as f64));
                samples.frames.extend(measured.frames);
                samples.turns.push(measured.turn);
            }
            // Both sides get the same messages: the history contains the first reply.
            conversation.answer(reply.unwrap_or_default());
            keep(data)?;
        }
        Ok(())
    }

    fn one(
        &self,
        speaker: &mut dyn Speaker<'_>,
        conversation: &Conversation,
        responder: &Responder<'_>,
        number: u32,
    ) -> Result<MeasuredTurn, Failure> {
        let spec = TurnSpec {
            n_gen: self.plan.reply_tokens as usize,
            react: responder.settings.react,
            first_words: self.plan.first_words as usize,
            delivery: responder.settings.reaction,
            hold: responder.holds(),
            dialect: self.plan.bridge_connection.dialect,
            beside: &self.plan.beside,
            number: number as usize,
        };
        let began_ns = self.clock.now_ns();
        let turn = run_turn(speaker, conversation, self.reactor, &spec, (self.clock, self.stop))?;
        if turn.reaction.as_ref().is_err_and(|fault| fault.kind == FaultKind::Interrupted) {
            // The bridge has not failed: the wait was interrupted.
            return Err(BridgeError::Interrupted.into());
        }
        let frames = match self.render {
            Some(render) => {
                render.check()?;
                Some(FrameCounts::from(&render.frames_between(began_ns, self.clock.now_ns())))
            }
            None => None,
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(MeasuredTurn { turn, frames })
    }
}
