//! Stand-ins of known speed, in place of models.

use serde_json::{Value, json};

use super::super::voices::Voice;
use crate::measure::PacedSpec;
use crate::plan::PipelinePlan;
use crate::record::Simulation;

/// The stand-in of the settings at that place: one for both, or one for each.
pub(super) fn paced(specs: &[PacedSpec], at: usize) -> Option<Voice<'static>> {
    specs.get(at).or(specs.last()).map(|spec| Voice::paced(*spec))
}

/// The record's part of a stand-in.
pub(super) fn paced_subject(plan: &PipelinePlan) -> Value {
    json!({ "model_type": "stand-in of known speed", "paced": texts(&plan.paced) })
}

/// They stand in for a model.
pub(super) fn paced_simulation(specs: &[PacedSpec]) -> Simulation {
    Simulation {
        what: "model of known speed".into(),
        parameters: format!("{} tokens a second", texts(specs).join(", ")),
    }
}

fn texts(specs: &[PacedSpec]) -> Vec<String> {
    specs.iter().map(ToString::to_string).collect()
}
