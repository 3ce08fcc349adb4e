//! Where the model goes: the GPU profile, the layers, the context and its cache. By what llama.cpp foresees, else by the
//! arithmetic of the model's header.

use serde_json::Value;

use super::by_gpu_runs::Tried;
use super::bytes::gib;
use super::recommendation::{Basis, Choice, Confidence, Evidence, Objective, Setting};
use super::situation::{Card, Footprint, ModelNeeds, ProfileAsk, Situation};
use crate::record::Run;

const GIB: u64 = 1 << 30;

/// The profile that puts nothing on a card.
const ON_CPU: &str = "cpu_fallback";

/// Where nothing else fits, this share of the free memory is taken and called tight.
const TIGHT_SHARE: f64 = 0.95;

/// How well a profile fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// With room for the avatar and the desktop.
    Roomy,
    /// Just so.
    Tight,
    /// Not.
    No,
}

/// A profile with what it takes.
struct Asked<'a> {
    profile: &'a ProfileAsk,
    layers: u64,
    bytes: u64,
    kv_type: &'static str,
    fit: Fit,
}

/// The choices for profile, layers, context, batch, cache and flash attention, and what runs say of them.
pub(super) fn choices(situation: &Situation, runs: &[Run]) -> Vec<Choice> {
    let mut choices = foreseen(situation);
    let layers = choices.iter().find(|choice| choice.setting == Setting::NGpuLayers);
    let layers = layers.and_then(|choice| choice.value.as_ref()?.as_u64());
    let Some(tried) = layers.and_then(|layers| Tried::newest(runs, layers)) else { return choices };
    if let Some(model) = situation.model.as_ref().filter(|_| tried.is_no_gain()) {
        choices = on_cpu(model, "the card was measured slower than the CPU alone", Confidence::Sure, 0);
    }
    tried.cite(&mut choices);
    choices
}

/// By what a placement takes alone.
fn foreseen(situation: &Situation) -> Vec<Choice> {
    let Some(model) = &situation.model else { return kept("no model was named") };
    let (total, free) = match &situation.card {
        Card::NotKnown { reason } => return kept(reason),
        Card::None => return on_cpu(model, "there is no graphics card that llama.cpp could use", Confidence::Sure, 0),
        Card::Here { total_bytes, free_bytes } => (*total_bytes, free_bytes.unwrap_or(*total_bytes).min(*total_bytes)),
    };
    let budget = free.saturating_sub(reserve(situation, total));
    let asked: Vec<Asked> = model
        .profiles
        .iter()
        .filter(|profile| profile.name != ON_CPU)
        .filter_map(|profile| asked(model, profile, budget, free))
        .collect();
    if asked.is_empty() {
        return kept("the model's file does not say what its layers take");
    }
    let wanted = |fit: Fit| asked.iter().filter(move |one| one.fit == fit);
    let chosen = match situation.objective {
        // Tight is no place to leave anything to a game.
        Objective::Light => wanted(Fit::Roomy).min_by_key(|one| one.bytes),
        _ => wanted(Fit::Roomy).max_by_key(|one| one.bytes).or_else(|| wanted(Fit::Tight).min_by_key(|one| one.bytes)),
    };
    if let Some(chosen) = chosen {
        return on_card(situation, model, chosen, &asked, free);
    }
    let least = asked.iter().map(|one| one.bytes).min().unwrap_or(0);
    let reason = format!("the smallest other profile takes {} of {} that may be used", gib(least), gib(budget));
    on_cpu(model, &reason, Confidence::Likely, layers_within(model, budget))
}

/// What stays free for the avatar, the desktop, and whatever else.
fn reserve(situation: &Situation, total: u64) -> u64 {
    match situation.objective {
        Objective::Fast => GIB / 2,
        Objective::Responsive => GIB,
        Objective::Light => (total / 2).max(2 * GIB),
    }
}

fn asked<'a>(model: &'a ModelNeeds, profile: &'a ProfileAsk, budget: u64, free: u64) -> Option<Asked<'a>> {
    let layers = profile.layers?;
    let of = |kv_type: &str| {
        let footprint = footprint(model, profile, kv_type)?;
        Some((*footprint.card_bytes.get(usize::try_from(layers).ok()?)?, footprint.kv_type))
    };
    let plain = of("f16")?;
    // A smaller cache only where it is what makes the profile fit.
    let (bytes, kv_type) = match of("q8_0") {
        Some(smaller) if plain.0 > budget && smaller.0 <= budget => smaller,
        _ => plain,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of what is an integer already.
    let tight = (free as f64 * TIGHT_SHARE) as u64;
    let fit = match bytes {
        bytes if bytes <= budget => Fit::Roomy,
        bytes if bytes <= tight => Fit::Tight,
        _ => Fit::No,
    };
    Some(Asked { profile, layers, bytes, kv_type, fit })
}

fn footprint<'a>(model: &'a ModelNeeds, profile: &ProfileAsk, kv_type: &str) -> Option<&'a Footprint> {
    let is_it =
        |one: &&Footprint| one.n_ctx == profile.n_ctx && one.n_batch == profile.n_batch && one.kv_type == kv_type;
    model.footprints.iter().find(is_it)
}

/// The most layers that the smallest context leaves room for.
fn layers_within(model: &ModelNeeds, budget: u64) -> u64 {
    let smallest =
        model.footprints.iter().filter(|one| one.kv_type == "f16").min_by_key(|one| (one.n_ctx, one.n_batch));
    let fitting = smallest.and_then(|one| one.card_bytes.iter().rposition(|&bytes| bytes <= budget));
    fitting.unwrap_or(0) as u64
}

fn on_card(situation: &Situation, model: &ModelNeeds, chosen: &Asked, all: &[Asked], free: u64) -> Vec<Choice> {
    let is_full = model.footprints.first().is_some_and(|one| chosen.layers + 1 >= one.card_bytes.len() as u64);
    let whole = if is_full { "all" } else { "not all" };
    let room = free.saturating_sub(chosen.bytes);
    let (fits, confidence) = match chosen.fit {
        Fit::Roomy => ("fits", Confidence::Likely),
        _ => ("fits only just", Confidence::Guess),
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
        .max_by_key(|one| (one.fit != Fit::No, one.bytes));
    let rival = runner_up.map_or_else(String::new, |one| {
        let verb = if one.fit == Fit::No { "would need" } else { "takes" };
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
            format!("{whole} of its layers take {} and that {fits} into {}{rival}", gib(chosen.bytes), gib(free)),
        )
        .costing(format!("{} of video memory, {} stay free", gib(chosen.bytes), gib(room)))
    };
    let mut choices = vec![
        profile,
        Choice {
            basis,
            confidence,
            ..Choice::by_rule(
                Setting::NGpuLayers,
                chosen.layers,
                format!("what {} comes to for this model", chosen.profile.name),
            )
        },
    ];
    choices.extend(context(model, chosen.profile, basis));
    choices.extend(cache(chosen, situation, basis));
    choices
}

/// Nothing on the card by the profile. `layers` is what a launcher with settings of its own could put there.
fn on_cpu(model: &ModelNeeds, reason: &str, confidence: Confidence, layers: u64) -> Vec<Choice> {
    let mut choices = vec![
        Choice { confidence, ..Choice::by_rule(Setting::GpuProfile, ON_CPU, reason) }.costing("the speed of a card"),
    ];
    choices.push(match layers {
        0 => Choice { confidence, ..Choice::by_rule(Setting::NGpuLayers, 0, reason) },
        layers => Choice {
            basis: model.footprint_basis,
            ..Choice::by_rule(
                Setting::NGpuLayers,
                layers,
                "so many fit; Workly's profiles cannot ask for a part of this model, another launcher can",
            )
        },
    });
    if let Some(profile) = model.profiles.iter().find(|profile| profile.name == ON_CPU) {
        choices.extend(context(model, profile, Basis::Rule));
    }
    choices.push(Choice::by_rule(Setting::KvType, "f16", "main memory has room for it"));
    choices.push(Choice::by_rule(Setting::FlashAttn, "auto", "llama.cpp knows where it helps"));
    choices
}

fn context(model: &ModelNeeds, profile: &ProfileAsk, basis: Basis) -> [Choice; 2] {
    let trained = model.trained_context.unwrap_or(profile.n_ctx).max(1);
    let (n_ctx, reason) = if profile.n_ctx > trained {
        (trained, format!("the model was trained for no more, though {} asks for {}", profile.name, profile.n_ctx))
    } else {
        (profile.n_ctx, format!("what {} has", profile.name))
    };
    [
        Choice { basis, ..Choice::by_rule(Setting::NCtx, n_ctx, reason) },
        Choice::by_rule(Setting::NBatch, profile.n_batch.min(n_ctx), format!("what {} has", profile.name)),
    ]
}

fn cache(chosen: &Asked, situation: &Situation, basis: Basis) -> [Choice; 2] {
    if chosen.kv_type == "f16" {
        return [
            Choice { basis, ..Choice::by_rule(Setting::KvType, "f16", "it fits as it is") },
            Choice::by_rule(Setting::FlashAttn, "auto", "llama.cpp knows where it helps"),
        ];
    }
    let room = reserve(situation, 0);
    let reason = format!("only so does {} fit and leave {}", chosen.profile.name, gib(room));
    [
        Choice { basis, ..Choice::by_rule(Setting::KvType, chosen.kv_type, reason) }
            .costing("a little accuracy, which was not measured"),
        Choice::by_rule(Setting::FlashAttn, "on", "a quantised cache needs it"),
    ]
}

/// Everything as it is, for a reason.
fn kept(reason: &str) -> Vec<Choice> {
    [Setting::GpuProfile, Setting::NGpuLayers, Setting::NCtx, Setting::NBatch, Setting::KvType, Setting::FlashAttn]
        .map(|setting| Choice { value: None, ..Choice::by_rule(setting, Value::Null, reason) })
        .into()
}
