//! What a build without the engine has in place of models: stand-ins alone.

use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::super::card::CardNeed;
use super::super::voices::Voice;
use super::paced::{paced, paced_simulation, paced_subject};
use crate::cli::PipelineArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::measure::PacedSpec;
use crate::plan::PipelinePlan;
use crate::record::Simulation;
use crate::term::Printer;

/// Stand-ins alone: this build has no engine.
pub(in super::super) struct Models {
    plan: PipelinePlan,
}

impl Models {
    /// Refuses anything but stand-ins.
    pub(in super::super) fn ready(
        _args: &PipelineArgs,
        plan: &PipelinePlan,
        _printer: Printer,
        _stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        if plan.paced.is_empty() {
            return Err(Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
                .hint("build it with its default features: cargo build --release"));
        }
        Ok(Self { plan: plan.clone() })
    }

    /// The stand-in at that place in the plan.
    pub(in super::super) fn voice(&self, at: usize) -> Voice<'static> {
        let slow = PacedSpec { prompt_per_s: 1.0, tokens_per_s: 1.0, build_ms: 0.0, hold_ms: 0.0 };
        paced(&self.plan.paced, at).unwrap_or_else(|| Voice::paced(slow))
    }

    /// Nothing: stand-ins have no vocabulary.
    #[allow(clippy::unused_self)] // As the models of the other build.
    pub(in super::super) fn tokens(&self) -> Option<fn(&str) -> usize> {
        None
    }

    /// Nothing: stand-ins are on no card.
    #[allow(clippy::unused_self)] // As the models of the other build.
    pub(in super::super) fn cards(&self) -> &[CardNeed] {
        &[]
    }

    /// Their part of the record's subject.
    pub(in super::super) fn subject(&self) -> Value {
        paced_subject(&self.plan)
    }

    /// They stand in for a model.
    pub(in super::super) fn simulated(&self) -> Vec<Simulation> {
        vec![paced_simulation(&self.plan.paced)]
    }

    /// Nothing to warn of.
    #[allow(clippy::unused_self)] // As the models of the other build.
    pub(in super::super) fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
