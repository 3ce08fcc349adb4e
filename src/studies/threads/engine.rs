//! The engine of a sweep: in this process, or in workers for settings that are read when a process starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::context_pool::{ContextPool, PoolSpec};
use super::data::CaseKey;
use super::error::SweepError;
use super::worker::SweepWorker;
use crate::clock::Clock;
use crate::host;
use crate::llm::engine::Model;
use crate::measure::{RepetitionSpec, TokenSample, WaitPolicy};
use crate::plan::ThreadsPlan;
use crate::record::Priority;

/// The models in this process, by whether their file is memory-mapped.
pub(crate) type LoadedModels = BTreeMap<bool, Model>;

/// The engine of a sweep.
pub(super) struct SweepEngine<'m> {
    pools: BTreeMap<bool, ContextPool<'m>>,
    workers: BTreeMap<(WaitPolicy, bool), SweepWorker>,
}

impl<'m> SweepEngine<'m> {
    /// Creates the contexts of the plan and starts its workers. Also returns what flash attention `auto` resolved to,
    /// from llama.cpp.
    pub(super) fn start(
        plan: &ThreadsPlan,
        path: &Path,
        models: &'m LoadedModels,
        stop: &AtomicBool,
    ) -> Result<(Self, Vec<String>), SweepError> {
        let (mut pools, mut workers, mut told) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for &use_mmap in &plan.mmap {
            let spec = PoolSpec::of(plan, use_mmap);
            for &wait in &plan.waits {
                if wait == WaitPolicy::Unset {
                    let Some(model) = models.get(&use_mmap) else { continue };
                    let (pool, of_auto) = ContextPool::start(&spec, model)?;
                    pools.insert(use_mmap, pool);
                    told.extend(of_auto);
                } else {
                    workers.insert((wait, use_mmap), SweepWorker::start(plan, path, (&spec, use_mmap), wait, stop)?);
                }
            }
        }
        told.sort_unstable();
        told.dedup();
        Ok((Self { pools, workers }, told))
    }

    /// Fills a case's context to its depth, and computes a few tokens with its threads, untimed.
    pub(super) fn warm_up(
        &mut self,
        key: CaseKey,
        tokens: (usize, usize),
        stop: &AtomicBool,
    ) -> Result<(), SweepError> {
        match self.workers.get_mut(&(key.settings.wait, key.settings.use_mmap)) {
            Some(worker) => worker.warm_up(key.settings, key.group.depth, tokens, stop),
            None => self.pool(key)?.warm_up(key.settings, key.group.depth, tokens, stop),
        }
    }

    /// One repetition, at the priority of its settings.
    pub(super) fn repeat(
        &mut self,
        key: CaseKey,
        asked: RepetitionSpec,
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<TokenSample, SweepError> {
        match self.workers.get_mut(&(key.settings.wait, key.settings.use_mmap)) {
            Some(worker) => worker.repeat(key.settings, asked, clock, stop),
            None => self.pool(key)?.repeat(key.settings, asked, clock, stop, || ()),
        }
    }

    fn pool(&mut self, key: CaseKey) -> Result<&mut ContextPool<'m>, SweepError> {
        self.pools.get_mut(&key.settings.use_mmap).ok_or(SweepError::NoContext { settings: key.settings })
    }
}

/// Warning about priorities that may behave differently next to a real scene than next to the render-like load.
pub(super) fn priority_warning(plan: &ThreadsPlan) -> Option<String> {
    let lowers = plan.priorities.iter().any(|priority| *priority != Priority::Normal);
    (lowers && host::autogroup().value() == Some(&true)).then(|| {
        "sched_autogroup is on: Linux shares the CPUs between sessions first, and a priority counts within a session. Beside a \
         Unity of another session, a lowered priority may do less than it does here beside the render-like load"
            .into()
    })
}
