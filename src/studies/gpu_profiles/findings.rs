//! The findings of the sweep: how many layers to place, how certain that is, and what else matters.

use super::super::study::StopReason;
use super::cases::error_percent;
use super::projection_cases::{PROFILES_ALONE, same_placements};
use super::study::PreparedSweep;
use super::sweep::{PlacementSamples, PlacementSweepResult};
use crate::advise::{Certainty, PlacementPick, ThreadCandidate, ThreadChoice, cliffs};
use crate::llm::ModelFacts;
use crate::llm::engine::DeviceKind;
use crate::measure::{TokenSample, TokenTest};
use crate::plan::{GpuProfilesPlan, RoundLimit};
use crate::plural::{counted, verb_for};
use crate::stats::{ByRound, median_of};
use crate::text::gib;

/// A drop in speed beyond this is a cliff, not noise, unless the rounds themselves differ by more.
const NOISE: f64 = 0.05;

/// The sentences that lead the report.
pub(super) fn findings(
    plan: &GpuProfilesPlan,
    prepared: &PreparedSweep,
    facts: &ModelFacts,
    result: &PlacementSweepResult,
    end: StopReason,
) -> Vec<String> {
    let mut findings = Vec::new();
    if prepared.gpus.is_empty() {
        findings.push(
            "This machine has no GPU that this build can use: only the CPU was measured. --vram 4GiB,6GiB,8GiB \
             projects for GPUs of these sizes."
                .into(),
        );
    }
    findings.extend(prepared.projections.gave_up.clone());
    findings.extend(fastest(result));
    findings.extend(fit(prepared));
    findings.push(PROFILES_ALONE.into());
    findings.extend(result.placements.iter().filter_map(|placement| {
        let why = placement.failed.as_ref()?;
        Some(format!("{} failed: {why}. The sweep continued.", counted(placement.n_gpu_layers, "layer")))
    }));
    findings
        .extend([TokenTest::Prompt, TokenTest::Generation].into_iter().flat_map(|test| cliff_sentences(result, test)));
    findings.extend(projection_error(result));
    findings.extend(same_placements(facts));
    findings.push(ending(plan, result, end));
    findings
}

/// The speeds of one test, one per round, in tokens per second.
fn speeds(placement: &PlacementSamples, test: TokenTest) -> Vec<f64> {
    placement.of_test(test).iter().map(TokenSample::tokens_per_s).collect()
}

/// The fewest layers that are as fast as any, by the complete rounds.
fn fastest(result: &PlacementSweepResult) -> Option<String> {
    let rounds = result.rounds as usize;
    if rounds == 0 {
        return None;
    }
    let took_part = result.measured().filter(|placement| placement.samples.len() >= rounds);
    let candidates: Vec<ThreadCandidate> = took_part
        .map(|placement| {
            let mut tokens_per_s = speeds(placement, TokenTest::Generation);
            tokens_per_s.truncate(rounds);
            ThreadCandidate { threads: placement.n_gpu_layers, tokens_per_s: ByRound::in_sequence(&tokens_per_s) }
        })
        .collect();
    let choice = ThreadChoice::among(&candidates)?;
    let chosen = candidates.iter().find(|candidate| candidate.threads == choice.threads)?;
    let layers = counted(choice.threads, "layer") + verb_for(&choice.threads, " generates", " generate");
    let speed = format!("{layers} {:.1} tokens/s (n {rounds})", chosen.tokens_per_s.median()?);
    if candidates.len() < 2 {
        return Some(format!("{speed}."));
    }
    let certainty = match choice.certainty {
        Certainty::Clear => "",
        Certainty::Likely => "; likely: another may be faster by at most 10 %",
        Certainty::Noisy => "; the machine was too noisy to be sure",
        Certainty::TooFewRounds => "; too few rounds for an interval",
    };
    let tie = if choice.threads == choice.fastest { "the fastest" } else { "as fast as with more layers" };
    Some(format!("{speed}, {tie}{certainty}."))
}

/// What fits, and the runner-up.
fn fit(prepared: &PreparedSweep) -> Vec<String> {
    let Some(budget) = &prepared.budget else { return Vec::new() };
    let reserve = gib(budget.reserve_bytes);
    let mut words = match &prepared.pick {
        Some(pick) => vec![format!("{reserve} reserved: {}", pick.why())],
        None => vec![format!("{reserve} reserved: nothing fits on the GPU.")],
    };
    words.extend(prepared.pick.as_ref().and_then(PlacementPick::why_not_runner_up));
    if prepared.gpus.iter().any(|gpu| gpu.kind == DeviceKind::IntegratedGpu) {
        words.push("The GPU is integrated and shares the machine's memory: every layer takes memory from both.".into());
    }
    words
}

/// Where speed fell although more layers were placed.
fn cliff_sentences(result: &PlacementSweepResult, test: TokenTest) -> Vec<String> {
    let (mut medians, mut noise) = (Vec::new(), NOISE);
    for placement in result.measured() {
        let rounds = speeds(placement, test);
        let Some(median) = median_of(&rounds) else { continue };
        let (least, most) = rounds.iter().fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
        noise = noise.max((most - least) / median.max(f64::MIN_POSITIVE));
        medians.push((placement.n_gpu_layers, median));
    }
    let words = |(from, to, change): (u32, u32, f64)| {
        format!(
            "Cliff: {} speed drops by {:.0} % from {from} to {to} layers. Possible causes: the driver moves GPU memory \
             to main memory, or the device is slower than the CPU.",
            test.word(),
            -100.0 * change
        )
    };
    cliffs(&medians, noise).into_iter().map(words).collect()
}

/// How good the projection was.
fn projection_error(result: &PlacementSweepResult) -> Option<String> {
    let errors: Vec<(u32, f64)> = result
        .placements
        .iter()
        .filter_map(|placement| Some((placement.n_gpu_layers, error_percent(placement)?)))
        .collect();
    let (layers, worst) = errors.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    Some(format!(
        "The projection of the GPU's buffers was at most {:.1} % off (at {}; n {}).",
        worst.abs(),
        counted(*layers, "layer"),
        counted(errors.len(), "placement")
    ))
}

fn ending(plan: &GpuProfilesPlan, result: &PlacementSweepResult, end: StopReason) -> String {
    let has_all_rounds = matches!(plan.rounds, RoundLimit::Repetitions(rounds) if result.rounds >= rounds);
    let why = match end {
        StopReason::Interrupted => "interrupted",
        StopReason::Failed => "ended by an error",
        StopReason::Budget => "the budget was used up",
        StopReason::Planned | StopReason::Precise if has_all_rounds => "as planned",
        StopReason::Planned | StopReason::Precise => "nothing was left to measure",
    };
    format!(
        "{} of all placements in random order, each in its own process, with the model file in the page cache: {why}.",
        counted(result.rounds, "round")
    )
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    fn found(rounds: u32, result: &PlacementSweepResult, end: StopReason) -> Vec<String> {
        findings(&planted::plan(rounds), &planted::prepared(), &planted::facts(), result, end)
    }

    #[test]
    fn planted_samples_give_the_expected_findings() {
        insta::assert_snapshot!(found(6, &planted::result(6), StopReason::Planned).join("\n"));
    }

    #[test]
    fn placement_with_an_extra_round_takes_part_in_the_choice() {
        let mut result = planted::result(7);
        result.rounds = 6;
        result.placements[0].samples.pop();
        let fastest = fastest(&result).unwrap();
        assert_eq!(fastest, "2 layers generate 200.0 tokens/s (n 6), the fastest.");
    }

    #[test]
    fn speed_drop_beyond_the_noise_is_a_cliff() {
        let mut result = planted::result(2);
        for sample in &mut result.placements[1].samples {
            sample.measured.generation.elapsed_ns *= 4;
        }
        let cliffs = cliff_sentences(&result, TokenTest::Generation);
        assert!(cliffs[0].starts_with("Cliff: tg speed drops by 50 % from 0 to 2 layers."), "{cliffs:?}");
        assert!(cliff_sentences(&result, TokenTest::Prompt).is_empty());
        // If rounds differ as much, it is noise.
        result.placements[0].samples[0].measured.generation.elapsed_ns *= 3;
        assert!(cliff_sentences(&result, TokenTest::Generation).is_empty());
    }

    #[test]
    fn stop_reason_is_stated() {
        let mut result = planted::result(2);
        let last = |rounds, result: &PlacementSweepResult, end| found(rounds, result, end).pop().unwrap();
        assert!(last(2, &result, StopReason::Planned).ends_with(": as planned."));
        assert!(last(3, &result, StopReason::Planned).ends_with(": nothing was left to measure."));
        assert!(last(3, &result, StopReason::Budget).ends_with(": the budget was used up."));
        assert!(last(3, &result, StopReason::Interrupted).ends_with(": interrupted."));
        result.placements[1].failed = Some("no memory".into());
        let failed = "2 layers failed: no memory. The sweep continued.".to_owned();
        assert!(found(3, &result, StopReason::Planned).contains(&failed));
    }

    #[test]
    fn missing_gpu_is_stated_first() {
        let prepared = PreparedSweep { gpus: Vec::new(), budget: None, pick: None, ..planted::prepared() };
        let (plan, facts) = (planted::plan(1), planted::facts());
        let found = findings(&plan, &prepared, &facts, &PlacementSweepResult::default(), StopReason::Planned);
        assert!(found[0].starts_with("This machine has no GPU that this build can use"), "{found:?}");
        assert_eq!(found[1], PROFILES_ALONE);
    }
}
