//! Findings of a watch.

use super::events::{EventKind, WatchEvent};
use super::samples::WatchSamples;
use crate::advise::watch::{GpuState, WatchRules};
use crate::plural::counted;

/// More state changes per minute than this are too many to follow.
const MOST_CHANGES_PER_MINUTE: f64 = 2.0;

/// The findings about the GPU `label`, whose state followed `rules` with a sample every `interval_s`.
pub(super) fn gpu_findings(
    label: &str,
    rules: &WatchRules,
    interval_s: f64,
    samples: &WatchSamples,
    events: &[WatchEvent],
) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some((mean, most, n)) = samples.fullness() {
        findings.push(format!(
            "{label} was {mean:.0} % full on average and {most:.0} % at most (n {}, one every {interval_s} s).",
            counted(n, "sample"),
        ));
    }
    let spent: Vec<String> = GpuState::ALL
        .into_iter()
        .map(|state| (state, samples.seconds(Some(state))))
        .filter(|(_, seconds)| *seconds > 0.0)
        .map(|(state, seconds)| format!("{} for {seconds:.0} s ({})", state.word(), rules.profile(state)))
        .collect();
    if !spent.is_empty() {
        findings.push(format!("By the rules {} it was {}.", rules.name, spent.join(", ")));
    }
    let changes = events.iter().filter(|event| event.kind == EventKind::State && event.from.is_some()).count();
    let minutes = samples.duration_s() / 60.0;
    if changes >= 4 && changes as f64 / minutes.max(f64::MIN_POSITIVE) > MOST_CHANGES_PER_MINUTE {
        findings.push(format!(
            "Its state changed {changes} times in {minutes:.1} minutes. Changing the profile each time does not help; \
             choose one that fits next to the other programs on the GPU."
        ));
    }
    if events.iter().any(|event| event.kind == EventKind::Lost) {
        findings.push("A GPU was unavailable for a while; no figure includes that time.".into());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::samples::planted;
    use super::*;

    #[test]
    fn findings_name_memory_use_states_and_gaps() {
        let rules = &WatchRules::built_in()[0];
        let (samples, mut events) = planted::loaded_then_lost();
        let words = gpu_findings("gpu0", rules, 1.0, &samples, &events);
        assert_eq!(
            words,
            [
                "gpu0 was 70 % full on average and 90 % at most (n 3 samples, one every 1 s).",
                &format!("By the rules steady it was stressed for 2 s ({}).", rules.profile(GpuState::Stressed)),
                "A GPU was unavailable for a while; no figure includes that time.",
            ]
        );
        events.retain(|event| event.kind != EventKind::Lost);
        let change = planted::state_change();
        events.extend((0..4).map(|_| change.clone()));
        let words = gpu_findings("gpu0", rules, 1.0, &samples, &events);
        assert!(words[2].starts_with("Its state changed 4 times in 0.1 minutes."), "{words:?}");
    }
}
