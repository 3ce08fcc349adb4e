//! The settings to choose in a group: the fastest that keep the scene's frame limit.

use super::data::{CaseKey, CaseSamples, SettingGroup, SweepResult};
use crate::advise::{Certainty, FastestOf, SettingCandidate, SettingChoice};
use crate::measure::EngineSettings;
use crate::plan::{CompetingLoad, ThreadsPlan};
use crate::stats::PairedRatio;

/// The chosen settings, and their certainty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChosenThreads {
    /// The choice.
    pub(super) settings: EngineSettings,
    /// The fastest of the eligible settings.
    pub(super) fastest: EngineSettings,
    /// Which of the settings those are.
    pub(super) fastest_of: FastestOf,
    /// Speed of the choice as a share of the fastest.
    pub(super) share: Option<PairedRatio>,
    /// Certainty, from rounds with all settings.
    pub(super) certainty: Certainty,
    /// Whether the race was decided: no other setting is more than 3 % faster.
    pub(super) is_decided: bool,
    /// Number of rounds.
    pub(super) rounds: usize,
    /// Whether late frames are within the limit; `None` without a scene.
    pub(super) keeps_limit: Option<bool>,
}

/// The choice in a group. `None` until all of its settings were measured: an unmeasured one might be better.
pub(super) fn choose(plan: &ThreadsPlan, result: &SweepResult, group: SettingGroup) -> Option<ChosenThreads> {
    let mut measured: Vec<(EngineSettings, &CaseSamples)> = result.of(group).collect();
    if measured.len() < plan.settings().len() || measured.iter().any(|(_, case)| case.samples.is_empty()) {
        return None;
    }
    // Simpler settings first, since the first of equals is chosen.
    measured.sort_by_key(|(settings, _)| (settings.threads, settings.changes()));
    let limit = plan.late_limit.beside(result.alone.late_share());
    let has_scene = group.load == CompetingLoad::Render;
    let frames = result.frames();
    let frames_of = |settings| frames[&CaseKey { group, settings }];
    let candidates: Vec<SettingCandidate> = measured
        .iter()
        .map(|(settings, case)| SettingCandidate {
            tokens_per_s: case.speeds(),
            is_admissible: !has_scene || case.keeps_frames(frames_of(*settings), limit),
            frames: frames_of(*settings),
            changes: settings.changes(),
            is_dropped: case.dropped.is_some_and(|dropped| !dropped.may_be_equal()),
        })
        .collect();
    let choice = SettingChoice::among(&candidates)?;
    let (settings, case) = measured[choice.chosen];
    Some(ChosenThreads {
        settings,
        fastest: measured[choice.fastest].0,
        fastest_of: choice.fastest_of,
        share: choice.share(),
        certainty: choice.certainty,
        is_decided: result.decided.contains(&group),
        rounds: case.samples.len(),
        keeps_limit: has_scene.then(|| case.keeps_frames(frames_of(settings), limit)),
    })
}

/// Speed of some settings as a share of the chosen ones', over rounds with both.
pub(super) fn against_chosen(
    result: &SweepResult,
    group: SettingGroup,
    chosen: &ChosenThreads,
    settings: EngineSettings,
) -> Option<PairedRatio> {
    let speeds = |wanted: EngineSettings| Some(result.of(group).find(|(own, _)| *own == wanted)?.1.speeds());
    speeds(settings)?.ratio_to(&speeds(chosen.settings)?)
}
