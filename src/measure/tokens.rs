//! One repetition of prompt processing or generation with one thread count.

#[cfg(feature = "llama")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "llama")]
use std::thread;
use std::time::Duration;
#[cfg(feature = "llama")]
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[cfg(feature = "llama")]
use crate::clock::Clock;
#[cfg(feature = "llama")]
use crate::llm::engine::{EngineError, Sampling, Session};
#[cfg(feature = "llama")]
use crate::record::Test;

/// One repetition. Durations are nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenSample {
    /// Start on the run's clock.
    pub began_ns: u64,
    /// End on the run's clock.
    pub ended_ns: u64,
    /// Tokens processed or generated.
    pub tokens: usize,
    /// Length of the timed part.
    pub elapsed_ns: u64,
    /// Prompt: until the logits for the first token were computed.
    pub ttft_ns: Option<u64>,
    /// Generation: the time of each token.
    pub inter_token_ns: Vec<u64>,
    /// CPU time of this process during the repetition; `None` if the system does not report it.
    pub cpu_ns: Option<u64>,
    /// Whether it was cut off after the time limit: `tokens` is then the number done, and for an incomplete prompt the
    /// speed is an upper bound.
    #[serde(default)]
    pub is_cut: bool,
}

impl TokenSample {
    /// Speed in tokens per second.
    #[must_use]
    pub fn tokens_per_s(&self) -> f64 {
        self.tokens as f64 * 1e9 / self.elapsed_ns.max(1) as f64
    }
}

/// Time limit of a repetition unless a shorter one is set: a model that takes a minute per token is of no use.
pub const LONGEST_REPETITION: Duration = Duration::from_secs(600);

/// One repetition to run.
#[cfg(feature = "llama")]
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Repetition {
    /// The kind of test.
    pub test: Test,
    /// Number of threads.
    pub threads: u32,
    /// Tokens in the context beforehand.
    pub depth: usize,
    /// Tokens to process or generate.
    pub tokens: usize,
    /// Whether generated tokens are drawn by the application's sampler; otherwise they are fixed, as in llama-bench.
    pub is_sampled: bool,
    /// Time limit.
    pub within: Duration,
}

/// Runs one repetition. `cpu_ns` reads the CPU time of this process. The context is filled to its depth outside the
/// timed part.
///
/// # Errors
/// Those of the engine, including interruption.
#[cfg(feature = "llama")]
pub fn repeat(
    session: &mut Session<'_>,
    asked: Repetition,
    clock: &Clock,
    cpu_ns: impl Fn() -> Option<u64>,
    stop: &AtomicBool,
) -> Result<TokenSample, EngineError> {
    session.set_threads(asked.threads, asked.threads)?;
    session.fill(asked.depth, stop)?;
    let cpu_before = cpu_ns();
    let began_ns = clock.now_ns();
    let (measured, was_cut) = within(asked.within, stop, |halt| match asked.test {
        Test::Prompt => {
            session.prompt_at(asked.depth, asked.tokens, halt).map(|timing| (timing.n, timing.elapsed_ns, Vec::new()))
        }
        Test::Generation => session
            .generate_at(asked.depth, asked.tokens, asked.is_sampled.then_some(&Sampling::APP), halt)
            .map(|timing| (timing.n, timing.elapsed_ns, timing.inter_token_ns)),
    });
    let ended_ns = clock.now_ns();
    let cpu_ns = cpu_before.zip(cpu_ns()).map(|(before, after)| after.saturating_sub(before));
    let (tokens, elapsed_ns, inter_token_ns) = match measured {
        // Not finished within the limit, so this speed is an upper bound.
        Err(EngineError::Stopped { .. }) if was_cut && !stop.load(Ordering::Relaxed) => {
            (if asked.test == Test::Prompt { asked.tokens } else { 1 }, ended_ns - began_ns, Vec::new())
        }
        measured => measured?,
    };
    if tokens < asked.tokens && stop.load(Ordering::Relaxed) {
        return Err(EngineError::Stopped { done: tokens });
    }
    let is_cut = was_cut && ended_ns - began_ns >= u64::try_from(asked.within.as_nanos()).unwrap_or(u64::MAX);
    let ttft_ns = (asked.test == Test::Prompt && !is_cut).then_some(elapsed_ns);
    Ok(TokenSample { began_ns, ended_ns, tokens, elapsed_ns, ttft_ns, inter_token_ns, cpu_ns, is_cut })
}

/// Runs `work` with a flag that is raised when `stop` is, or after `limit`. Also returns whether the limit raised it.
#[cfg(feature = "llama")]
fn within<T>(limit: Duration, stop: &AtomicBool, work: impl FnOnce(&AtomicBool) -> T) -> (T, bool) {
    /// Interval at which the watcher checks `stop`: long enough not to disturb the timed part.
    const LOOK_UP: Duration = Duration::from_millis(20);
    let (halt, is_done, was_cut) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let done = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let deadline = Instant::now() + limit;
            while !is_done.load(Ordering::Acquire) {
                let is_late = Instant::now() >= deadline;
                if is_late || stop.load(Ordering::Relaxed) {
                    was_cut.store(is_late, Ordering::Release);
                    halt.store(true, Ordering::Release);
                    return;
                }
                thread::park_timeout(LOOK_UP);
            }
        });
        let done = work(&halt);
        is_done.store(true, Ordering::Release);
        watcher.thread().unpark();
        done
    });
    (done, was_cut.load(Ordering::Acquire))
}
