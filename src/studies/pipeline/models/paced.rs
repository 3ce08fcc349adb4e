//! Simulated models of known speed.

use serde_json::{Value, json};

use super::super::responder::ResponderConfig;
use crate::measure::PaceSpec;
use crate::plan::PipelinePlan;
use crate::record::Simulation;

/// The paced responder of the settings at this index: one for both sides, or one for each.
pub(super) fn paced(specs: &[PaceSpec], at: usize) -> Option<ResponderConfig<'static>> {
    specs.get(at).or(specs.last()).map(|spec| ResponderConfig::paced(*spec))
}

/// Its part of the record's subject.
pub(super) fn paced_subject(plan: &PipelinePlan) -> Value {
    json!({ "model_type": "simulated model of known speed", "paced": texts(&plan.paced) })
}

/// Marks that no model was measured.
pub(super) fn paced_simulation(specs: &[PaceSpec]) -> Simulation {
    Simulation {
        what: "model of known speed".into(),
        parameters: format!("{} tokens a second", texts(specs).join(", ")),
    }
}

fn texts(specs: &[PaceSpec]) -> Vec<String> {
    specs.iter().map(ToString::to_string).collect()
}
