//! Which settings a group speaks for: the fastest of those that keep the scene's frames.

use super::data::{CaseSamples, Group, SweepResult};
use crate::advise::{Certainty, SettingCandidate, SettingChoice};
use crate::measure::EngineSettings;
use crate::plan::{Competition, ThreadsPlan};
use crate::stats::{DropReason, PairedRatio, paired_ratio};

/// The settings that were chosen, and how sure that is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    /// They.
    pub(super) settings: EngineSettings,
    /// The fastest of those that could be chosen.
    pub(super) fastest: EngineSettings,
    /// Their speed as a share of the fastest one's.
    pub(super) share: Option<PairedRatio>,
    /// How sure it is, by rounds that everything took part in.
    pub(super) certainty: Certainty,
    /// Whether the race was decided: no other setting is faster by more than 3 %.
    pub(super) is_decided: bool,
    /// Rounds that they took part in.
    pub(super) rounds: usize,
    /// Whether late frames were within the limit; `None` where no scene rendered.
    pub(super) keeps_limit: Option<bool>,
}

/// The choice of a group. `None` as long as it was not measured whole: the best of those that there was time for may be none of
/// those that there was not.
pub(super) fn choose(plan: &ThreadsPlan, result: &SweepResult, group: Group) -> Option<Chosen> {
    let all = plan.settings();
    let mut measured: Vec<(EngineSettings, &CaseSamples)> = result.of(group).collect();
    if measured.len() < all.len() || measured.iter().any(|(_, case)| case.samples.is_empty()) {
        return None;
    }
    // Simpler ones first: of equals the first is chosen. Fewer threads are simpler, then whatever the plan names first.
    measured.sort_by_key(|(settings, _)| (settings.threads, all.iter().position(|other| other == settings)));
    let limit = plan.late_limit.beside(result.alone.late_share());
    let keeps = |case: &CaseSamples| case.frames.late_share() <= limit;
    let is_late =
        |case: &CaseSamples| matches!(case.dropped, Some(out) if matches!(out.reason, DropReason::LateFrames { .. }));
    let has_scene = group.load == Competition::Render;
    let candidates: Vec<SettingCandidate> = measured
        .iter()
        .map(|(_, case)| SettingCandidate {
            tokens_per_s: case.speeds(),
            is_admissible: !has_scene || (!is_late(case) && keeps(case)),
            late_share: case.frames.late_share(),
            is_dropped: case.dropped.is_some(),
        })
        .collect();
    let choice = SettingChoice::among(&candidates)?;
    let (settings, case) = measured[choice.chosen];
    Some(Chosen {
        settings,
        fastest: measured[choice.fastest].0,
        share: choice.share(),
        certainty: choice.certainty,
        is_decided: result.decided.contains(&group),
        rounds: case.samples.len(),
        keeps_limit: has_scene.then(|| keeps(case)),
    })
}

/// The speed of some settings as a share of the chosen ones', over the rounds that both took part in.
pub(super) fn against_chosen(
    result: &SweepResult,
    group: Group,
    chosen: &Chosen,
    settings: EngineSettings,
) -> Option<PairedRatio> {
    let speeds = |wanted: EngineSettings| Some(result.of(group).find(|(own, _)| *own == wanted)?.1.speeds());
    paired_ratio(&speeds(settings)?, &speeds(chosen.settings)?)
}
