//! The study that loads nothing: llama.cpp's projection of placements, for this machine or for other GPUs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::model_check::{Use, check_model_file};
use super::super::observer::Observer;
use super::super::setup::{chat_model, synthetic_weights};
use super::super::study::{RunContext, RunManifest, StopReason, Study, planned};
use super::gpus::{SizedGpu, TableSizes, founding_table, picked};
use super::projection_cases::{cases, findings};
use super::projections::{Projections, budget, card_budget, gpus, project_placements};
use super::subject::{concerns, subject};
use crate::failure::Failure;
use crate::llm::engine::{Backend, ContextSpec, EngineError, PlacementTarget, Projection, project};
use crate::llm::{ModelFacts, ModelOutline, ResolvedProfile};
use crate::plan::{GpuProfilesPlan, ModelChoice, card_name};
use crate::record::{Case, Run};

/// Memory sizes projected for if there is no GPU and none was given, in GiB.
const USUAL_CARDS: [u64; 5] = [4, 6, 8, 12, 24];

/// Memory of one of the application's profiles on a GPU.
#[derive(Debug)]
pub(super) struct ProfileNeed {
    /// Its name.
    pub(super) name: String,
    /// Its memory.
    pub(super) projection: Projection,
}

impl ProfileNeed {
    /// GPU memory, in bytes.
    pub(super) fn device_bytes(&self) -> u64 {
        self.projection.on_devices().total_bytes()
    }
}

/// The projections so far.
#[derive(Debug, Default)]
pub(crate) struct ProjectionResult {
    projections: Option<Projections>,
    needs: Vec<ProfileNeed>,
}

/// Projected memory by the number of layers on a GPU.
pub(crate) struct ProjectionStudy {
    plan: GpuProfilesPlan,
    choice: ModelChoice,
    outline: ModelOutline,
    facts: ModelFacts,
    backend: &'static Backend,
    target: PlacementTarget,
    cards: Vec<SizedGpu>,
    is_without_gpu: bool,
}

impl ProjectionStudy {
    /// Checks the model's header and resolves the GPUs.
    pub(crate) fn prepare(
        plan: GpuProfilesPlan,
        choice: ModelChoice,
        backend: &'static Backend,
        observer: &dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        let outline = ModelOutline::of(&choice.model).map_err(|error| {
            Failure::failed(anyhow::Error::new(error).context("cannot write the header of a synthetic model"))
                .hint("it is written to the folder for temporary files")
        })?;
        let (files, facts) = chat_model(outline.path())?;
        if !choice.model.is_synthetic() {
            check_model_file(&files, Use::header(0), observer, stop)?;
        }
        let here = gpus(backend);
        let sizes = match (plan.cards_bytes.as_slice(), here.as_slice()) {
            ([], []) => USUAL_CARDS.map(|gib| gib << 30).to_vec(),
            (cards, _) => cards.to_vec(),
        };
        let (target, cards) = match sizes.iter().max() {
            Some(&memory_bytes) => {
                let card = |&bytes: &u64| Ok(SizedGpu { name: card_name(bytes), budget: card_budget(bytes, &plan)? });
                (PlacementTarget::Card { memory_bytes }, sizes.iter().map(card).collect::<Result<_, Failure>>()?)
            }
            None => (
                PlacementTarget::Machine,
                vec![SizedGpu { name: here[0].description.clone(), budget: budget(&here, &plan)? }],
            ),
        };
        Ok(Self { plan, choice, outline, facts, backend, target, cards, is_without_gpu: here.is_empty() })
    }
}

impl Study for ProjectionStudy {
    type Data = ProjectionResult;
    /// Nothing to load: only a header is read.
    type Target = ();

    fn manifest(&self, (): &()) -> Result<RunManifest, Failure> {
        let name = self.choice.model.to_string();
        Ok(RunManifest {
            command: "gpu-profiles",
            plan: planned(&self.plan)?,
            subject: subject(&name, self.choice.found_by, &self.facts, self.backend, self.target),
            simulated: synthetic_weights(&self.facts),
            warnings: concerns(&self.facts, &self.plan),
        })
    }

    fn run(
        &self,
        (): &mut (),
        result: &mut ProjectionResult,
        context: &mut RunContext<'_, ProjectionResult>,
    ) -> Result<StopReason, Failure> {
        let path = self.outline.path();
        let projections = project_placements(self.backend, path, &self.plan, self.target, context.stop)?;
        let target = projections.target;
        result.projections = Some(projections);
        for profile in &self.facts.profiles {
            result.needs.push(need(self.backend, path, profile, target, context.stop)?);
        }
        Ok(StopReason::Planned)
    }

    fn cases(&self, result: &ProjectionResult, _: Option<StopReason>) -> Vec<Case> {
        let Some(projections) = &result.projections else { return Vec::new() };
        cases(projections, &result.needs, &picked(projections, &self.cards))
    }

    fn findings(&self, result: &ProjectionResult, _: &Run, _: StopReason) -> Vec<String> {
        let Some(projections) = &result.projections else { return Vec::new() };
        let picked = picked(projections, &self.cards);
        let mut findings = findings(projections, &self.facts, &picked, self.is_without_gpu);
        if let (PlacementTarget::Card { .. }, Some(card)) = (self.target, self.cards.first()) {
            let sizes = TableSizes { model_bytes: self.facts.file_bytes, reserve_bytes: card.budget.reserve_bytes };
            findings.extend(founding_table(projections, &result.needs, sizes));
        }
        findings
    }
}

/// Memory of one of the application's profiles, with its own context and batch.
fn need(
    backend: &'static Backend,
    path: &Path,
    profile: &ResolvedProfile,
    target: PlacementTarget,
    stop: &AtomicBool,
) -> Result<ProfileNeed, Failure> {
    if stop.load(Ordering::Relaxed) {
        return Err(EngineError::Stopped { done: 0 }.into());
    }
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let n_batch = small(profile.asked.n_batch);
    let spec = ContextSpec {
        n_ctx: small(profile.asked.n_ctx),
        n_batch,
        n_ubatch: n_batch.min(512),
        ..ContextSpec::default()
    };
    let layers = small(profile.resolved_gpu_layers.unwrap_or(0));
    let projection = project(backend, path, layers, &spec, target)?;
    Ok(ProfileNeed { name: profile.asked.name.clone(), projection })
}
