//! What `gpu-profiles` runs on this GPU show about a placement that was chosen by its size: its speed relative to the
//! CPU alone, and whether it ran at all.

use serde_json::Value;

use super::case_speeds::round_speeds;
use super::recommendation::{Basis, Choice, Confidence, Evidence, Margin, Setting};
use super::thread_choice::UNNOTICED;
use crate::record::{Case, CaseState, Run};
use crate::stats::PairedRatio;

/// What a run shows about a number of layers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LayersResult {
    /// It ended without a figure.
    Failed {
        /// The run.
        run: String,
        /// Why, as recorded in the run.
        reason: String,
    },
    /// It generated tokens.
    Ran {
        /// The layers.
        layers: u64,
        /// Its speed, and that of the CPU alone if the same run measured it.
        evidence: Vec<Evidence>,
        /// The CPU's speed as a share of its own.
        cpu_share: Option<PairedRatio>,
    },
}

impl LayersResult {
    /// The newest run that tried this number of layers.
    pub(super) fn newest(runs: &[Run], layers: u64) -> Option<Self> {
        runs.iter().rev().filter(|run| run.command == "gpu-profiles").find_map(|run| Self::of(run, layers))
    }

    fn of(run: &Run, layers: u64) -> Option<Self> {
        let case = |layers: u64, wanted: &dyn Fn(&Case) -> bool| {
            run.cases.iter().find(|case| case.conditions["n_gpu_layers"] == layers && wanted(case))
        };
        let generation = |case: &Case| case.conditions["test"] == "tg" && case.metric("avg_ts").is_some();
        if let Some(own) = case(layers, &generation) {
            let cpu = case(0, &generation).filter(|_| layers > 0);
            let cpu_share = cpu.and_then(|cpu| round_speeds(cpu)?.ratio_to(&round_speeds(own)?));
            let evidence = [Some(own), cpu].into_iter().flatten();
            return Some(Self::Ran {
                layers,
                evidence: evidence.filter_map(|case| Evidence::of(run, case, "avg_ts")).collect(),
                cpu_share,
            });
        }
        let failed = case(layers, &|case| case.state == CaseState::Failed)?;
        let reason = failed.reason.clone().unwrap_or_else(|| "no reason was recorded".into());
        Some(Self::Failed { run: run.run_id.clone(), reason })
    }

    /// Whether the CPU alone is faster by a noticeable amount.
    pub(super) fn is_no_gain(&self) -> bool {
        let interval = match self {
            Self::Ran { cpu_share, .. } => cpu_share.and_then(|share| share.interval),
            Self::Failed { .. } => None,
        };
        interval.is_some_and(|(low, _)| low > 1.0 + UNNOTICED)
    }

    /// Adds its evidence to the choices that it concerns.
    pub(super) fn cite(&self, choices: &mut [Choice]) {
        let concerned = |choice: &&mut Choice| matches!(choice.setting, Setting::GpuProfile | Setting::NGpuLayers);
        for choice in choices.iter_mut().filter(concerned) {
            match self {
                Self::Failed { run, reason } => {
                    choice.confidence = Confidence::Guess;
                    choice.reason = format!("{}; but it failed in {run}: {reason}", choice.reason);
                }
                Self::Ran { layers, evidence, cpu_share } => {
                    choice.evidence.splice(0..0, evidence.iter().cloned());
                    let Some(share) = cpu_share else { continue };
                    if choice.setting == Setting::NGpuLayers {
                        choice.basis = Basis::Measured;
                        choice.margin = Some(margin(*layers, share, choice.value == Some((*layers).into())));
                    }
                    if share.interval.is_some_and(|(_, high)| high < 1.0) {
                        choice.confidence = Confidence::Sure;
                    }
                }
            }
        }
    }
}

/// How far the choice is ahead: the GPU of the CPU alone, or vice versa.
fn margin(layers: u64, cpu_share: &PairedRatio, is_on_card: bool) -> Margin {
    let n = cpu_share.n as u64;
    if is_on_card {
        return Margin { runner_up: Value::from(0), share: cpu_share.ratio, n, interval: cpu_share.interval };
    }
    let interval = cpu_share.interval.map(|(low, high)| (1.0 / high, 1.0 / low));
    Margin { runner_up: layers.into(), share: 1.0 / cpu_share.ratio, n, interval }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{Direction, Metric, sample};

    fn ran(layers: u64, speeds: &[f64]) -> Case {
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        Case {
            path: format!("idle/tg64/ngl={layers}"),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: json!({"n_gpu_layers": layers, "test": "tg", "samples_ts": speeds}),
            notes: Vec::new(),
            metrics: vec![Metric::plain("avg_ts", "tokens/s", mean, speeds.len() as u64, Direction::Higher)],
            histograms: Vec::new(),
        }
    }

    fn runs(cases: Vec<Case>) -> Vec<Run> {
        vec![Run { command: "gpu-profiles".into(), cases, ..sample::run() }]
    }

    fn layers_chosen() -> Vec<Choice> {
        vec![Choice::by_rule(Setting::NGpuLayers, 33, "the layers of performance with this model")]
    }

    #[test]
    fn faster_placement_is_sure_and_cites_both_cases() {
        let runs = runs(vec![ran(0, &[8.0; 6]), ran(33, &[40.0; 6])]);
        let tried = LayersResult::newest(&runs, 33).unwrap();
        assert!(!tried.is_no_gain());
        let mut choices = layers_chosen();
        tried.cite(&mut choices);
        let choice = &choices[0];
        assert_eq!((choice.basis, choice.confidence), (Basis::Measured, Confidence::Sure));
        let speeds: Vec<f64> = choice.evidence.iter().map(|one| one.value).collect();
        assert_eq!(speeds, [40.0, 8.0]);
        assert!((choice.margin.as_ref().unwrap().share - 0.2).abs() < 1e-9);
    }

    #[test]
    fn gpu_slower_than_the_cpu_is_no_gain() {
        let slower = runs(vec![ran(0, &[8.0; 6]), ran(33, &[5.0; 6])]);
        let tried = LayersResult::newest(&slower, 33).unwrap();
        assert!(tried.is_no_gain());
        let mut choices = vec![Choice::by_rule(Setting::NGpuLayers, 0, "the GPU was measured to be slower")];
        tried.cite(&mut choices);
        let margin = choices[0].margin.as_ref().unwrap();
        assert_eq!(margin.runner_up, 33);
        assert!((margin.share - 5.0 / 8.0).abs() < 1e-9);
        let few = runs(vec![ran(0, &[8.0; 3]), ran(33, &[5.0; 3])]);
        assert!(!LayersResult::newest(&few, 33).unwrap().is_no_gain(), "three rounds have no interval");
        assert_eq!(LayersResult::newest(&slower, 20), None);
    }

    #[test]
    fn failed_placement_is_a_guess_with_its_reason() {
        let mut failed = ran(33, &[1.0]);
        (failed.state, failed.reason) = (CaseState::Failed, Some("out of memory".into()));
        failed.metrics.clear();
        let mut choices = layers_chosen();
        LayersResult::newest(&runs(vec![failed]), 33).unwrap().cite(&mut choices);
        assert_eq!(choices[0].confidence, Confidence::Guess);
        assert!(choices[0].reason.contains("out of memory"), "{}", choices[0].reason);
    }
}
