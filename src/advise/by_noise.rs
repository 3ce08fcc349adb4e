//! A disturbed machine lowers the confidence of a choice: measurements next to other programs are never *sure*.

use super::recommendation::{Choice, Confidence};
use crate::record::{MachineNoise, Run};

/// Lowers the confidence of every choice that is based on a disturbed run, with the reason.
pub(super) fn lower(choices: &mut [Choice], runs: &[Run]) {
    let disturbed: Vec<(&str, MachineNoise)> = disturbed(runs).collect();
    for choice in choices {
        let is_behind = |run: &str| choice.evidence.iter().any(|evidence| evidence.run == run);
        let Some((_, noise)) = disturbed.iter().find(|(run, _)| is_behind(run)) else { continue };
        choice.confidence = match choice.confidence {
            Confidence::Sure => Confidence::Likely,
            Confidence::Likely | Confidence::Guess => Confidence::Guess,
            Confidence::NoDifference => Confidence::NoDifference,
        };
        choice.reason = format!("{}; measured on a disturbed machine ({})", choice.reason, noise.reasons.join(", "));
    }
}

/// The noise of all runs behind the choices, combined: disturbed if one of them was. `None` if none was.
#[must_use]
pub fn noise_behind(choices: &[Choice], runs: &[Run]) -> Option<MachineNoise> {
    let evidence = || choices.iter().flat_map(|choice| &choice.evidence);
    let behind: Vec<(&str, MachineNoise)> =
        disturbed(runs).filter(|(run, _)| evidence().any(|evidence| evidence.run == *run)).collect();
    let reasons =
        behind.iter().flat_map(|(run, noise)| noise.reasons.iter().map(move |reason| format!("in {run} {reason}")));
    let reasons: Vec<String> = reasons.collect();
    behind.first().map(|(_, first)| MachineNoise { reasons, ..first.clone() })
}

fn disturbed(runs: &[Run]) -> impl Iterator<Item = (&str, MachineNoise)> {
    runs.iter().filter_map(|run| Some((run.run_id.as_str(), run.noise().filter(MachineNoise::is_disturbed)?)))
}

#[cfg(test)]
mod tests {
    use super::super::recommendation::{Basis, Evidence, Setting};
    use super::*;
    use crate::record::{Fact, sample};

    fn choice(run: &str, confidence: Confidence) -> Choice {
        let evidence = Evidence {
            run: run.into(),
            case: "idle/tg32/threads=2".into(),
            metric: "avg_ts".into(),
            unit: "tokens/s".into(),
            value: 20.0,
            n: 10,
            interval: None,
        };
        Choice {
            basis: Basis::Measured,
            evidence: vec![evidence],
            confidence,
            ..Choice::by_rule(Setting::NThreads, 2, "the fastest")
        }
    }

    /// A record without noise readings: load average 12 on two CPUs.
    fn loaded() -> Run {
        let mut run = Run { run_id: "loaded".into(), ..sample::run() };
        (run.machine.logical_cpus, run.machine.load_average) = (Fact::Value(2), Fact::Value(12.0));
        run
    }

    #[test]
    fn nothing_is_sure_at_load_12_on_2_cpus() {
        let runs = [loaded(), Run { run_id: "quiet".into(), ..sample::run() }];
        let mut choices = [
            choice("loaded", Confidence::Sure),
            choice("loaded", Confidence::Likely),
            choice("loaded", Confidence::NoDifference),
            choice("quiet", Confidence::Sure),
        ];
        lower(&mut choices, &runs);
        assert_eq!(
            choices.each_ref().map(|choice| choice.confidence),
            [Confidence::Likely, Confidence::Guess, Confidence::NoDifference, Confidence::Sure]
        );
        assert!(
            choices[0].reason.contains("disturbed machine (the load average was 12.0 on 2 CPUs"),
            "{}",
            choices[0].reason
        );
        assert_eq!(choices[3].reason, "the fastest");
    }

    #[test]
    fn noise_behind_a_recommendation_names_the_run() {
        let runs = [loaded()];
        let noise = noise_behind(&[choice("loaded", Confidence::Sure)], &runs).unwrap();
        assert!(noise.sentence().starts_with("DISTURBED: in loaded the load average was 12.0"), "{}", noise.sentence());
        assert_eq!(noise_behind(&[choice("other", Confidence::Sure)], &runs), None);
    }
}
