//! Simulated parts of a run concerning the model.

use crate::llm::ModelFacts;
use crate::record::Simulation;

/// Random weights are marked in every output.
pub(crate) fn synthetic_weights(facts: &ModelFacts) -> Vec<Simulation> {
    let marked = facts.synthetic.as_ref().map(|mark| {
        let seed = mark.seed.map_or_else(|| "unknown".into(), |seed| seed.to_string());
        let parameters = format!("shape {}, seed {seed}", mark.shape.as_deref().unwrap_or("unknown"));
        Simulation { what: "synthetic weights".into(), parameters }
    });
    marked.into_iter().collect()
}
