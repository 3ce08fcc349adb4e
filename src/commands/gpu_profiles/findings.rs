//! What the sweep comes to, in words: how many layers to place, how sure that is, and what to know about it.

use super::cases::{error_percent, samples};
use super::command::Known;
use super::only_project::{PROFILES_ALONE, same_in_truth};
use super::sweep::{Ended, Placed, Swept};
use crate::advise::{Candidate, Certainty, ThreadChoice, cliffs, gib};
use crate::llm::ModelFacts;
use crate::llm::engine::DeviceKind;
use crate::measure::{Test, TokenSample};
use crate::plan::{GpuProfilesPlan, Rounds};
use crate::plural::{counted, verb_for};

/// A fall in speed beyond this is a cliff rather than noise, unless the rounds themselves differ by more.
const NOISE: f64 = 0.05;

/// The sentences that lead the report.
pub(super) fn findings(plan: &GpuProfilesPlan, known: &Known, facts: &ModelFacts, swept: &Swept) -> Vec<String> {
    let mut findings = Vec::new();
    if known.gpus.is_empty() {
        findings.push(
            "This machine has no GPU that this build can use: only the CPU was measured. --vram 4GiB,6GiB,8GiB answers for \
             cards that are not here."
                .into(),
        );
    }
    findings.extend(known.foreseen.gave_up.clone());
    findings.extend(fastest(swept));
    findings.extend(fit(known));
    findings.push(PROFILES_ALONE.into());
    findings.extend(swept.placed.iter().filter_map(|placed| {
        let why = placed.failed.as_ref()?;
        Some(format!("{} failed: {why}. The sweep went on.", counted(placed.n_gpu_layers, "layer")))
    }));
    findings.extend(cliff_words(swept));
    findings.extend(error_words(swept));
    findings.extend(same_in_truth(facts));
    findings.push(ending(plan, swept));
    findings
}

/// The fewest layers that are as fast as any.
fn fastest(swept: &Swept) -> Option<String> {
    let speeds = |placed: &Placed, test| samples(placed, test).iter().map(TokenSample::tokens_per_s).collect();
    let of = |test| {
        let measured = swept.placed.iter().filter(|placed| placed.outcomes.len() == swept.rounds as usize);
        let candidates: Vec<Candidate> = measured
            .map(|placed| Candidate { threads: placed.n_gpu_layers, tokens_per_s: speeds(placed, test) })
            .collect();
        ThreadChoice::among(&candidates).map(|choice| (choice, candidates))
    };
    let (choice, candidates) = of(Test::Generation)?;
    let median = |layers: u32| {
        let speeds = &candidates.iter().find(|candidate| candidate.threads == layers)?.tokens_per_s;
        let mut sorted = speeds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    };
    let sure = match choice.certainty {
        Certainty::Clear => "",
        Certainty::Likely => ", likely: another may be faster, by a tenth at most",
        Certainty::Noisy => ", but the machine was too noisy to be sure",
        Certainty::TooFewRounds => "; too few rounds for an interval",
    };
    let n = swept.rounds;
    let layers = counted(choice.threads, "layer") + verb_for(&choice.threads, " generates", " generate");
    if candidates.len() < 2 {
        return Some(format!("{layers} {:.1} tokens/s (n {n}).", median(choice.threads)?));
    }
    let tie = if choice.threads == choice.fastest { "the fastest" } else { "as fast as any with more" };
    Some(format!("{layers} {:.1} tokens/s (n {n}), {tie}{sure}.", median(choice.threads)?))
}

/// What fits, and over what it was picked.
fn fit(known: &Known) -> Vec<String> {
    let Some(budget) = &known.budget else { return Vec::new() };
    let mut words = match &known.pick {
        Some(pick) => vec![format!("{} kept free: {}", gib(budget.reserve_bytes), pick.why())],
        None => vec![format!("{} kept free: nothing fits on the GPU.", gib(budget.reserve_bytes))],
    };
    words.extend(known.pick.as_ref().and_then(crate::advise::PlacementPick::why_not_runner_up));
    if known.gpus.iter().any(|gpu| gpu.kind == DeviceKind::IntegratedGpu) {
        words.push("The GPU is part of the processor: its memory is the machine's, and every layer costs both.".into());
    }
    words
}

/// Where speed fell although more layers were placed.
fn cliff_words(swept: &Swept) -> Vec<String> {
    let mut words = Vec::new();
    for test in [Test::Prompt, Test::Generation] {
        let mut speeds = Vec::new();
        let mut noise = NOISE;
        for placed in swept.placed.iter().filter(|placed| !placed.outcomes.is_empty()) {
            let mut rounds: Vec<f64> = samples(placed, test).iter().map(TokenSample::tokens_per_s).collect();
            rounds.sort_by(f64::total_cmp);
            let median = rounds[rounds.len() / 2];
            noise = noise.max((rounds[rounds.len() - 1] - rounds[0]) / median.max(f64::MIN_POSITIVE));
            speeds.push((placed.n_gpu_layers, median));
        }
        words.extend(cliffs(&speeds, noise).into_iter().map(|(from, to, change)| {
            format!(
                "Cliff: {} falls by {:.0} % from {from} to {to} layers. A driver that moves memory out to the machine does that; \
                 so does a device that is slower than the CPU.",
                test.word(),
                -100.0 * change
            )
        }));
    }
    words
}

/// How good the projection was.
fn error_words(swept: &Swept) -> Option<String> {
    let errors: Vec<(u32, f64)> =
        swept.placed.iter().filter_map(|placed| Some((placed.n_gpu_layers, error_percent(placed)?))).collect();
    let (layers, worst) = errors.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    Some(format!(
        "The projection of the GPU's buffers was at most {:.1} % off (at {}; n {}).",
        worst.abs(),
        counted(*layers, "layer"),
        counted(errors.len(), "placement")
    ))
}

fn ending(plan: &GpuProfilesPlan, swept: &Swept) -> String {
    let why = match (swept.ended, plan.rounds) {
        (Ended::Interrupted, _) => "interrupted",
        (Ended::Budget, _) => "the budget was spent",
        (Ended::Nothing, _) => "nothing was left to measure",
        (Ended::Repetitions, Rounds::Repetitions(_) | Rounds::BudgetS(_)) => "as planned",
    };
    format!(
        "{} of every placement in random order, each in a process of its own, the file in the page cache (warm): {why}.",
        counted(swept.rounds, "round")
    )
}
