//! What a watch comes to, in words.

use super::events::EventKind;
use super::session::Session;
use crate::advise::watch::CardState;
use crate::plural::counted;

/// More changes of state than this in a minute are to and fro.
const TO_AND_FRO_PER_MINUTE: f64 = 2.0;

/// The sentences that lead the report.
pub(super) fn findings(session: &Session<'_>) -> Vec<String> {
    let mut findings = Vec::new();
    #[cfg(feature = "llama")]
    findings.extend(session.saturation.iter().flat_map(|saturation| saturation.findings(session.machine.rules())));
    match session.label() {
        None => findings.push("No GPU can be asked: only the processes and the machine were watched.".into()),
        Some(label) => findings.extend(of_gpu(session, &label)),
    }
    findings
}

fn of_gpu(session: &Session<'_>, label: &str) -> Vec<String> {
    let collected = &session.seen.collected;
    let rules = session.machine.rules();
    let mut findings = Vec::new();
    if let Some((mean, most, n)) = collected.fullness() {
        findings.push(format!(
            "{label} was {mean:.0} % full on average and {most:.0} % at most (n {}, one every {} s).",
            counted(n, "look"),
            session.plan.interval_s
        ));
    }
    let spent: Vec<String> = CardState::ALL
        .into_iter()
        .map(|state| (state, collected.seconds(Some(state))))
        .filter(|(_, seconds)| *seconds > 0.0)
        .map(|(state, seconds)| format!("{} for {seconds:.0} s ({})", state.word(), rules.profile(state)))
        .collect();
    if !spent.is_empty() {
        findings.push(format!("By the rules {} it was {}.", rules.name, spent.join(", ")));
    }
    let changes =
        session.seen.events.iter().filter(|event| event.kind == EventKind::State && event.from.is_some()).count();
    let minutes = collected.duration_s() / 60.0;
    if changes >= 4 && changes as f64 / minutes.max(f64::MIN_POSITIVE) > TO_AND_FRO_PER_MINUTE {
        findings.push(format!(
            "Its state changed {changes} times in {minutes:.1} minutes: to and fro. A profile that switches with it helps \
             nobody; choose one that fits beside what else is on the card."
        ));
    }
    if session.seen.events.iter().any(|event| event.kind == EventKind::Lost) {
        findings.push("A GPU was gone for a while; what was not read then is in no figure.".into());
    }
    findings
}
