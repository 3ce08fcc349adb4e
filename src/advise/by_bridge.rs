//! How the model starts, and how commands go to the bridge.

use serde_json::Value;

use super::recommendation::{Basis, Choice, Confidence, Evidence, Setting};
use super::recommendation_input::RecommendationInput;
use crate::record::{CaseState, Run};

/// `responsive` wants a command applied within this, in milliseconds.
pub(super) const APPLIED_TARGET_MS: f64 = 50.0;

/// The `ipc_mode` of the application: it sends one command and waits for nothing, so that no other mode is faster.
pub(super) const AS_WORKLY_DOES: &str = "no_wait";

/// Main memory beside the model that everything else needs, in bytes.
const OTHERS_BYTES: u64 = 4 << 30;

/// Warm start: where memory has room, and by what the newest run of `warmup` shows it to save.
pub(super) fn warm_start(situation: &RecommendationInput, runs: &[Run]) -> Choice {
    let (Some(memory), Some(model)) = (situation.memory_bytes, &situation.model) else {
        let reason = "the model or the machine's memory is not known";
        return Choice { value: None, ..Choice::by_rule(Setting::WarmStart, Value::Null, reason) };
    };
    let fits = memory >= model.file_bytes.saturating_add(OTHERS_BYTES);
    let reason = if fits {
        "memory holds the model and 4 GiB for the rest, and the first answer need not wait for the disk"
    } else {
        "memory does not hold the model and 4 GiB for the rest: what is read early is gone again before it is used"
    };
    let choice = Choice::by_rule(Setting::WarmStart, fits, reason);
    if !fits {
        return choice;
    }
    let choice = choice.costing("the load time when Workly starts, whether or not anybody speaks to it");
    let attributed = |run: &Run| {
        let case = run.cases.iter().find(|case| case.path == "attribution/wait" && case.state == CaseState::Ok)?;
        Some([Evidence::of(run, case, "saved")?, Evidence::of(run, case, "from")?])
    };
    let Some([saved, from]) = runs.iter().rev().filter(|run| run.command == "warmup").find_map(attributed) else {
        return choice;
    };
    let Some((low, high)) = saved.interval else { return Choice { evidence: vec![saved, from], ..choice } };
    let (is_sooner, n) = (low > 0.0, saved.n);
    let reason = format!(
        "the first answer comes {:.0} ms [{low:.0}, {high:.0}] sooner than the {:.0} ms that it takes from cold (n {n})",
        saved.value, from.value
    );
    let confidence = if is_sooner { Confidence::Sure } else { Confidence::Guess };
    let reason = if is_sooner { reason } else { format!("{}; a run of warmup could not show it", choice.reason) };
    Choice { basis: Basis::Measured, reason, evidence: vec![saved, from], confidence, ..choice }
}

/// Mode and batch window.
pub(super) fn ipc(runs: &[Run]) -> [Choice; 2] {
    let applied = runs.iter().rev().filter(|run| run.command == "ipc").find_map(lone_command);
    let mode = match applied {
        None => Choice::by_rule(
            Setting::IpcMode,
            AS_WORKLY_DOES,
            "what Workly does: one command per answer, without waiting for a reply; no run of ipc was found that shows how long the \
             command takes",
        ),
        Some(evidence) => {
            let is_met = evidence.value <= APPLIED_TARGET_MS;
            let verdict = if is_met { "which is within" } else { "which is over" };
            let reason = format!(
                "what Workly does: one command per answer, without waiting for a reply; such a command is applied after {:.2} ms on average, {verdict} the target of {APPLIED_TARGET_MS} ms",
                evidence.value
            );
            let confidence = if is_met { Confidence::Likely } else { Confidence::Guess };
            let choice = Choice::by_rule(Setting::IpcMode, AS_WORKLY_DOES, reason);
            Choice { basis: Basis::Measured, evidence: vec![evidence], confidence, ..choice }
        }
    };
    let window = Choice::by_rule(
        Setting::BatchWindowMs,
        0,
        "collecting delays the first command, and the stock bridge answers a batch without carrying it out",
    );
    [mode, window]
}

/// The mean wait of a command that a person triggers: applied, under Poisson load.
fn lone_command(run: &Run) -> Option<Evidence> {
    let case = run.cases.iter().find(|case| case.state.stands() && case.path.starts_with("applied/poisson"))?;
    Evidence::of(run, case, "mean")
}
