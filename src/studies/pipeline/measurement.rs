//! One run: first the turns, then the contention of model, bridge and render-like load.

use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::setup::{BridgeSession, seen};
use super::super::study::RunContext;
use super::budget::TimeBudget;
use super::cases::path;
use super::contention::{CELLS, Contention};
use super::models::Models;
use super::responder::Responder;
use super::samples::PipelineSamples;
use super::turns::TurnRunner;
use crate::failure::Failure;
use crate::measure::{ApplicationSources, Delivery, Reactor, RenderLoad};
use crate::plan::PipelinePlan;

/// State shared by both parts of a run.
pub(super) struct Measurement<'a> {
    plan: &'a PipelinePlan,
    responders: Vec<Responder<'a>>,
    rng: StdRng,
    budget: TimeBudget,
}

impl<'a> Measurement<'a> {
    /// Starts the budget.
    pub(super) fn new(plan: &'a PipelinePlan, models: &'a Models) -> Self {
        let sides = plan.arms.iter().enumerate();
        let responders =
            sides.map(|(at, (side, settings))| Responder { side: *side, settings, config: models.responder(plan, at) });
        Self {
            plan,
            responders: responders.collect(),
            rng: StdRng::seed_from_u64(plan.seed),
            budget: TimeBudget::start(plan.budget_s),
        }
    }

    /// Measures everything that fits into the budget.
    pub(super) fn run(
        &mut self,
        connection: &mut BridgeSession,
        data: &mut PipelineSamples,
        context: &mut RunContext<'_, PipelineSamples>,
    ) -> Result<(), Failure> {
        connection.is_clean = false;
        self.turns(connection, data, context)?;
        for (side, _) in &self.plan.arms {
            context.complete_case(data, &path(*side, "turns"))?;
        }
        // A failed bridge has no pending replies on a new connection.
        let has_failed = data.turns.iter().any(|(_, samples)| samples.turns.iter().any(|turn| turn.reaction.is_err()));
        connection.is_clean = !has_failed || connection.is_alive(&self.plan.bridge_connection, context.stop);
        if self.plan.contention_rounds == 0 {
            return Ok(());
        }
        data.is_contention_skipped = !connection.is_clean;
        if data.is_contention_skipped { Ok(()) } else { self.contention(connection, data, context) }
    }

    fn turns(
        &mut self,
        connection: &mut BridgeSession,
        data: &mut PipelineSamples,
        context: &mut RunContext<'_, PipelineSamples>,
    ) -> Result<(), Failure> {
        let (plan, clock, stop) = (self.plan, context.clock, context.stop);
        let render = plan.render.map(|render| RenderLoad::start(render, clock)).transpose()?;
        let total = u64::from(plan.turns + plan.first_turns) * self.responders.len() as u64;
        let phase = context.observer.phase("turns", total);
        let is_expression_alone = plan.arms.iter().any(|(_, arm)| arm.reaction == Delivery::Expression);
        let mut watch = ApplicationSources::default();
        if is_expression_alone {
            (watch, data.seen) = seen(&plan.bridge_connection, connection, plan.seed, (&clock, stop));
        }
        let (client, dialect) = (&mut connection.client, plan.bridge_connection.dialect);
        thread::scope(|scope| {
            let reactor = Reactor::start(scope, (client, dialect, watch), clock, stop);
            let runner = TurnRunner {
                plan,
                responders: &self.responders,
                clock: &clock,
                stop,
                reactor: &reactor,
                render: render.as_ref(),
                budget: self.budget,
                done: phase.counter(),
            };
            runner.first_turns(&mut self.rng, data)?;
            runner.conversation(&mut self.rng, data, |data| context.checkpoint(data))
        })
    }

    /// With the settings that would be used: the last ones.
    fn contention(
        &mut self,
        connection: &mut BridgeSession,
        data: &mut PipelineSamples,
        context: &mut RunContext<'_, PipelineSamples>,
    ) -> Result<(), Failure> {
        let Some(responder) = self.responders.last() else { return Ok(()) };
        let phase = context.observer.phase("contention", u64::from(self.plan.contention_rounds) * CELLS);
        let mut ready = responder.speaker(context.stop)?;
        connection.is_clean = false;
        let contention = Contention {
            plan: self.plan,
            speaker: &mut *ready.speaker,
            client: &mut connection.client,
            clock: &context.clock,
            stop: context.stop,
            done: phase.counter(),
            budget: self.budget,
        };
        let outcome = { contention }.measure(&mut self.rng, &mut data.cells);
        connection.is_clean = outcome.is_ok();
        outcome
    }
}
