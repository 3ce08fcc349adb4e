//! A worker process for settings that are read at process start: the wait policy of threads.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::worker_client::{WorkerAbort, WorkerSession};
use super::context_pool::{ContextPool, PoolSpec};
use super::error::SweepError;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError, Model, Placement};
use crate::measure::{EngineSettings, LONGEST_REPETITION, RepetitionSpec, TokenSample, WaitPolicy};
use crate::plan::ThreadsPlan;

/// Time limit for a worker to load the model.
const LOAD_WITHIN: Duration = Duration::from_secs(30 * 60);

/// The variable that determines what OpenMP threads do while waiting.
const WAIT_VARIABLE: &str = "OMP_WAIT_POLICY";

/// What a worker loads: the first line on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SweepSetup {
    path: PathBuf,
    n_gpu_layers: u32,
    use_mmap: bool,
    use_mlock: bool,
    pool: PoolSpec,
}

/// The next task of a worker, one line each until standard input ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SweepRequest {
    WarmUp { settings: EngineSettings, depth: u32, tokens: (usize, usize) },
    Repeat { settings: EngineSettings, asked: RepetitionSpec },
}

/// Answer of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SweepResponse {
    /// Ready for the next request.
    Ready,
    /// Everything is prepared; the repetition begins now.
    Begins,
    /// A repetition.
    Done(Box<TokenSample>),
    /// The task failed.
    Failed(String),
    /// Interrupted by a signal.
    Interrupted,
}

/// A worker, from the caller's side.
pub(super) struct SweepWorker {
    session: WorkerSession<SweepResponse>,
    wait: WaitPolicy,
}

impl SweepWorker {
    /// Starts it and waits until its model is loaded.
    pub(super) fn start(
        plan: &ThreadsPlan,
        path: &Path,
        (pool, use_mmap): (&PoolSpec, bool),
        wait: WaitPolicy,
        stop: &AtomicBool,
    ) -> Result<Self, SweepError> {
        let setup = SweepSetup {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            n_gpu_layers: plan.n_gpu_layers,
            use_mmap,
            use_mlock: plan.use_mlock,
            pool: pool.clone(),
        };
        let environment = [(WAIT_VARIABLE, wait.name())];
        let session = WorkerSession::start("threads-worker", &setup, &environment);
        let mut worker = Self { session: session.map_err(|error| fault(wait, error))?, wait };
        match worker.next(LOAD_WITHIN, stop)? {
            SweepResponse::Ready => Ok(worker),
            answer => Err(worker.unexpected(answer)),
        }
    }

    pub(super) fn warm_up(
        &mut self,
        settings: EngineSettings,
        depth: u32,
        tokens: (usize, usize),
        stop: &AtomicBool,
    ) -> Result<(), SweepError> {
        self.send(&SweepRequest::WarmUp { settings, depth, tokens })?;
        match self.next(LONGEST_REPETITION, stop)? {
            SweepResponse::Ready => Ok(()),
            answer => Err(self.unexpected(answer)),
        }
    }

    /// One repetition. Start and end are as seen by this process; the timing is from the worker.
    pub(super) fn repeat(
        &mut self,
        settings: EngineSettings,
        asked: RepetitionSpec,
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<TokenSample, SweepError> {
        self.send(&SweepRequest::Repeat { settings, asked })?;
        let mut began_ns = clock.now_ns();
        loop {
            match self.next(asked.within + LONGEST_REPETITION, stop)? {
                SweepResponse::Begins => began_ns = clock.now_ns(),
                SweepResponse::Done(sample) => {
                    return Ok(TokenSample { began_ns, ended_ns: clock.now_ns(), ..*sample });
                }
                answer => return Err(self.unexpected(answer)),
            }
        }
    }

    fn send(&mut self, request: &SweepRequest) -> Result<(), SweepError> {
        self.session.send(request).map_err(|error| fault(self.wait, error))
    }

    fn next(&mut self, within: Duration, stop: &AtomicBool) -> Result<SweepResponse, SweepError> {
        self.session.next(within, stop).map_err(|error| fault(self.wait, error))
    }

    fn unexpected(&self, answer: SweepResponse) -> SweepError {
        match answer {
            SweepResponse::Interrupted => EngineError::Stopped { done: 0 }.into(),
            SweepResponse::Failed(reason) => SweepError::Worker { wait: self.wait, reason },
            other => SweepError::Worker { wait: self.wait, reason: format!("it answered {other:?}") },
        }
    }
}

fn fault(wait: WaitPolicy, error: WorkerAbort) -> SweepError {
    match error {
        WorkerAbort::Interrupted => EngineError::Stopped { done: 0 }.into(),
        WorkerAbort::Failed(reason) => SweepError::Worker { wait, reason },
    }
}

/// Whether the engine of this build reads the wait policy from its environment: builds with threads of ggml's own do not.
pub(crate) fn has_wait_policies(backend: &Backend) -> bool {
    backend.system_info().contains("OPENMP = 1")
}

/// Serves the requests on standard input in this process. `tell` is called with every answer.
pub(crate) fn serve_sweep(setup: &SweepSetup, tell: impl Fn(&SweepResponse), stop: &AtomicBool) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let placement =
        Placement { n_gpu_layers: Some(setup.n_gpu_layers), use_mmap: setup.use_mmap, mlock: setup.use_mlock };
    let mut goes_on = |_| !stop.load(Ordering::Relaxed);
    let model = Model::load(backend, &setup.path, &placement, &mut goes_on)?;
    let (mut pool, _) = ContextPool::start(&setup.pool, &model)?;
    let clock = Clock::start();
    tell(&SweepResponse::Ready);
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let answer = match serde_json::from_str(&line) {
            Ok(request) => answered(&mut pool, request, (&clock, stop), || tell(&SweepResponse::Begins)),
            Err(error) => SweepResponse::Failed(format!("it does not understand its request: {error}")),
        };
        tell(&answer);
    }
    Ok(())
}

fn answered(
    pool: &mut ContextPool<'_>,
    request: SweepRequest,
    (clock, stop): (&Clock, &AtomicBool),
    begins: impl FnOnce(),
) -> SweepResponse {
    let done = match request {
        SweepRequest::WarmUp { settings, depth, tokens } => {
            pool.warm_up(settings, depth, tokens, stop).map(|()| SweepResponse::Ready)
        }
        SweepRequest::Repeat { settings, asked } => {
            let sample = pool.repeat(settings, asked, clock, stop, begins);
            sample.map(|sample| SweepResponse::Done(Box::new(sample)))
        }
    };
    match done {
        Ok(answer) => answer,
        Err(SweepError::Engine(EngineError::Stopped { .. })) => SweepResponse::Interrupted,
        Err(error) => SweepResponse::Failed(error.to_string()),
    }
}
