//! The units of a sweep, and their samples so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::measure::{EngineSettings, TokenSample, TokenTest};
use crate::plan::{CompetingLoad, ThreadsPlan};
use crate::stats::{ByRound, Dropped, FrameCounts};

/// Settings that are compared with each other: for one test, under one load, at one depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SettingGroup {
    /// The competing load.
    pub(crate) load: CompetingLoad,
    /// Prompt processing or generation.
    pub(crate) test: TokenTest,
    /// Tokens already in the context.
    pub(crate) depth: u32,
}

/// One case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CaseKey {
    /// Its group.
    pub(crate) group: SettingGroup,
    /// Its settings.
    pub(crate) settings: EngineSettings,
}

/// Samples of one case so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseSamples {
    /// Wall-clock time of its first repetition.
    pub(crate) began: Option<Timestamp>,
    /// By the number of the round, from 0.
    pub(crate) samples: BTreeMap<usize, TokenSample>,
    /// Frames of the render-like load meanwhile, and how many of them were late.
    pub(crate) frames: FrameCounts,
    /// Anonymous memory of this process after the last repetition, in bytes.
    pub(crate) anonymous_bytes: Option<u64>,
    /// Whether and why it left the race.
    pub(crate) dropped: Option<Dropped>,
}

impl CaseSamples {
    /// Tokens a second, by round. What was cut off is left out as long as there is anything else: it says that a setting was too
    /// slow, not how fast it is.
    pub(crate) fn speeds(&self) -> ByRound {
        self.figures().map(|(round, sample)| (round, sample.tokens_per_s())).collect()
    }

    /// The repetitions that figures are made from, as in [`Self::speeds`].
    pub(crate) fn figures(&self) -> impl Iterator<Item = (usize, &TokenSample)> {
        let has_whole = self.samples.values().any(|sample| !sample.is_cut);
        self.samples
            .iter()
            .filter(move |(_, sample)| !(has_whole && sample.is_cut))
            .map(|(round, sample)| (*round, sample))
    }

    /// Whether its late frames are within the limit, as far as the frames by which it is judged can tell.
    pub(crate) fn keeps_frames(&self, frames: FrameCounts, limit: f64) -> bool {
        !self.dropped.is_some_and(|dropped| dropped.is_for_late_frames()) && frames.keeps(limit)
    }

    /// Number of repetitions that were cut off.
    pub(crate) fn cut_off(&self) -> usize {
        self.samples.values().filter(|sample| sample.is_cut).count()
    }
}

/// Result of the sweep.
#[derive(Debug, Default)]
pub(crate) struct SweepResult {
    /// By case.
    pub(crate) cases: BTreeMap<CaseKey, CaseSamples>,
    /// Frames of the render-like load alone, and how many were late.
    pub(crate) alone: FrameCounts,
    /// Groups whose race is decided.
    pub(crate) decided: BTreeSet<SettingGroup>,
    /// What flash attention `auto` resolved to, as reported by llama.cpp.
    pub(crate) flash_attention: Vec<String>,
}

impl SweepResult {
    /// The cases of a group.
    pub(crate) fn of(&self, group: SettingGroup) -> impl Iterator<Item = (EngineSettings, &CaseSamples)> {
        self.cases.iter().filter(move |(key, _)| key.group == group).map(|(key, samples)| (key.settings, samples))
    }

    /// The frames by which each case is judged: [shared](FrameCounts::shared) by what makes the same ones late.
    pub(crate) fn frames(&self) -> BTreeMap<CaseKey, FrameCounts> {
        let kind = |key: &CaseKey| (key.group, key.settings.of_frames());
        let own: Vec<_> = self.cases.iter().map(|(key, case)| (kind(key), case.frames)).collect();
        self.cases.keys().copied().zip(FrameCounts::shared(&own)).collect()
    }
}

/// All groups of the plan, in reading order.
pub(crate) fn groups(plan: &ThreadsPlan) -> Vec<SettingGroup> {
    let mut groups = Vec::new();
    for &load in &plan.loads {
        for test in [TokenTest::Prompt, TokenTest::Generation] {
            groups.extend(plan.depths.iter().map(|&depth| SettingGroup { load, test, depth }));
        }
    }
    groups
}

/// Everything that the plan may measure, in reading order.
pub(super) fn keys(plan: &ThreadsPlan) -> impl Iterator<Item = CaseKey> {
    let settings = plan.settings();
    groups(plan)
        .into_iter()
        .flat_map(move |group| settings.clone().into_iter().map(move |settings| CaseKey { group, settings }))
}

/// Rounds in which every setting in the race was measured.
pub(super) fn complete_rounds(plan: &ThreadsPlan, result: &SweepResult) -> usize {
    let rounds = keys(plan).filter_map(|key| match result.cases.get(&key) {
        Some(case) if case.dropped.is_some() => None,
        case => Some(case.map_or(0, |case| case.samples.len())),
    });
    rounds.min().unwrap_or(0)
}
