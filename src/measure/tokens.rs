//! One repetition of prompt processing or generation with one thread count.

#[cfg(feature = "llama")]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(feature = "llama")]
use std::thread;
use std::time::Duration;
#[cfg(feature = "llama")]
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[cfg(feature = "llama")]
use crate::clock::Clock;
#[cfg(feature = "llama")]
use crate::llm::engine::{EngineError, ModelSession, Sampling};
#[cfg(feature = "llama")]
use crate::record::TokenTest;

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
    /// Whether it was cut off for taking too long: then its speed is an upper bound.
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

/// How long a repetition runs at least before its speed so far may end it, so that no hiccup does.
#[cfg(feature = "llama")]
pub const SHORTEST_CUT: Duration = Duration::from_millis(500);

/// One repetition, as it is asked for.
#[cfg(feature = "llama")]
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RepetitionSpec {
    /// The kind of test.
    pub test: TokenTest,
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
    /// A generation that has been slower than this is cut off before its time is up, in tokens a second; 0 for none.
    pub least_tokens_per_s: f64,
}

#[cfg(feature = "llama")]
impl RepetitionSpec {
    /// Whether it is to end, after so much time and with so many tokens generated: even if the next one came now, it would be too
    /// slow.
    fn is_over(&self, elapsed: Duration, tokens: usize) -> bool {
        let is_slow = self.test == TokenTest::Generation
            && elapsed >= SHORTEST_CUT
            && ((tokens + 1) as f64) < self.least_tokens_per_s * elapsed.as_secs_f64();
        is_slow || elapsed >= self.within
    }
}

/// Runs one repetition. `cpu_ns` reads the CPU time of this process. The context is filled to its depth outside the
/// timed part.
///
/// # Errors
/// Those of the engine, including interruption.
#[cfg(feature = "llama")]
pub fn repeat(
    session: &mut ModelSession<'_>,
    asked: RepetitionSpec,
    clock: &Clock,
    cpu_ns: impl Fn() -> Option<u64>,
    stop: &AtomicBool,
) -> Result<TokenSample, EngineError> {
    session.set_threads(asked.threads, asked.threads)?;
    session.fill(asked.depth, stop)?;
    let cpu_before = cpu_ns();
    let began_ns = clock.now_ns();
    let generated = AtomicUsize::new(0);
    let is_over = |elapsed| asked.is_over(elapsed, generated.load(Ordering::Relaxed));
    let (measured, was_cut) = until(is_over, stop, |halt| match asked.test {
        TokenTest::Prompt => {
            session.prompt_at(asked.depth, asked.tokens, halt).map(|timing| (timing.n, timing.elapsed_ns, Vec::new()))
        }
        TokenTest::Generation => session
            .generate_at(asked.depth, asked.tokens, asked.is_sampled.then_some(&Sampling::APP), halt, |tokens| {
                generated.store(tokens, Ordering::Relaxed);
            })
            .map(|timing| (timing.n, timing.elapsed_ns, timing.inter_token_ns)),
    });
    let ended_ns = clock.now_ns();
    let cpu_ns = cpu_before.zip(cpu_ns()).map(|(before, after)| after.saturating_sub(before));
    let (tokens, elapsed_ns, inter_token_ns, is_cut) = match measured {
        // Not to its end: it would have been this fast at most. The token under way counts as if it had come just then.
        Err(EngineError::Stopped { .. }) if was_cut && !stop.load(Ordering::Relaxed) => {
            (if asked.test == TokenTest::Prompt { asked.tokens } else { 1 }, ended_ns - began_ns, Vec::new(), true)
        }
        Ok((tokens, _, _)) if tokens < asked.tokens && stop.load(Ordering::Relaxed) => {
            return Err(EngineError::Stopped { done: tokens });
        }
        Ok((tokens, _, inter_token_ns)) if tokens < asked.tokens => {
            (tokens + 1, ended_ns - began_ns, inter_token_ns, true)
        }
        measured => {
            let (tokens, elapsed_ns, inter_token_ns) = measured?;
            (tokens, elapsed_ns, inter_token_ns, false)
        }
    };
    let ttft_ns = (asked.test == TokenTest::Prompt && !is_cut).then_some(elapsed_ns);
    Ok(TokenSample { began_ns, ended_ns, tokens, elapsed_ns, ttft_ns, inter_token_ns, cpu_ns, is_cut })
}

/// Does `work` with a flag that is raised when `stop` is, or when `is_over` says so of the time that it took so far. Also says
/// whether that was what raised it.
#[cfg(feature = "llama")]
fn until<T>(
    is_over: impl Fn(Duration) -> bool + Sync,
    stop: &AtomicBool,
    work: impl FnOnce(&AtomicBool) -> T,
) -> (T, bool) {
    /// How often the watcher looks at `stop`: seldom enough to take nothing from what is timed.
    const LOOK_UP: Duration = Duration::from_millis(20);
    let (halt, is_done, was_cut) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let done = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let began = Instant::now();
            while !is_done.load(Ordering::Acquire) {
                let is_late = is_over(began.elapsed());
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

#[cfg(all(test, feature = "llama"))]
mod tests {
    use super::*;

    #[test]
    fn generation_is_cut_off_by_its_mean_speed_not_by_one_slow_token() {
        let asked = RepetitionSpec {
            test: TokenTest::Generation,
            threads: 2,
            depth: 0,
            is_sampled: false,
            tokens: 128,
            within: Duration::from_secs(6),
            least_tokens_per_s: 20.0,
        };
        let is_over =
            |asked: RepetitionSpec, milliseconds, tokens| asked.is_over(Duration::from_millis(milliseconds), tokens);
        assert!(!is_over(asked, 499, 0), "too early to tell");
        assert!(is_over(asked, 500, 0) && is_over(asked, 500, 8) && !is_over(asked, 500, 9));
        assert!(is_over(asked, 6_000, 127), "whatever its speed");
        let prompt = RepetitionSpec { test: TokenTest::Prompt, ..asked };
        assert!(!is_over(prompt, 5_999, 0), "a prompt shows no progress");
        assert!(!is_over(RepetitionSpec { least_tokens_per_s: 0.0, ..asked }, 5_999, 0), "nothing to compare with");
    }
}
