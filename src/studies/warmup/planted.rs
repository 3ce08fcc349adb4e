//! Samples with known figures.

use std::collections::BTreeMap;

use super::lengths::{LengthCase, LengthSamples};
use super::prefix::{PairedTurn, PrefixSamples};
use super::starts::{StartSamples, TimedStart};
use crate::llm::Script;
use crate::llm::engine::{FlashAttention, LockOutcome};
use crate::measure::{Readiness, ReplyEnd, ReplyTimes, StartOutcome};
use crate::plan::WarmupPlan;

const MS: u64 = 1_000_000;

/// Six rounds of starts, three of lengths, nine turns.
pub(super) fn plan() -> WarmupPlan {
    WarmupPlan {
        start: true,
        lengths: true,
        prefix: true,
        runs: 6,
        length_runs: 3,
        script: Script { system: String::new(), messages: vec!["Bonjour".into()] },
        reply_tokens: 4,
        later: 1,
        turns: 9,
        context_limit: 6,
        sentences: Vec::new(),
        prompts: Vec::new(),
        replies: Vec::new(),
        engine: "app",
        profile: Some("performance"),
        sampler: "app",
        n_ctx: 512,
        n_threads: 1,
        n_threads_batch: 2,
        n_batch: 128,
        n_ubatch: 128,
        flash_attn: FlashAttention::Off,
        n_gpu_layers: 0,
        use_mlock: false,
        timeout_s: 1.0,
        seed: 1,
    }
}

/// Rounds in which the page cache saves 160 ms of loading, and the steps save: loading 300 ms, the context 100, the
/// warm-up generation 40, an earlier reply 20; each round is slightly slower than the previous one.
pub(super) fn starts() -> StartSamples {
    let rounds = (0..6).map(|round| {
        let kinds = Readiness::ALL.into_iter().enumerate();
        kinds.map(|(at, kind)| (kind, start(5 * round + at as u64, kind, round))).collect::<BTreeMap<_, _>>()
    });
    StartSamples { rounds: rounds.collect(), failed: BTreeMap::new() }
}

/// One start in second number `at`.
fn start(at: u64, kind: Readiness, round: u64) -> TimedStart {
    let wait_ms = match kind {
        Readiness::Cold => 700,
        Readiness::Cached => 540,
        Readiness::Loaded => 240,
        Readiness::Context => 140,
        Readiness::Warmed => 100,
    };
    let is_warm = kind == Readiness::Warmed;
    let reply = |elapsed_ms: u64| ReplyTimes { n_prompt: 7, ttft_ns: elapsed_ms * MS / 2, elapsed_ns: elapsed_ms * MS };
    let first = reply(if is_warm { 100 } else { 140 } + round);
    let outcome = StartOutcome {
        cached_share: Some(if kind == Readiness::Cold { 0.001 } else { 1.0 }),
        load_ns: (if kind == Readiness::Cold { 460 } else { 300 } + round) * MS,
        context_ns: 100 * MS,
        warm_generation_ns: is_warm.then_some(60 * MS),
        wait_first_ns: (wait_ms + round) * MS - (first.elapsed_ns - first.ttft_ns),
        wait_ns: (wait_ms + round) * MS,
        first,
        later: vec![reply(80 + round)],
        load_again_ns: (280 + round) * MS,
        description: "planted".into(),
        lock: LockOutcome::default(),
    };
    TimedStart { began_ns: at * 1_000 * MS, ended_ns: at * 1_000 * MS + 900 * MS, outcome }
}

/// Lengths with a cost of 5 ms plus 0.5 ms per prompt token, 2 ms per reply token, and 1 µs per token in the context
/// for each reply token.
pub(super) fn lengths() -> LengthSamples {
    let length = |kind: &str, name: usize, tokens: usize, n_gen: usize| {
        let token_ms = 2.0 + 0.001 * tokens as f64;
        let ttft_ms = 5.0 + 0.5 * tokens as f64;
        LengthCase {
            path: format!("{kind}/{name}"),
            prompt: vec![0; tokens],
            n_gen,
            ttft_ms: vec![ttft_ms; 3],
            token_ms: vec![token_ms; 3],
            elapsed_ms: vec![ttft_ms + 2.0 * (n_gen - 1) as f64; 3],
        }
    };
    let prompts = [3, 12, 40, 64, 128, 512].map(|tokens| length("prompt", tokens, tokens, 8));
    let replies = [25, 50, 100, 150, 250].map(|n_gen| length("reply", n_gen, 3, n_gen));
    LengthSamples { all: prompts.into_iter().chain(replies).collect() }
}

/// A first turn, six turns of a growing conversation that reuse three of four tokens and halve the wait, and two of a
/// rolling one that reuse nothing, one of them with other tokens.
pub(super) fn prefix() -> PrefixSamples {
    let turn = |at: usize| {
        let rolling = at > 6;
        let is_kept = at > 0 && !rolling;
        PairedTurn {
            rolling,
            n_prompt: 100,
            kept: if is_kept { 75 } else { 0 },
            with_ms: if is_kept { 20.0 } else { 40.0 },
            without_ms: 40.0,
            same: at != 8,
            end: if at == 2 { ReplyEnd::After(3) } else { ReplyEnd::Beyond },
        }
    };
    PrefixSamples { turns: (0..9).map(turn).collect(), full: false }
}
