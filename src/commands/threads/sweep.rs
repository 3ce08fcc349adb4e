//! The rounds: every count once a round, in random order; idle and loaded blocks alternate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::clock::Clock;
use crate::host;
use crate::llm::engine::{EngineError, Model, Session};
use crate::measure::{RenderLoad, RenderLoadError, Test, TokenSample, repeat};
use crate::plan::{Competition, Rounds, ThreadsPlan};
use crate::stats::{FEWEST_PAIRS, mean_of};

/// Rounds between two changes of the load: few enough that drift meets both, enough that starting the load costs little.
const BLOCK: u32 = 5;

/// The same with a budget, which may end after any block.
const BUDGET_BLOCK: u32 = 3;

/// With a budget, a figure is known well enough when its interval is within this of its mean.
const TIGHT: f64 = 0.02;

/// Fewest rounds before a budgeted sweep may end early: what the comparison needs for an interval.
const FEWEST_ROUNDS: usize = FEWEST_PAIRS;

/// What is measured apart: under which load, which test, how many threads.
pub(super) type Key = (Competition, Test, u32);

/// What one case has so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Collected {
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
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// By case.
    pub(super) cases: BTreeMap<Key, Collected>,
    /// Rounds that were finished under each load.
    pub(super) rounds: u32,
    /// Why it ended.
    pub(super) ended: Ended,
}

/// Why the rounds ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// As many as were asked for.
    #[default]
    Repetitions,
    /// Every figure was known well enough.
    Tight,
    /// The budget was spent.
    Budget,
    /// Ctrl-C.
    Interrupted,
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
}

/// What the sweep needs.
pub(super) struct Sweep<'a, 'model> {
    pub(super) plan: &'a ThreadsPlan,
    pub(super) model: &'model Model,
    pub(super) session: Session<'model>,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    /// Repetitions so far.
    pub(super) done: &'a AtomicU64,
}

impl Sweep<'_, '_> {
    /// Runs the rounds. `keep` is handed everything after each block, to write it to disk.
    pub(super) fn run<E: From<SweepError>>(
        &mut self,
        mut keep: impl FnMut(&Swept) -> Result<(), E>,
    ) -> Result<Swept, E> {
        let mut swept = Swept::default();
        let mut rng = StdRng::seed_from_u64(self.plan.seed);
        match self.warm_up() {
            Ok(()) => {}
            Err(EngineError::Stopped { .. }) => {
                swept.ended = Ended::Interrupted;
                return Ok(swept);
            }
            Err(error) => return Err(SweepError::from(error).into()),
        }
        let began_ns = self.clock.now_ns();
        loop {
            let block = match self.plan.rounds {
                Rounds::Repetitions(rounds) => BLOCK.min(rounds - swept.rounds),
                Rounds::BudgetS(_) => BUDGET_BLOCK,
            };
            for &load in &self.plan.loads {
                match self.block(load, block, &mut rng, &mut swept) {
                    Err(SweepError::Engine(EngineError::Stopped { .. })) => swept.ended = Ended::Interrupted,
                    other => other?,
                }
            }
            if swept.ended != Ended::Interrupted {
                swept.rounds += block;
            }
            keep(&swept)?;
            let spent_s = (self.clock.now_ns() - began_ns) as f64 / 1e9;
            if swept.ended == Ended::Interrupted || self.is_enough(&mut swept, spent_s) {
                return Ok(swept);
            }
        }
    }

    /// As llama-bench does before it measures: a prompt and a token, at each count.
    fn warm_up(&mut self) -> Result<(), EngineError> {
        for count in &self.plan.counts {
            self.session.set_threads(count.threads, count.threads)?;
            self.session.warm_up(self.plan.n_prompt as usize, self.plan.n_gen as usize, self.stop)?;
        }
        Ok(())
    }

    fn is_enough(&self, swept: &mut Swept, spent_s: f64) -> bool {
        match self.plan.rounds {
            Rounds::Repetitions(rounds) => swept.rounds >= rounds,
            Rounds::BudgetS(budget_s) => {
                if spent_s >= budget_s {
                    swept.ended = Ended::Budget;
                } else if swept.rounds as usize >= FEWEST_ROUNDS && swept.cases.values().all(is_tight) {
                    swept.ended = Ended::Tight;
                }
                swept.ended != Ended::Repetitions
            }
        }
    }

    /// `rounds` rounds under one load.
    fn block(&mut self, load: Competition, rounds: u32, rng: &mut StdRng, swept: &mut Swept) -> Result<(), SweepError> {
        if swept.ended == Ended::Interrupted {
            return Ok(());
        }
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
                let case = swept.cases.entry((load, test, threads)).or_default();
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
        case: &mut Collected,
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
fn is_tight(case: &Collected) -> bool {
    let speeds: Vec<f64> = case.samples.iter().map(TokenSample::tokens_per_s).collect();
    let Some(mean) = mean_of(&speeds) else { return false };
    mean.interval.is_some_and(|(low, high)| high - low <= 2.0 * TIGHT * mean.value)
}
