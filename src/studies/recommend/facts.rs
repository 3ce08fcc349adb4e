//! Input of the rules: this machine, the model's header, and the current settings of the configuration.

use std::sync::atomic::AtomicBool;

use super::super::model_check::{Use, check_model_file};
use super::super::observer::Observer;
use super::super::setup::{chat_model, synthetic_weights};
#[cfg(feature = "llama")]
use super::measuring::interrupted;
use crate::advise::{GpuInput, RecommendationInput};
use crate::failure::Failure;
use crate::host;
use crate::host::gpu::{GpuAddress, GpuDrivers, supported_vendors};
#[cfg(feature = "llama")]
use crate::llm::engine::EngineError;
use crate::llm::{ModelFacts, ModelOutline, ModelRef};
use crate::plan::{ModelChoice, ModelChoiceError, NeedsError, RecommendPlan, app_profiles, model_needs, usable_counts};
use crate::record::{Fact, GpuSurvey, Simulation};

/// The model to recommend for.
pub(super) struct RecommendedModel {
    pub(super) model: ModelRef,
    pub(super) outline: ModelOutline,
    pub(super) facts: ModelFacts,
}

impl RecommendedModel {
    /// Its name without the user's folders.
    pub(super) fn name(&self) -> String {
        self.model.public_name()
    }

    /// Concerns about the model with the application's shortest context; a longer one need not be chosen.
    pub(super) fn concerns(&self) -> Vec<String> {
        let shortest = self.facts.profiles.iter().map(|profile| profile.asked.n_ctx).min();
        self.facts.concerns(shortest.unwrap_or(0))
    }

    /// Marks random weights.
    pub(super) fn simulated(&self) -> Vec<Simulation> {
        synthetic_weights(&self.facts)
    }
}

/// The model of `--model`, otherwise of the configuration. Without one, the settings that need it stay unchanged.
pub(super) fn model(
    plan: &RecommendPlan,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<RecommendedModel>, Failure> {
    let choice = match ModelChoice::find(plan.model.as_ref(), plan.config.as_deref()) {
        Ok(choice) => choice,
        Err(error @ (ModelChoiceError::NotNamed { .. } | ModelChoiceError::Missing { .. })) if plan.model.is_none() => {
            observer.warning(&format!(
                "{error}: settings that depend on the model keep their values; --model names a model"
            ));
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let outline = ModelOutline::of(&choice.model)
        .map_err(|error| Failure::lacking(anyhow::Error::new(error).context("cannot write the model's header")))?;
    let (files, facts) = chat_model(outline.path())?;
    if !choice.model.is_synthetic() {
        check_model_file(&files, Use::header(0), observer, stop)?;
    }
    Ok(Some(RecommendedModel { model: choice.model, outline, facts }))
}

/// All facts combined.
pub(super) fn input(
    plan: &RecommendPlan,
    model: Option<&RecommendedModel>,
    stop: &AtomicBool,
) -> Result<RecommendationInput, Failure> {
    let machine = host::machine();
    let topology = host::topology();
    // No rule for a machine that does not report its CPUs.
    let cores = topology.logical_cpus.value().map(|_| usable_counts(&topology));
    let card = card(plan.vram_bytes, &machine.gpus);
    let card_bytes = match &card {
        GpuInput::Here { total_bytes, .. } => Some(*total_bytes),
        _ => None,
    };
    let needs =
        |model: &RecommendedModel| model_needs(&model.name(), model.outline.path(), &model.facts, card_bytes, stop);
    Ok(RecommendationInput {
        objective: plan.objective,
        physical_cores: cores.map(|(cores, _)| cores.into()),
        logical_cpus: cores.map(|(_, cpus)| cpus.into()),
        memory_bytes: machine.memory_bytes.value().copied(),
        model: model.map(needs).transpose()?,
        profiles: app_profiles(model.map(|model| &model.facts), machine.logical_cpus.value().copied()),
        card,
        current_profile: plan.current.profile.clone(),
        current: plan.current.performance.clone(),
    })
}

/// The named GPU, otherwise the largest that the driver reports.
pub(in crate::studies) fn card(vram_bytes: Option<u64>, gpus: &GpuSurvey) -> GpuInput {
    match vram_bytes {
        Some(0) => return GpuInput::None,
        Some(total_bytes) => return GpuInput::Here { total_bytes, free_bytes: Some(total_bytes) },
        None => {}
    }
    let not_known = |what: String| GpuInput::NotKnown { reason: format!("{what}; set it with --vram GIB") };
    let sized = gpus.devices.iter().filter_map(|gpu| Some((gpu, *gpu.vram_bytes.value()?)));
    let whole = sized.filter(|(gpu, _)| gpu.split.value() != Some(&true));
    if let Some((gpu, total_bytes)) = whole.max_by_key(|(_, bytes)| *bytes) {
        let address = GpuAddress { index: gpu.index, mig: gpu.mig };
        let reading = GpuDrivers::open().and_then(|drivers| drivers.read(address));
        return GpuInput::Here {
            total_bytes,
            free_bytes: reading.ok().and_then(|reading| reading.vram_free_bytes.value().copied()),
        };
    }
    if let Some(gpu) = gpus.devices.iter().find(|gpu| gpu.mig.is_none()) {
        let why = gpu.vram_bytes.missing().unwrap_or_else(|| "known only for its partitions".into());
        return not_known(format!("the memory of {} is {why}", gpu.name));
    }
    match (&gpus.library, &gpus.others) {
        (Fact::Unsupported, Fact::Value(others)) if others.is_empty() => GpuInput::None,
        (_, Fact::Value(others)) if !others.is_empty() => {
            not_known(format!("the memory of {} cannot be read", others.join(", ")))
        }
        (library, _) => {
            let missing = library.missing().unwrap_or_else(|| "loaded but reports no GPU".into());
            not_known(format!("the {} driver's library is {missing}", supported_vendors()))
        }
    }
}

impl From<NeedsError> for Failure {
    fn from(error: NeedsError) -> Self {
        match error {
            #[cfg(feature = "llama")]
            NeedsError::Engine(EngineError::Stopped { .. }) => interrupted(),
            #[cfg(feature = "llama")]
            NeedsError::Engine(error) => error.into(),
        }
    }
}
