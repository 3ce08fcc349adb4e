//! Planted samples for tests of the analysis.

use super::data::{CaseKey, CaseSamples, SettingGroup, SweepResult};
use crate::measure::{EngineSettings, TokenSample, TokenTest};
use crate::plan::{CompetingLoad, ThreadsPlan, threads_plan};
use crate::stats::{Dropped, FrameCounts};

/// The plan of a command line, on a machine with two CPUs.
pub(super) fn plan(line: &str) -> ThreadsPlan {
    threads_plan(line, (2, 2))
}

/// Repetitions with these speeds, one after the other from `began_ns`.
pub(super) fn samples(test: TokenTest, tokens_per_s: &[f64], began_ns: u64) -> Vec<TokenSample> {
    let mut at_ns = began_ns;
    let mut one = |speed: &f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Planted values.
        let elapsed_ns = (10.0 * 1e9 / speed) as u64;
        let began_ns = at_ns;
        at_ns += elapsed_ns;
        TokenSample {
            began_ns,
            ended_ns: at_ns,
            tokens: 10,
            elapsed_ns,
            ttft_ns: (test == TokenTest::Prompt).then_some(elapsed_ns),
            inter_token_ns: if test == TokenTest::Prompt { Vec::new() } else { vec![elapsed_ns / 10; 10] },
            cpu_ns: Some(elapsed_ns),
            is_cut: false,
        }
    };
    tokens_per_s.iter().map(&mut one).collect()
}

/// A sweep under one load: for each set of settings its speed, late frames out of 1,000, and whether it was dropped.
/// Prompts are ten times as fast. Every round is slightly slower than the previous one.
pub(super) fn swept(
    plan: &ThreadsPlan,
    load: CompetingLoad,
    of: impl Fn(EngineSettings) -> (f64, u64, Option<Dropped>),
) -> SweepResult {
    let mut result = SweepResult { alone: FrameCounts::apart(1_000, 2), ..SweepResult::default() };
    for &depth in &plan.depths {
        for test in [TokenTest::Prompt, TokenTest::Generation] {
            for settings in plan.settings() {
                let (speed, late, dropped) = of(settings);
                let speed = if test == TokenTest::Prompt { 10.0 * speed } else { speed };
                let rounds = dropped.map_or(8, |dropped| dropped.after_rounds);
                let speeds: Vec<f64> = (0..rounds).map(|round| speed * (1.0 - 0.01 * round as f64)).collect();
                let total = if load == CompetingLoad::Render { 1_000 } else { 0 };
                let frames = FrameCounts::apart(total, late.min(total));
                let samples = samples(test, &speeds, 1_000).into_iter().enumerate().collect();
                let case = CaseSamples { samples, frames, dropped, ..CaseSamples::default() };
                result.cases.insert(CaseKey { group: SettingGroup { load, test, depth }, settings }, case);
            }
        }
    }
    result
}
