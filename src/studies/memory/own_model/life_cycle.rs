//! The life of a model in this process: started, loaded, given a context, talked to. Memory is read after each step, never
//! while something is timed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::vram::{Vram, VramReader};
use crate::clock::Clock;
use crate::host::ProcessMemory;
use crate::llm::Conversation;
use crate::llm::engine::{EngineError, Model, Session};
use crate::plan::ConversationPlan;

/// Memory after a step of the life cycle.
#[derive(Debug)]
pub(super) struct Step {
    /// What had just happened.
    pub(super) name: &'static str,
    /// How long it took, in nanoseconds.
    pub(super) took_ns: u64,
    /// Memory then.
    pub(super) memory: ProcessMemory,
    /// GPU memory then, where it was asked for.
    pub(super) vram: Option<Vram>,
}

impl Step {
    /// Reads the memory of this process after a step.
    pub(super) fn after(name: &'static str, took_ns: u64, gpus: Option<&VramReader>) -> Self {
        Self { name, took_ns, memory: ProcessMemory::own(), vram: own_vram(gpus) }
    }
}

/// What of the GPUs' memory is taken now, by this process and by all.
fn own_vram(gpus: Option<&VramReader>) -> Option<Vram> {
    gpus.map(|gpus| gpus.read(std::process::id()))
}

/// One message and its reply.
#[derive(Debug)]
pub(super) struct Turn {
    /// Tokens of what the model was shown.
    pub(super) n_prompt: usize,
    /// Tokens of the reply.
    pub(super) n_gen: usize,
    /// Until the first token of the reply, in nanoseconds.
    pub(super) ttft_ns: u64,
    /// Until the last, in nanoseconds.
    pub(super) elapsed_ns: u64,
    /// Memory after it.
    pub(super) memory: ProcessMemory,
    /// GPU memory after it, where it was asked for.
    pub(super) vram: Option<Vram>,
}

/// What came of a conversation.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The turns.
    pub(super) turns: Vec<Turn>,
    /// Messages that were forgotten before their time, because the context was too small for them.
    pub(super) forgotten: u64,
    /// Whose chat template was used.
    pub(super) template: &'static str,
    /// Whether Ctrl-C ended it.
    pub(super) stopped: bool,
}

/// Talks to the model as planned. `keep` gets everything after each turn.
pub(super) fn talk<E: From<EngineError>>(
    plan: &ConversationPlan,
    model: &Model,
    session: &mut Session<'_>,
    gpus: Option<&VramReader>,
    done: &AtomicU64,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Talk) -> Result<(), E>,
) -> Result<Talk, E> {
    let mut talk = Talk { turns: Vec::with_capacity(plan.messages as usize), ..Talk::default() };
    let mut conversation = Conversation::new(plan.script.system.clone(), plan.context_limit as usize);
    let n_gen = plan.reply_tokens as usize;
    let room = (session.spec().n_ctx as usize + 1).saturating_sub(n_gen);
    for text in plan.script.messages.iter().cycle().take(plan.messages as usize) {
        conversation.ask(text.clone());
        let mut prompt = model.chat_prompt(&conversation.messages());
        while prompt.tokens.len() > room && conversation.forget_oldest() {
            talk.forgotten += 1;
            prompt = model.chat_prompt(&conversation.messages());
        }
        talk.template = prompt.template;
        let timing = match session.turn(&prompt.tokens, n_gen, stop) {
            Ok(timing) => timing,
            Err(EngineError::Stopped { .. }) => {
                talk.stopped = true;
                return Ok(talk);
            }
            Err(error) => return Err(error.into()),
        };
        conversation.answer(model.text(&timing.tokens));
        talk.turns.push(Turn {
            n_prompt: timing.n_prompt,
            n_gen: timing.n_gen,
            ttft_ns: timing.ttft_ns,
            elapsed_ns: timing.elapsed_ns,
            memory: ProcessMemory::own(),
            vram: own_vram(gpus),
        });
        done.fetch_add(1, Ordering::Relaxed);
        keep(&talk)?;
    }
    Ok(talk)
}

/// How long `work` takes, in nanoseconds, and what comes of it.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let clock = Clock::start();
    let result = work();
    (result, clock.now_ns())
}
