//! The rounds: every setting in the race once per round, in random order; idle and loaded blocks alternate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::study::StopReason;
use super::cut_off::RepetitionLimits;
use super::data::{CaseKey, SettingGroup, SweepResult, groups};
use super::engine::SweepEngine;
use super::error::SweepError;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host;
use crate::measure::{EngineSettings, RenderLoad, RepetitionSpec, TokenTest};
use crate::plan::{CompetingLoad, RoundLimit, ThreadsPlan};
use crate::stats::{FEWEST_PAIRS, FrameCounts, Race, RaceState, RoundResult, mean_of};

/// Rounds per block once the slowest settings are out: few enough that drift affects both loads, enough that starting
/// the load costs little.
const BLOCK: u32 = 3;

/// Tokens of a prompt and of a reply that warm up a context in a race: enough to touch all weights.
const BRIEF_WARM_UP: (u32, u32) = (8, 1);

/// A figure is precise enough if its interval is within this share of its mean.
const TIGHT: f64 = 0.02;

/// Minimum rounds of the settings left in a decided race: a figure needs a spread.
const FEWEST_ROUNDS: usize = 3;

/// How long the scene is watched alone in each of its blocks.
const ALONE: Duration = Duration::from_millis(1500);

/// What the sweep needs.
pub(super) struct ThreadSweep<'a, 'm> {
    pub(super) plan: &'a ThreadsPlan,
    pub(super) engine: SweepEngine<'m>,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    /// Start of the sweep, including its warm-up.
    pub(super) began_ns: u64,
    /// Repetitions so far.
    pub(super) done: &'a AtomicU64,
}

/// The race of one group, and whether it is over.
struct GroupRace {
    race: Race,
    is_decided: bool,
    /// Rounds so far.
    rounds: usize,
}

type GroupRaces = BTreeMap<SettingGroup, GroupRace>;

impl ThreadSweep<'_, '_> {
    /// Runs the rounds. `keep` is called with everything after each block, to save it.
    pub(super) fn run(
        &mut self,
        result: &mut SweepResult,
        mut keep: impl FnMut(&SweepResult) -> Result<(), Failure>,
    ) -> Result<StopReason, Failure> {
        let settings = self.plan.settings();
        let kind = |one: &EngineSettings| settings.iter().position(|other| other.of_frames() == one.of_frames());
        let kinds: Vec<usize> = settings.iter().filter_map(kind).collect();
        let race = || Race::new(settings.len()).with_kinds(kinds.clone());
        let new = |group| (group, GroupRace { race: race(), is_decided: false, rounds: 0 });
        let mut races: GroupRaces = groups(self.plan).into_iter().map(new).collect();
        let mut rng = StdRng::seed_from_u64(self.plan.seed);
        self.began_ns = self.clock.now_ns();
        self.warm_up(&settings)?;
        let mut rounds = 0;
        loop {
            let block = self.block_of(rounds);
            for &load in &self.plan.loads {
                self.block(load, (rounds, block), &settings, &mut races, &mut rng, result)?;
            }
            rounds += block;
            keep(result)?;
            if let Some(reason) = self.is_enough(rounds, &races, result) {
                return Ok(reason);
            }
        }
    }

    /// Number of rounds before the load changes.
    fn block_of(&self, rounds: u32) -> u32 {
        let left = match self.plan.rounds {
            RoundLimit::Repetitions(all) => all.saturating_sub(rounds),
            RoundLimit::BudgetS(_) => u32::MAX,
        };
        // The first round shows which settings are hopeless; it runs under each load before more time is spent.
        if rounds == 0 { 1 } else { BLOCK.min(left) }
    }

    /// As llama-bench does before it measures: a prompt and a token, with each setting. A race warms up each context once: settings
    /// that share one only differ in their threads, and starting those takes less than a millisecond. It is part of a budget.
    fn warm_up(&mut self, settings: &[EngineSettings]) -> Result<(), SweepError> {
        let all = settings.len() * self.plan.depths.len();
        let mut warm: Vec<(u32, EngineSettings)> = Vec::new();
        for &depth in &self.plan.depths {
            for &settings in settings {
                self.check_budget(warm.len(), all)?;
                let shares_context = |(other_depth, other): &(u32, EngineSettings)| {
                    *other_depth == depth && other.shares_context_with(settings)
                };
                if !self.plan.exhaustive && warm.iter().any(shares_context) {
                    continue;
                }
                let has_budget = matches!(self.plan.rounds, RoundLimit::BudgetS(_));
                let is_brief = !self.plan.exhaustive || (has_budget && !warm.is_empty());
                let (n_prompt, n_gen) = if is_brief { BRIEF_WARM_UP } else { (self.plan.n_prompt, 1) };
                let tokens = (n_prompt.min(self.plan.n_prompt) as usize, n_gen.min(self.plan.n_gen) as usize);
                let group = SettingGroup { load: CompetingLoad::Idle, test: TokenTest::Generation, depth };
                self.engine.warm_up(CaseKey { group, settings }, tokens, self.stop)?;
                warm.push((depth, settings));
            }
        }
        self.check_budget(warm.len(), all)
    }

    /// Rejects a budget that the warm-up has used up. A round of a setting takes about as long as the first one's
    /// warm-up.
    fn check_budget(&self, warm: usize, all: usize) -> Result<(), SweepError> {
        let RoundLimit::BudgetS(budget_s) = self.plan.rounds else { return Ok(()) };
        if !self.is_spent() {
            return Ok(());
        }
        let least_s = self.spent_s() * (1 + all * self.plan.loads.len()) as f64;
        Err(SweepError::BudgetTooSmall { budget_s, warm, all, least_s })
    }

    fn spent_s(&self) -> f64 {
        (self.clock.now_ns() - self.began_ns) as f64 / 1e9
    }

    fn is_spent(&self) -> bool {
        matches!(self.plan.rounds, RoundLimit::BudgetS(budget_s) if self.spent_s() >= budget_s)
    }

    /// Why the sweep ends here, if it does.
    fn is_enough(&self, rounds: u32, races: &GroupRaces, result: &SweepResult) -> Option<StopReason> {
        let is_planned = matches!(self.plan.rounds, RoundLimit::Repetitions(all) if rounds >= all);
        let is_decided = !self.plan.exhaustive && races.values().all(|race| race.is_decided);
        let is_precise = || {
            let is_tight = |race: &GroupRace| race.rounds >= FEWEST_PAIRS;
            matches!(self.plan.rounds, RoundLimit::BudgetS(_))
                && races.values().all(is_tight)
                && result.cases.values().all(|case| case.dropped.is_some() || is_tight_figure(&case.speeds().values()))
        };
        if is_decided || is_precise() {
            Some(StopReason::Precise)
        } else if self.is_spent() {
            Some(StopReason::Budget)
        } else {
            is_planned.then_some(StopReason::Planned)
        }
    }

    /// Some rounds under one load.
    fn block(
        &mut self,
        load: CompetingLoad,
        (done, rounds): (u32, u32),
        settings: &[EngineSettings],
        races: &mut GroupRaces,
        rng: &mut StdRng,
        result: &mut SweepResult,
    ) -> Result<(), SweepError> {
        let is_open = |(group, race): (&SettingGroup, &GroupRace)| group.load == load && !race.is_decided;
        if !races.iter().any(is_open) {
            return Ok(());
        }
        let render = match load {
            CompetingLoad::Idle => None,
            CompetingLoad::Render => Some(RenderLoad::start(self.plan.render, *self.clock)?),
        };
        if let Some(render) = &render {
            self.watch_alone(render, result);
        }
        let own = settings.iter().position(|settings| self.plan.is_the_applications(*settings));
        for round in 0..rounds {
            let mut order: Vec<(SettingGroup, usize)> = Vec::new();
            for (group, race) in races.iter().filter(|(group, race)| group.load == load && !race.is_decided) {
                let mut places = race.race.running();
                // A gain is relative to what the application runs with by itself: one repetition has no spread.
                let is_short = group.test == TokenTest::Generation && race.rounds < FEWEST_ROUNDS;
                places.extend(own.filter(|own| is_short && !places.contains(own)));
                order.extend(places.into_iter().map(|at| (*group, at)));
            }
            // The first round goes from few threads to many: the first speed determines when others may be cut off.
            if done + round > 0 {
                order.shuffle(rng);
            }
            for (group, at) in order {
                if self.is_spent() {
                    return Ok(());
                }
                let Some(race) = races.get_mut(&group) else { continue };
                let cut_off = self.bounds(&race.race, group.test);
                let key = CaseKey { group, settings: settings[at] };
                if let Some(outcome) = self.one((key, race.rounds), cut_off, render.as_ref(), result)? {
                    race.race.record(at, outcome);
                }
            }
            self.judge(load, settings, races, result);
        }
        Ok(())
    }

    /// Counts the frames of the scene while the model is idle.
    fn watch_alone(&self, render: &RenderLoad, result: &mut SweepResult) {
        let began_ns = self.clock.now_ns();
        let until_ns = began_ns + u64::try_from(ALONE.as_nanos()).unwrap_or(u64::MAX);
        while self.clock.now_ns() < until_ns && !self.stop.load(Ordering::Relaxed) && !self.is_spent() {
            thread::sleep(Duration::from_millis(20));
        }
        result.alone += FrameCounts::from(&render.frames_between(began_ns, self.clock.now_ns()));
    }

    /// Drops settings that are out, and ends decided races.
    fn judge(
        &self,
        load: CompetingLoad,
        settings: &[EngineSettings],
        races: &mut GroupRaces,
        result: &mut SweepResult,
    ) {
        let limit = (load == CompetingLoad::Render).then(|| self.plan.late_limit.beside(result.alone.late_share()));
        for (group, race) in races.iter_mut().filter(|(group, race)| group.load == load && !race.is_decided) {
            race.rounds += 1;
            if let Some(limit) = limit {
                race.race.limit_late_frames(limit);
            }
            if self.plan.exhaustive {
                continue;
            }
            let standing = race.race.judge();
            for (at, runner) in race.race.runners().iter().enumerate() {
                if let Some(case) = result.cases.get_mut(&CaseKey { group: *group, settings: settings[at] }) {
                    case.dropped = runner.dropped;
                }
            }
            // With a single setting there is nothing to choose: it is measured as often as requested.
            let has_rivals = race.race.runners().len() > 1;
            race.is_decided = has_rivals && standing == RaceState::Decided && race.rounds >= FEWEST_ROUNDS;
            if race.is_decided {
                result.decided.insert(*group);
            }
        }
    }

    /// When a repetition in that race is cut off.
    fn bounds(&self, race: &Race, test: TokenTest) -> RepetitionLimits {
        let cut_off = if self.plan.exhaustive { RepetitionLimits::NONE } else { RepetitionLimits::beside(race) };
        let left_s = match self.plan.rounds {
            RoundLimit::BudgetS(budget_s) => Some(budget_s - self.spent_s()),
            RoundLimit::Repetitions(_) => None,
        };
        cut_off.of_tokens(self.tokens(test), left_s)
    }

    fn tokens(&self, test: TokenTest) -> usize {
        match test {
            TokenTest::Prompt => self.plan.n_prompt as usize,
            TokenTest::Generation => self.plan.n_gen as usize,
        }
    }

    /// One repetition. `None` if the budget ended it: then it says nothing of its settings.
    fn one(
        &mut self,
        (key, round): (CaseKey, usize),
        cut_off: RepetitionLimits,
        render: Option<&RenderLoad>,
        result: &mut SweepResult,
    ) -> Result<Option<RoundResult>, SweepError> {
        let asked = RepetitionSpec {
            test: key.group.test,
            threads: key.settings.threads,
            depth: key.group.depth as usize,
            tokens: self.tokens(key.group.test),
            is_sampled: self.plan.is_sampled(),
            within: cut_off.within,
            least_tokens_per_s: cut_off.least_tokens_per_s,
        };
        let began = Timestamp::now();
        let sample = self.engine.repeat(key, asked, self.clock, self.stop)?;
        let mut frames = FrameCounts::default();
        if let Some(render) = render {
            render.check()?;
            frames = (&render.frames_between(sample.began_ns, sample.ended_ns)).into();
        }
        let speed = sample.tokens_per_s();
        if sample.is_cut && speed >= cut_off.least_tokens_per_s && self.is_spent() {
            return Ok(None);
        }
        let case = result.cases.entry(key).or_default();
        case.frames += frames;
        case.began.get_or_insert(began);
        case.anonymous_bytes = host::anonymous_bytes().value().copied();
        case.samples.insert(round, sample);
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(Some(RoundResult { round, speed, frames }))
    }
}

/// Whether a case's speed is precise enough.
fn is_tight_figure(speeds: &[f64]) -> bool {
    let Some(mean) = mean_of(speeds) else { return false };
    mean.interval.is_some_and(|(low, high)| high - low <= 2.0 * TIGHT * mean.value)
}
