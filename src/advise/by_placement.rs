//! Where the model goes: GPU profile, layers, context and KV cache. From llama.cpp's projection, or else from the
//! model's header.

use serde_json::Value;

use super::by_gpu_runs::LayersResult;
use super::recommendation::{Basis, Choice, Confidence, Evidence, Objective, Setting};
use super::recommendation_input::{ContextFootprint, GpuInput, ModelNeeds, ProfileRequirement, RecommendationInput};
use crate::record::Run;
use crate::text::gib;

const GIB: u64 = 1 << 30;

/// The profile that puts nothing on a GPU.
const ON_CPU: &str = "cpu_fallback";

/// If nothing else fits, up to this share of the free memory is used, and the fit is called tight.
const TIGHT_SHARE: f64 = 0.95;

/// How well a profile fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProfileFit {
    /// With space for the avatar and the desktop.
    Roomy,
    /// Barely.
    Tight,
    /// Does not fit.
    No,
}

/// A profile with its memory use.
struct RequestedProfile<'a> {
    profile: &'a ProfileRequirement,
    layers: u64,
    bytes: u64,
    fit: ProfileFit,
    /// Whether it would fit with a `q8_0` cache, which the application has no setting for.
    fits_with_q8_0: bool,
}

/// The choices for profile, layers, context, batch, cache and flash attention, with the evidence of runs.
pub(super) fn choices(input: &RecommendationInput, runs: &[Run]) -> Vec<Choice> {
    let mut choices = foreseen(input);
    let layers = choices.iter().find(|choice| choice.setting == Setting::NGpuLayers);
    let layers = layers.and_then(|choice| choice.value.as_ref()?.as_u64());
    let Some(tried) = layers.and_then(|layers| LayersResult::newest(runs, layers)) else { return choices };
    if let Some(model) = input.model.as_ref().filter(|_| tried.is_no_gain()) {
        choices =
            on_cpu(input, model, Confidence::Sure, ("the GPU was measured to be slower than the CPU alone", 0), &[]);
    }
    tried.cite(&mut choices);
    choices
}

/// From the memory use of the placements alone.
fn foreseen(input: &RecommendationInput) -> Vec<Choice> {
    let Some(model) = &input.model else { return kept("no model was named") };
    let (total, free) = match &input.card {
        GpuInput::NotKnown { reason } => return kept(reason),
        GpuInput::None => {
            let reason = "there is no GPU that llama.cpp can use";
            return on_cpu(input, model, Confidence::Sure, (reason, 0), &[]);
        }
        GpuInput::Here { total_bytes, free_bytes } => {
            (*total_bytes, free_bytes.unwrap_or(*total_bytes).min(*total_bytes))
        }
    };
    let budget = free.saturating_sub(reserve(input, total));
    let asked: Vec<RequestedProfile> = input
        .profiles
        .iter()
        .filter(|profile| profile.name != ON_CPU)
        .filter_map(|profile| asked(model, profile, budget, free))
        .collect();
    if asked.is_empty() {
        return kept("the model file does not tell the size of its layers");
    }
    let wanted = |fit: ProfileFit| asked.iter().filter(move |one| one.fit == fit);
    let chosen = match input.objective {
        // A tight fit leaves nothing for a game.
        Objective::Light => wanted(ProfileFit::Roomy).min_by_key(|one| one.bytes),
        _ => wanted(ProfileFit::Roomy)
            .max_by_key(|one| one.bytes)
            .or_else(|| wanted(ProfileFit::Tight).min_by_key(|one| one.bytes)),
    };
    if let Some(chosen) = chosen {
        return on_card(model, chosen, &asked, free);
    }
    let least = asked.iter().map(|one| one.bytes).min().unwrap_or(0);
    let reason = format!("the smallest other profile needs {}, and {} are available", gib(least), gib(budget));
    on_cpu(input, model, Confidence::Likely, (&reason, layers_within(model, budget)), &asked)
}

/// Memory kept free for the avatar, the desktop and other programs.
fn reserve(input: &RecommendationInput, total: u64) -> u64 {
    match input.objective {
        Objective::Fast => GIB / 2,
        Objective::Responsive => GIB,
        Objective::Light => (total / 2).max(2 * GIB),
    }
}

fn asked<'a>(
    model: &'a ModelNeeds,
    profile: &'a ProfileRequirement,
    budget: u64,
    free: u64,
) -> Option<RequestedProfile<'a>> {
    let layers = profile.layers?;
    let of = |kv_type: &str| footprint(model, profile, kv_type)?.card_bytes.get(usize::try_from(layers).ok()?).copied();
    let bytes = of("f16")?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of an integer.
    let tight = (free as f64 * TIGHT_SHARE) as u64;
    let fit = match bytes {
        bytes if bytes <= budget => ProfileFit::Roomy,
        bytes if bytes <= tight => ProfileFit::Tight,
        _ => ProfileFit::No,
    };
    let fits_with_q8_0 = fit != ProfileFit::Roomy && of("q8_0").is_some_and(|smaller| smaller <= budget);
    Some(RequestedProfile { profile, layers, bytes, fit, fits_with_q8_0 })
}

fn footprint<'a>(model: &'a ModelNeeds, profile: &ProfileRequirement, kv_type: &str) -> Option<&'a ContextFootprint> {
    let is_it = |one: &&ContextFootprint| {
        one.n_ctx == profile.n_ctx && one.n_batch == profile.n_batch && one.kv_type == kv_type
    };
    model.footprints.iter().find(is_it)
}

/// The most layers that fit with the smallest context.
fn layers_within(model: &ModelNeeds, budget: u64) -> u64 {
    let smallest =
        model.footprints.iter().filter(|one| one.kv_type == "f16").min_by_key(|one| (one.n_ctx, one.n_batch));
    let fitting = smallest.and_then(|one| one.card_bytes.iter().rposition(|&bytes| bytes <= budget));
    fitting.unwrap_or(0) as u64
}

fn on_card(model: &ModelNeeds, chosen: &RequestedProfile, all: &[RequestedProfile], free: u64) -> Vec<Choice> {
    let is_full = model.footprints.first().is_some_and(|one| chosen.layers + 1 >= one.card_bytes.len() as u64);
    let whole = if is_full { "all" } else { "not all" };
    let room = free.saturating_sub(chosen.bytes);
    let (fits, confidence) = match chosen.fit {
        ProfileFit::Roomy => ("fits", Confidence::Likely),
        _ => ("barely fits", Confidence::Guess),
    };
    let evidence = vec![Evidence {
        run: String::new(),
        case: format!("{} on a card", chosen.profile.name),
        metric: "vram_projected".into(),
        unit: "bytes".into(),
        value: chosen.bytes as f64,
        n: 1,
        interval: None,
    }];
    let runner_up = all
        .iter()
        .filter(|one| one.profile.name != chosen.profile.name)
        .max_by_key(|one| (one.fit != ProfileFit::No, one.bytes));
    let rival = runner_up.map_or_else(String::new, |one| {
        let verb = if one.fit == ProfileFit::No { "would need" } else { "needs" };
        format!("; {} {verb} {}", one.profile.name, gib(one.bytes))
    });
    let basis = model.footprint_basis;
    let profile = Choice {
        basis,
        evidence,
        confidence,
        ..Choice::by_rule(
            Setting::GpuProfile,
            chosen.profile.name.as_str(),
            format!("{whole} of its layers need {}, which {fits} into {}{rival}", gib(chosen.bytes), gib(free)),
        )
        .costing(format!("{} of GPU memory; {} remain free", gib(chosen.bytes), gib(room)))
    };
    let mut choices = vec![
        profile,
        Choice {
            basis,
            confidence,
            ..Choice::by_rule(
                Setting::NGpuLayers,
                chosen.layers,
                format!("the layers of {} with this model", chosen.profile.name),
            )
        },
    ];
    choices.extend(context(model, chosen.profile, basis));
    choices.extend(cache(all));
    choices
}

/// The profile puts nothing on the GPU, for this reason. The layers are what a launcher with settings of its own could
/// place there.
fn on_cpu(
    input: &RecommendationInput,
    model: &ModelNeeds,
    confidence: Confidence,
    (reason, layers): (&str, u64),
    asked: &[RequestedProfile],
) -> Vec<Choice> {
    let mut choices = vec![
        Choice { confidence, ..Choice::by_rule(Setting::GpuProfile, ON_CPU, reason) }.costing("the speed of a GPU"),
    ];
    choices.push(match layers {
        0 => Choice { confidence, ..Choice::by_rule(Setting::NGpuLayers, 0, reason) },
        layers => Choice {
            basis: model.footprint_basis,
            ..Choice::by_rule(
                Setting::NGpuLayers,
                layers,
                "this many fit; Workly's profiles cannot select part of this model, but another launcher can",
            )
        },
    });
    if let Some(profile) = input.profiles.iter().find(|profile| profile.name == ON_CPU) {
        choices.extend(context(model, profile, Basis::Rule));
    }
    choices.extend(cache(asked));
    choices
}

fn context(model: &ModelNeeds, profile: &ProfileRequirement, basis: Basis) -> [Choice; 2] {
    let trained = model.trained_context.unwrap_or(profile.n_ctx).max(1);
    let (n_ctx, reason) = if profile.n_ctx > trained {
        (trained, format!("the model's trained context; {} asks for {}", profile.name, profile.n_ctx))
    } else {
        (profile.n_ctx, format!("the value of {}", profile.name))
    };
    [
        Choice { basis, ..Choice::by_rule(Setting::NCtx, n_ctx, reason) },
        Choice::by_rule(Setting::NBatch, profile.n_batch.min(n_ctx), format!("the value of {}", profile.name)),
    ]
}

/// The application has no setting for the cache type or flash attention: its values are kept unless something was
/// measured.
fn cache(asked: &[RequestedProfile]) -> [Choice; 2] {
    let smaller: Vec<&str> =
        asked.iter().filter(|one| one.fits_with_q8_0).map(|one| one.profile.name.as_str()).collect();
    let kv_type = if smaller.is_empty() {
        "what the application uses; it has no setting for it".into()
    } else {
        format!("the application has no setting for it; {} would fit with q8_0", smaller.join(" and "))
    };
    [
        Choice::by_rule(Setting::KvType, "f16", kv_type),
        Choice::by_rule(
            Setting::FlashAttn,
            "off",
            "what the application uses; on a CPU, flash attention can halve the generation speed as the context fills; \
             it was not measured here",
        ),
    ]
}

/// Everything unchanged, for one reason.
fn kept(reason: &str) -> Vec<Choice> {
    [Setting::GpuProfile, Setting::NGpuLayers, Setting::NCtx, Setting::NBatch, Setting::KvType, Setting::FlashAttn]
        .map(|setting| Choice { value: None, ..Choice::by_rule(setting, Value::Null, reason) })
        .into()
}
