//! All rules together: what is recommended, and what is not known.

use super::by_bridge::{ipc, warm_start};
use super::by_threads::TTFT_TARGET_MS;
use super::obeyed::ProfileChange;
use super::recommendation::{Basis, Choice, Confidence, Objective, Setting};
use super::recommendation_input::{GpuInput, RecommendationInput};
use super::threads_by_rule::why_by_rule;
use super::{by_launch, by_noise, by_placement, by_threads, ipc_rules};
use crate::record::Run;

/// The choices for an input, from runs in order of their start, and what is not known.
#[must_use]
pub fn recommend(input: &RecommendationInput, runs: &[Run]) -> (Vec<Choice>, Vec<String>) {
    let mut choices = by_placement::choices(input, runs);
    // Measurements take precedence over rules.
    let engine = by_threads::choices(input, runs);
    choices.retain(|choice| engine.iter().all(|measured| measured.setting != choice.setting));
    choices.extend(engine);
    by_launch::context(input, &mut choices, runs);
    choices.sort_by_key(|choice| choice.setting);
    choices.push(warm_start(input, runs));
    let [mode, window] = ipc(runs);
    choices.push(match ipc_rules::mode(runs) {
        // The latency of a lone command is added, however reactions are sent.
        Some(compared) => Choice { evidence: [compared.evidence, mode.evidence].concat(), ..compared },
        None => mode,
    });
    choices.push(ipc_rules::window(runs).unwrap_or(window));
    if let Some(change) = ProfileChange::of(input, &choices) {
        for choice in &mut choices {
            choice.application = change.to.value(choice.setting);
        }
    }
    by_launch::application(&mut choices, runs);
    by_noise::lower(&mut choices, runs);
    let not_known = not_known(input, &choices, runs);
    (choices, not_known)
}

fn not_known(input: &RecommendationInput, choices: &[Choice], runs: &[Run]) -> Vec<String> {
    let mut sentences = Vec::new();
    let of = |setting: Setting| choices.iter().find(|choice| choice.setting == setting);
    match &input.card {
        GpuInput::NotKnown { reason } => sentences.push(format!("Whether there is a GPU: {reason}.")),
        GpuInput::Here { free_bytes: None, .. } => {
            sentences.push("How much GPU memory is free: all of it was assumed to be free.".into());
        }
        GpuInput::Here { .. } if !was_measured(of(Setting::NGpuLayers)) => {
            sentences.push("How fast each placement is: memory was projected; speed was not measured.".into());
        }
        GpuInput::Here { .. } | GpuInput::None => {}
    }
    if of(Setting::NThreads).is_some_and(|choice| choice.basis == Basis::Rule) {
        sentences.push(format!("Which thread count is fastest here: {}.", why_by_rule(runs)));
    }
    let layers = of(Setting::NGpuLayers).and_then(|choice| choice.value.as_ref()?.as_u64());
    if layers.is_some_and(|layers| layers > 0) {
        sentences
            .push("Which thread count is best with layers on the GPU: threads measures the model on the CPU.".into());
    }
    let ttft = of(Setting::NThreadsBatch).and_then(|choice| choice.evidence.iter().find(|one| one.metric == "ttft"));
    match ttft {
        Some(ttft) if input.objective == Objective::Responsive && ttft.value > TTFT_TARGET_MS => {
            sentences.push(format!(
                "How to get the first token within {TTFT_TARGET_MS:.0} ms: the best measured setting takes {:.0} ms.",
                ttft.value
            ));
        }
        None => sentences.push("How long the first token takes.".into()),
        Some(_) => {}
    }
    if of(Setting::IpcMode).is_some_and(|choice| choice.confidence == Confidence::Guess && choice.basis == Basis::Rule)
    {
        sentences.push("How long a command to the avatar takes: it is only measured if a bridge is listening.".into());
    }
    if !was_measured(of(Setting::WarmStart)) {
        sentences.push("How long a cold start takes, and how much warming saves: run warmup.".into());
    }
    if !was_measured(of(Setting::IpcMode)) {
        sentences.push("How long the command takes that Workly sends for an answer: run ipc --reaction.".into());
    }
    if !was_measured(of(Setting::BatchWindowMs)) {
        sentences.push("What batches gain on a bridge that executes them: run ipc --batch.".into());
    }
    sentences
}

/// Whether two strategies were compared, not just one measured.
fn was_measured(choice: Option<&Choice>) -> bool {
    choice
        .is_some_and(|choice| choice.basis == Basis::Measured && (choice.margin.is_some() || choice.evidence.len() > 1))
}
