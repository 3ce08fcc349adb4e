//! The engine that a sweep measures with: the contexts that its settings need, each filled to its depth once.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::data::Key;
use super::sweep::SweepError;
use crate::clock::Clock;
use crate::host;
use crate::llm::engine::{ContextSpec, FlashAttention, KvType, LogLevel, Model, Session};
use crate::measure::{Repetition, TokenSample, repeat};
use crate::plan::ThreadsPlan;
use crate::record::Priority;

/// The models that are measured, by whether their file is mapped.
pub(crate) type LoadedModels = BTreeMap<bool, Model>;

/// What a context is made for.
type ContextKey = (bool, FlashAttention, KvType, u32);

/// The contexts of a sweep.
pub(super) struct SweepEngine<'m> {
    contexts: BTreeMap<ContextKey, Session<'m>>,
}

impl<'m> SweepEngine<'m> {
    /// Makes the contexts of the plan. What `auto` of flash attention came to is said by llama.cpp's log: those lines are returned.
    pub(super) fn start(plan: &ThreadsPlan, models: &'m LoadedModels) -> Result<(Self, Vec<String>), SweepError> {
        let (mut contexts, mut told) = (BTreeMap::new(), Vec::new());
        for settings in plan.settings() {
            for &depth in &plan.depths {
                let key = (settings.use_mmap, settings.flash_attention, settings.cache_type, depth);
                let Some(model) = models.get(&settings.use_mmap).filter(|_| !contexts.contains_key(&key)) else {
                    continue;
                };
                let spec = ContextSpec {
                    n_ctx: depth + plan.n_prompt.max(plan.n_gen) + 1,
                    n_batch: plan.n_batch,
                    n_ubatch: plan.n_ubatch,
                    type_k: settings.cache_type,
                    type_v: settings.cache_type,
                    flash_attention: settings.flash_attention,
                    ..ContextSpec::default()
                };
                let log = model.backend().log();
                let position = log.position();
                contexts.insert(key, model.session(&spec)?);
                let lines = log.since(position, LogLevel::Info);
                let of_auto = lines.into_iter().map(|line| line.text).filter(|line| line.contains("Flash Attention"));
                told.extend(of_auto.filter(|line| line.contains("auto")));
            }
        }
        told.sort_unstable();
        told.dedup();
        Ok((Self { contexts }, told))
    }

    /// Fills a case's context to its depth, and computes a few tokens with its threads, untimed.
    pub(super) fn warm_up(
        &mut self,
        key: Key,
        (n_prompt, n_gen): (usize, usize),
        stop: &AtomicBool,
    ) -> Result<(), SweepError> {
        let (threads, depth) = (key.settings.threads, key.group.depth as usize);
        let session = self.session(key)?;
        session.set_threads(threads, threads)?;
        session.fill(depth, stop)?;
        if n_prompt > 0 {
            session.prompt_at(depth, n_prompt, stop)?;
        }
        if n_gen > 0 {
            session.generate_at(depth, n_gen, stop)?;
        }
        Ok(())
    }

    /// One repetition, at the priority of its settings.
    pub(super) fn repeat(
        &mut self,
        key: Key,
        asked: Repetition,
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<TokenSample, SweepError> {
        let session = self.session(key)?;
        let cpu_ns = || host::cpu_time_ns().value().copied();
        let priority = key.settings.priority;
        // Filled at normal priority: that is not timed, and lowered it may take long beside a load.
        session.set_threads(asked.threads, asked.threads)?;
        session.fill(asked.depth, stop)?;
        let done = host::run_at(priority, || repeat(session, asked, clock, cpu_ns, stop));
        done.map_err(|source| SweepError::Priority { priority, source })?.map_err(SweepError::from)
    }

    fn session(&mut self, key: Key) -> Result<&mut Session<'m>, SweepError> {
        let settings = key.settings;
        let at = (settings.use_mmap, settings.flash_attention, settings.cache_type, key.group.depth);
        self.contexts.get_mut(&at).ok_or(SweepError::NoContext { settings })
    }
}

/// What is said of priorities that may not do beside a real scene what they do beside the render-like load.
pub(super) fn priority_warning(plan: &ThreadsPlan) -> Option<String> {
    let lowers = plan.priorities.iter().any(|priority| *priority != Priority::Normal);
    (lowers && host::autogroup().value() == Some(&true)).then(|| {
        "sched_autogroup is on: Linux shares the CPUs between sessions first, and a priority counts within a session. Beside a \
         Unity of another session, a lowered priority may do less than it does here beside the render-like load"
            .into()
    })
}
