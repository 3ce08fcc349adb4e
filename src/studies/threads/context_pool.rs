//! The contexts of all settings, each filled to its depth once.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::error::SweepError;
use crate::clock::Clock;
use crate::host;
use crate::llm::engine::{ContextSpec, EngineError, FlashAttention, KvType, LogLevel, Model, ModelSession};
use crate::measure::{EngineSettings, RepetitionSpec, TokenSample, repeat};
use crate::plan::ThreadsPlan;

/// Key of a context: flash attention, cache type, tokens already in it.
type ContextKey = (FlashAttention, KvType, u32);

/// The contexts to create on one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PoolSpec {
    /// Their keys.
    pub(super) contexts: Vec<ContextKey>,
    /// Tokens that each holds beyond the depth.
    pub(super) n_beyond: u32,
    /// Logical batch size in tokens.
    pub(super) n_batch: u32,
    /// Physical batch size in tokens.
    pub(super) n_ubatch: u32,
    /// Threads used to fill the contexts.
    pub(super) fill_threads: u32,
}

impl PoolSpec {
    /// The contexts needed on the memory-mapped model, or on the other one.
    pub(super) fn of(plan: &ThreadsPlan, use_mmap: bool) -> Self {
        let mut contexts = Vec::new();
        for settings in plan.settings().into_iter().filter(|settings| settings.use_mmap == use_mmap) {
            for &depth in &plan.depths {
                let key = (settings.flash_attention, settings.cache_type, depth);
                if !contexts.contains(&key) {
                    contexts.push(key);
                }
            }
        }
        let fitting = plan.counts.iter().filter(|count| !count.oversubscribed).map(|count| count.threads);
        Self {
            contexts,
            n_beyond: plan.n_prompt.max(plan.n_gen) + 1,
            n_batch: plan.n_batch,
            n_ubatch: plan.n_ubatch,
            fill_threads: fitting.max().unwrap_or(1),
        }
    }
}

/// Contexts on one model.
pub(super) struct ContextPool<'m> {
    contexts: BTreeMap<ContextKey, ModelSession<'m>>,
    fill_threads: u32,
}

impl<'m> ContextPool<'m> {
    /// Creates the contexts. Also returns what flash attention `auto` resolved to, from llama.cpp's log.
    pub(super) fn start(spec: &PoolSpec, model: &'m Model) -> Result<(Self, Vec<String>), EngineError> {
        let (mut contexts, mut told) = (BTreeMap::new(), Vec::new());
        let log = model.backend().log();
        for &key @ (flash_attention, cache_type, depth) in &spec.contexts {
            let position = log.position();
            let session = model.session(&ContextSpec {
                n_ctx: depth + spec.n_beyond,
                n_batch: spec.n_batch,
                n_ubatch: spec.n_ubatch,
                type_k: cache_type,
                type_v: cache_type,
                flash_attention,
                ..ContextSpec::default()
            })?;
            contexts.insert(key, session);
            let lines = log.since(position, LogLevel::Info).into_iter().map(|line| line.text);
            told.extend(lines.filter(|line| line.contains("Flash Attention") && line.contains("auto")));
        }
        Ok((Self { contexts, fill_threads: spec.fill_threads }, told))
    }

    /// Fills a context to its depth, and computes a few tokens with the threads of these settings, untimed.
    pub(super) fn warm_up(
        &mut self,
        settings: EngineSettings,
        depth: u32,
        (n_prompt, n_gen): (usize, usize),
        stop: &AtomicBool,
    ) -> Result<(), SweepError> {
        let session = self.filled(settings, depth, stop)?;
        session.set_threads(settings.threads, settings.threads)?;
        if n_prompt > 0 {
            session.prompt_at(depth as usize, n_prompt, stop)?;
        }
        if n_gen > 0 {
            session.generate_at(depth as usize, n_gen, None, stop, |_| ())?;
        }
        Ok(())
    }

    /// One repetition, at the priority of its settings. `begins` is called when everything is prepared.
    pub(super) fn repeat(
        &mut self,
        settings: EngineSettings,
        asked: RepetitionSpec,
        clock: &Clock,
        stop: &AtomicBool,
        begins: impl FnOnce(),
    ) -> Result<TokenSample, SweepError> {
        let priority = settings.priority;
        let depth = u32::try_from(asked.depth).unwrap_or(u32::MAX);
        // Filled at normal priority: this is untimed, and at a lowered priority it may take long next to a load.
        let session = self.filled(settings, depth, stop)?;
        let cpu_ns = || host::cpu_time_ns().value().copied();
        begins();
        let done = host::run_at(priority, || repeat(session, asked, clock, cpu_ns, stop));
        done.map_err(|source| SweepError::Priority { priority, source })?.map_err(SweepError::from)
    }

    fn filled(
        &mut self,
        settings: EngineSettings,
        depth: u32,
        stop: &AtomicBool,
    ) -> Result<&mut ModelSession<'m>, SweepError> {
        let key = (settings.flash_attention, settings.cache_type, depth);
        let session = self.contexts.get_mut(&key).ok_or(SweepError::NoContext { settings })?;
        session.set_threads(self.fill_threads, self.fill_threads)?;
        session.fill(depth as usize, stop)?;
        Ok(session)
    }
}
