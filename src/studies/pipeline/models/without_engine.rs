//! Models in a build without llama.cpp: only simulated ones.

use std::sync::atomic::AtomicBool;

use serde_json::Value;

use super::super::gpu_memory_need::GpuMemoryNeed;
use super::super::responder::ResponderConfig;
use super::ModelSource;
use super::paced::{paced, paced_simulation, paced_subject};
use crate::failure::Failure;
use crate::measure::PaceSpec;
use crate::plan::PipelinePlan;
use crate::record::Simulation;
use crate::studies::Observer;

/// Simulated models only, since this build has no llama.cpp.
pub(crate) struct Models {
    _none: (),
}

impl Models {
    /// Rejects everything except simulated models.
    pub(crate) fn ready(
        plan: &PipelinePlan,
        _source: ModelSource<'_>,
        _observer: &dyn Observer,
        _stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        if plan.paced.is_empty() {
            return Err(Failure::lacking(anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
                .hint("build it with its default features: cargo build --release"));
        }
        Ok(Self { _none: () })
    }

    /// The paced responder of the settings at this index of the plan.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(in super::super) fn responder(&self, plan: &PipelinePlan, at: usize) -> ResponderConfig<'static> {
        let slow = PaceSpec { prompt_per_s: 1.0, tokens_per_s: 1.0, build_ms: 0.0, hold_ms: 0.0 };
        paced(&plan.paced, at).unwrap_or_else(|| ResponderConfig::paced(slow))
    }

    /// `None`: a simulated model has no vocabulary.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(crate) fn tokens(&self) -> Option<fn(&str) -> usize> {
        None
    }

    /// Empty: a simulated model uses no GPU.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(in super::super) fn cards(&self) -> &[GpuMemoryNeed] {
        &[]
    }

    /// The models' part of the record's subject.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(in super::super) fn subject(&self, plan: &PipelinePlan) -> Value {
        paced_subject(plan)
    }

    /// Marks that no model was measured.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(in super::super) fn simulated(&self, plan: &PipelinePlan) -> Vec<Simulation> {
        vec![paced_simulation(&plan.paced)]
    }

    /// No warnings.
    #[allow(clippy::unused_self)] // Same signature as with llama.cpp.
    pub(in super::super) fn warnings(&self, _plan: &PipelinePlan) -> Vec<String> {
        Vec::new()
    }
}
