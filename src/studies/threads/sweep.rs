//! The rounds: every count once a round, in random order; idle and loaded blocks alternate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::study::StopReason;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{EngineError, Model, Session};
use crate::measure::{RenderLoad, RenderLoadError, Test, TokenSample, repeat};
use crate::plan::{Competition, Rounds, ThreadsPlan};
use crate::stats::{FEWEST_PAIRS, mean_of};

/// Rounds between two changes of the load: few enough that drift meets both, enough that starting the load costs little.
const BLOCK: u32 = 5;

/// The same with a budget, which may end before any repetition. The first block is a single round, so that each load gets one.
const BUDGET_BLOCK: u32 = 3;

/// With a budget, tokens of a prompt and of a reply that start the threads of each count after the first.
const BRIEF_WARM_UP: (u32, u32) = (8, 1);

/// With a budget, a figure is known well enough when its interval is within this of its mean.
const TIGHT: f64 = 0.02;

/// Fewest rounds before a budgeted sweep may end early: what the comparison needs for an interval.
const FEWEST_ROUNDS: usize = FEWEST_PAIRS;

/// What is measured apart: under which load, which test, how many threads.
pub(crate) type Key = (Competition, Test, u32);

/// Everything that the plan measures, in reading order.
pub(super) fn keys(plan: &ThreadsPlan) -> impl Iterator<Item = Key> {
    let under = |load| [Test::Prompt, Test::Generation].map(|test| (load, test));
    let tests = plan.loads.iter().flat_map(move |&load| under(load));
    tests.flat_map(|(load, test)| plan.counts.iter().map(move |count| (load, test, count.threads)))
}

/// What one case has so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseSamples {
    /// When its first repetition began, by the calendar.
    pub(super) began: Option<Timestamp>,
    /// One a round.
    pub(super) samples: Vec<TokenSample>,
    /// Frames of the render-like load meanwhile, and how many of them were late.
    pub(super) frames: (u64, u64),
    /// Anonymous memory of this process after the last repetition, in bytes.
    pub(super) anonymous_bytes: Option<u64>,
}

/// What came out of the sweep.
pub(crate) type SweepResult = BTreeMap<Key, CaseSamples>;

/// Rounds in which everything was measured once.
pub(super) fn complete_rounds(plan: &ThreadsPlan, result: &SweepResult) -> usize {
    keys(plan).map(|key| result.get(&key).map_or(0, |case| case.samples.len())).min().unwrap_or(0)
}

/// Why the sweep could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    /// The model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The render-like load.
    #[error(transparent)]
    Load(#[from] RenderLoadError),
    /// The budget ended before anything was measured.
    #[error(
        "the budget of {budget_s:.1} s was spent on the warm-up of {warm} of {counts} thread counts, and nothing was measured"
    )]
    BudgetTooSmall {
        /// The budget, in seconds.
        budget_s: f64,
        /// Thread counts that were warmed up.
        warm: usize,
        /// Thread counts of the plan.
        counts: usize,
        /// About how long a single round of everything takes, the warm-up included, in seconds.
        least_s: f64,
    },
}

/// What the sweep needs.
pub(super) struct Sweep<'a, 'model> {
    pub(super) plan: &'a ThreadsPlan,
    pub(super) model: &'model Model,
    pub(super) session: Session<'model>,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    /// When the sweep began, its warm-up included.
    pub(super) began_ns: u64,
    /// Repetitions so far.
    pub(super) done: &'a AtomicU64,
}

impl Sweep<'_, '_> {
    /// Runs the rounds. `keep` is handed everything after each block, to write it to disk.
    pub(super) fn run(
        &mut self,
        result: &mut SweepResult,
        mut keep: impl FnMut(&SweepResult) -> Result<(), Failure>,
    ) -> Result<StopReason, Failure> {
        let mut rng = StdRng::seed_from_u64(self.plan.seed);
        self.began_ns = self.clock.now_ns();
        self.warm_up()?;
        let mut rounds = 0;
        loop {
            let block = match self.plan.rounds {
                Rounds::Repetitions(all) => BLOCK.min(all.saturating_sub(rounds)),
                Rounds::BudgetS(_) if rounds == 0 => 1,
                Rounds::BudgetS(_) => BUDGET_BLOCK,
            };
            for &load in &self.plan.loads {
                self.block(load, block, &mut rng, result)?;
            }
            rounds += block;
            keep(result)?;
            if let Some(reason) = self.is_enough(rounds, result) {
                return Ok(reason);
            }
        }
    }

    /// As llama-bench does before it measures: a prompt and a token, at each count. It is part of a budget.
    fn warm_up(&mut self) -> Result<(), SweepError> {
        for (warm, count) in self.plan.counts.iter().enumerate() {
            self.check_budget(warm)?;
            self.session.set_threads(count.threads, count.threads)?;
            // The first count warms the model up. With a budget, the others only start their threads.
            let is_brief = warm > 0 && matches!(self.plan.rounds, Rounds::BudgetS(_));
            let (n_prompt, n_gen) = if is_brief { BRIEF_WARM_UP } else { (self.plan.n_prompt, self.plan.n_gen) };
            let (n_prompt, n_gen) = (n_prompt.min(self.plan.n_prompt), n_gen.min(self.plan.n_gen));
            self.session.warm_up(n_prompt as usize, n_gen as usize, self.stop)?;
        }
        self.check_budget(self.plan.counts.len())
    }

    /// Refuses a budget that the warm-up has spent. A round of a count takes about as long as the first count's warm-up.
    fn check_budget(&self, warm: usize) -> Result<(), SweepError> {
        let Rounds::BudgetS(budget_s) = self.plan.rounds else { return Ok(()) };
        if !self.is_spent() {
            return Ok(());
        }
        let counts = self.plan.counts.len();
        let least_s = self.spent_s() * (1 + counts * self.plan.loads.len()) as f64;
        Err(SweepError::BudgetTooSmall { budget_s, warm, counts, least_s })
    }

    fn spent_s(&self) -> f64 {
        (self.clock.now_ns() - self.began_ns) as f64 / 1e9
    }

    fn is_spent(&self) -> bool {
        matches!(self.plan.rounds, Rounds::BudgetS(budget_s) if self.spent_s() >= budget_s)
    }

    /// Why the sweep ends here, if it does.
    fn is_enough(&self, rounds: u32, result: &SweepResult) -> Option<StopReason> {
        let is_precise = || rounds as usize >= FEWEST_ROUNDS && result.values().all(is_tight);
        match self.plan.rounds {
            Rounds::Repetitions(all) => (rounds >= all).then_some(StopReason::Planned),
            Rounds::BudgetS(_) if self.is_spent() => Some(StopReason::Budget),
            Rounds::BudgetS(_) => is_precise().then_some(StopReason::Precise),
        }
    }

    /// `rounds` rounds under one load.
    fn block(
        &mut self,
        load: Competition,
        rounds: u32,
        rng: &mut StdRng,
        result: &mut SweepResult,
    ) -> Result<(), SweepError> {
        let render = match load {
            Competition::Idle => None,
            Competition::Render => Some(RenderLoad::start(self.plan.render, *self.clock)?),
        };
        for _ in 0..rounds {
            let both = [Test::Prompt, Test::Generation];
            let counts = self.plan.counts.iter().map(|count| count.threads);
            let mut round: Vec<(Test, u32)> = counts.flat_map(|threads| both.map(|test| (test, threads))).collect();
            round.shuffle(rng);
            for (test, threads) in round {
                if self.is_spent() {
                    return Ok(());
                }
                let case = result.entry((load, test, threads)).or_default();
                self.one(test, threads, render.as_ref(), case)?;
            }
        }
        Ok(())
    }

    /// One repetition.
    fn one(
        &mut self,
        test: Test,
        threads: u32,
        render: Option<&RenderLoad>,
        case: &mut CaseSamples,
    ) -> Result<(), SweepError> {
        let tokens = match test {
            Test::Prompt => self.plan.n_prompt,
            Test::Generation => self.plan.n_gen,
        } as usize;
        let cpu_ns = || host::cpu_time_ns().value().copied();
        let began = Timestamp::now();
        let sample = repeat((self.model, &mut self.session), test, (threads, tokens), self.clock, cpu_ns, self.stop)?;
        if let Some(render) = render {
            render.check()?;
            let frames = render.frames_between(sample.began_ns, sample.ended_ns);
            case.frames = (case.frames.0 + frames.total, case.frames.1 + frames.late);
        }
        case.began.get_or_insert(began);
        case.anonymous_bytes = host::anonymous_bytes().value().copied();
        case.samples.push(sample);
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether a case's speed is known well enough.
fn is_tight(case: &CaseSamples) -> bool {
    let speeds: Vec<f64> = case.samples.iter().map(TokenSample::tokens_per_s).collect();
    let Some(mean) = mean_of(&speeds) else { return false };
    mean.interval.is_some_and(|(low, high)| high - low <= 2.0 * TIGHT * mean.value)
}
