//! The steps of a model's life cycle, and the conversation. Memory is read after each step, never in a timed part.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::gpu_memory::{GpuMemory, GpuMemoryReader};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host::ProcessMemory;
use crate::llm::Conversation;
use crate::llm::engine::{EngineError, Model, ModelSession};
use crate::plan::ConversationPlan;

use super::super::super::study::StopReason;

/// Memory after a step of the life cycle.
#[derive(Debug, Clone)]
pub(super) struct LifeCycleStep {
    /// Name of the step.
    pub(super) name: &'static str,
    /// Its duration in nanoseconds.
    pub(super) took_ns: u64,
    /// Memory after it.
    pub(super) memory: ProcessMemory,
    /// GPU memory after it, if requested.
    pub(super) gpu: Option<GpuMemory>,
}

impl LifeCycleStep {
    /// Reads the memory of this process after a step.
    pub(super) fn after(name: &'static str, took_ns: u64, gpus: Option<&GpuMemoryReader>) -> Self {
        Self { name, took_ns, memory: ProcessMemory::own(), gpu: own_gpu_memory(gpus) }
    }
}

/// Current GPU memory, of this process and of all.
fn own_gpu_memory(gpus: Option<&GpuMemoryReader>) -> Option<GpuMemory> {
    gpus.map(|gpus| gpus.read(std::process::id()))
}

/// One message and its reply.
#[derive(Debug)]
pub(super) struct ConversationTurn {
    /// Tokens in the prompt.
    pub(super) n_prompt: usize,
    /// Tokens in the reply.
    pub(super) n_gen: usize,
    /// Time to the first token of the reply, in nanoseconds.
    pub(super) ttft_ns: u64,
    /// Time to the last token, in nanoseconds.
    pub(super) elapsed_ns: u64,
    /// Memory after it.
    pub(super) memory: ProcessMemory,
    /// GPU memory after it, if requested.
    pub(super) gpu: Option<GpuMemory>,
}

/// The conversation so far.
#[derive(Debug, Default)]
pub(crate) struct ConversationSamples {
    /// The turns.
    pub(super) turns: Vec<ConversationTurn>,
    /// Messages dropped early because the context was too small.
    pub(super) forgotten: u64,
    /// Name of the chat template used.
    pub(super) template: &'static str,
}

/// Runs the conversation. `keep` is called with all samples after each turn.
pub(super) fn converse(
    plan: &ConversationPlan,
    (model, session): (&Model, &mut ModelSession<'_>),
    gpus: Option<&GpuMemoryReader>,
    (done, stop): (&AtomicU64, &AtomicBool),
    data: &mut ConversationSamples,
    mut keep: impl FnMut(&ConversationSamples) -> Result<(), Failure>,
) -> Result<StopReason, Failure> {
    data.turns.reserve(plan.messages as usize);
    let mut conversation = Conversation::new(plan.script.system.clone(), plan.context_limit as usize);
    let n_gen = plan.reply_tokens as usize;
    let room = (session.spec().n_ctx as usize + 1).saturating_sub(n_gen);
    for text in plan.script.messages.iter().cycle().take(plan.messages as usize) {
        conversation.ask(text.clone());
        let mut prompt = model.chat_prompt(&conversation.messages());
        while prompt.tokens.len() > room && conversation.forget_oldest() {
            data.forgotten += 1;
            prompt = model.chat_prompt(&conversation.messages());
        }
        data.template = prompt.template;
        let timing = match session.turn(&prompt.tokens, n_gen, stop) {
            Ok(timing) => timing,
            Err(EngineError::Stopped { .. }) => return Ok(StopReason::Interrupted),
            Err(error) => return Err(error.into()),
        };
        conversation.answer(model.text(&timing.tokens));
        data.turns.push(ConversationTurn {
            n_prompt: timing.n_prompt,
            n_gen: timing.n_gen,
            ttft_ns: timing.ttft_ns,
            elapsed_ns: timing.elapsed_ns,
            memory: ProcessMemory::own(),
            gpu: own_gpu_memory(gpus),
        });
        done.fetch_add(1, Ordering::Relaxed);
        keep(data)?;
    }
    Ok(StopReason::Planned)
}

/// Duration of `work` in nanoseconds, and its result.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let clock = Clock::start();
    let result = work();
    (result, clock.now_ns())
}
