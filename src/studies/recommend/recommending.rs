//! Gathers the input, applies the rules, writes the record.

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde_json::json;

use super::super::observer::Observer;
use super::super::recorder::Recorder;
use super::super::study::RunManifest;
use super::cases::case;
use super::evidence::{self, SavedEvidence};
use super::facts::{self, RecommendedModel};
use crate::advise::{
    ProfileChange, RECOMMENDATION_SCHEMA, Recommendation, gains, measured_in_place, noise_behind, recommend as choose,
};
use crate::failure::Failure;
use crate::plan::RecommendPlan;
use crate::record::{RunState, Simulation};

/// Recommends. `warning` is about the configuration. The driver of the other studies does not fit: measurements have
/// their own records, and this one is created from them afterwards.
pub(crate) fn recommend(
    plan: &RecommendPlan,
    warning: Option<String>,
    out: Option<&Path>,
    observer: Rc<dyn Observer>,
    stop: &AtomicBool,
) -> Result<(Recorder, Recommendation), Failure> {
    let model = facts::model(plan, &*observer, stop)?;
    let mut evidence = evidence::gather(plan, model.as_ref(), &*observer, stop)?;
    evidence.warnings.extend(warning);
    let input = facts::input(plan, model.as_ref(), stop)?;
    let (choices, mut not_known) = choose(&input, &evidence.runs);
    let application = ProfileChange::of(&input, &choices);
    let (gains, unknown_gain) = gains(&choices, application.as_ref(), &evidence.runs);
    not_known.extend(unknown_gain);

    let simulated = simulated(&evidence, model.as_ref());
    let manifest = manifest(plan, &evidence, model.as_ref(), &simulated);
    let mut recorder = Recorder::start(out, manifest, observer)?;
    recorder.run.machine_noise = noise_behind(&choices, &evidence.runs);
    let recommendation = Recommendation {
        schema: RECOMMENDATION_SCHEMA,
        run_id: recorder.run.run_id.clone(),
        tool: format!("workly-perf {}", recorder.run.build.version),
        created: Timestamp::now(),
        objective: input.objective,
        simulated,
        application,
        gains,
        in_place: measured_in_place(&evidence.runs),
        choices,
        not_known,
    };
    recorder.run.findings = recommendation.sentences();
    recorder.run.cases = recommendation.choices.iter().map(|choice| case(choice, &evidence.runs)).collect();
    recorder.run.state = RunState::Complete;
    recorder.recommendation(&recommendation);
    recorder.finish()?;
    Ok((recorder, recommendation))
}

fn manifest(
    plan: &RecommendPlan,
    evidence: &SavedEvidence,
    model: Option<&RecommendedModel>,
    simulated: &[Simulation],
) -> RunManifest {
    let runs: Vec<&str> = evidence.runs.iter().map(|run| run.run_id.as_str()).collect();
    let concerns = model.map(RecommendedModel::concerns).unwrap_or_default();
    RunManifest {
        command: "recommend",
        plan: json!({
            "objective": plan.objective.word(),
            "budget": plan.budget(),
            "runs": runs,
            "vram_bytes": plan.vram_bytes,
        }),
        subject: json!({
            "model_filename": model.map(RecommendedModel::name),
            "header_hash": model.map(|model| model.facts.header_hash.as_str()),
        }),
        simulated: simulated.to_vec(),
        warnings: [evidence.warnings.clone(), concerns].concat(),
    }
}

/// Simulated parts of the runs used, each once.
fn simulated(evidence: &SavedEvidence, model: Option<&RecommendedModel>) -> Vec<Simulation> {
    let own = model.into_iter().flat_map(RecommendedModel::simulated);
    let mut all: Vec<Simulation> = Vec::new();
    for part in own.chain(evidence.runs.iter().flat_map(|run| run.simulated.clone())) {
        if !all.contains(&part) {
            all.push(part);
        }
    }
    all
}
