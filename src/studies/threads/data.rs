//! What a sweep measures apart, and what it has of each so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::measure::{EngineSettings, FrameCounts, Test, TokenSample};
use crate::plan::{Competition, ThreadsPlan};
use crate::stats::Dropped;

/// What is compared with each other: the settings for one test, under one load, at one depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// What competes.
    pub(crate) load: Competition,
    /// Prompt processing or generation.
    pub(crate) test: Test,
    /// Tokens already in the context.
    pub(crate) depth: u32,
}

/// One case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// What it is compared within.
    pub(crate) group: Group,
    /// Its settings.
    pub(crate) settings: EngineSettings,
}

/// What one case has so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseSamples {
    /// When its first repetition began, by the calendar.
    pub(crate) began: Option<Timestamp>,
    /// One a round.
    pub(crate) samples: Vec<TokenSample>,
    /// Frames of the render-like load meanwhile, and how many of them were late.
    pub(crate) frames: FrameCounts,
    /// Anonymous memory of this process after the last repetition, in bytes.
    pub(crate) anonymous_bytes: Option<u64>,
    /// Whether and why it is out of the race.
    pub(crate) dropped: Option<Dropped>,
}

impl CaseSamples {
    /// Tokens a second, one value a round.
    pub(crate) fn speeds(&self) -> Vec<f64> {
        self.samples.iter().map(TokenSample::tokens_per_s).collect()
    }
}

/// What came out of the sweep.
#[derive(Debug, Default)]
pub(crate) struct SweepResult {
    /// By case.
    pub(crate) cases: BTreeMap<Key, CaseSamples>,
    /// Frames of the render-like load alone, and how many of them were late.
    pub(crate) alone: FrameCounts,
    /// The groups whose race is decided.
    pub(crate) decided: BTreeSet<Group>,
    /// What flash attention `auto` came to, in llama.cpp's words.
    pub(crate) flash_attention: Vec<String>,
}

impl SweepResult {
    /// The cases of a group.
    pub(crate) fn of(&self, group: Group) -> impl Iterator<Item = (EngineSettings, &CaseSamples)> {
        self.cases.iter().filter(move |(key, _)| key.group == group).map(|(key, samples)| (key.settings, samples))
    }
}

/// All groups of the plan, in reading order.
pub(crate) fn groups(plan: &ThreadsPlan) -> Vec<Group> {
    let mut groups = Vec::new();
    for &load in &plan.loads {
        for test in [Test::Prompt, Test::Generation] {
            groups.extend(plan.depths.iter().map(|&depth| Group { load, test, depth }));
        }
    }
    groups
}

/// Everything that the plan may measure, in reading order.
pub(super) fn keys(plan: &ThreadsPlan) -> impl Iterator<Item = Key> {
    let settings = plan.settings();
    groups(plan)
        .into_iter()
        .flat_map(move |group| settings.clone().into_iter().map(move |settings| Key { group, settings }))
}

/// Rounds in which everything was measured that was in the race.
pub(super) fn complete_rounds(plan: &ThreadsPlan, result: &SweepResult) -> usize {
    let rounds = keys(plan).filter_map(|key| match result.cases.get(&key) {
        Some(case) if case.dropped.is_some() => None,
        case => Some(case.map_or(0, |case| case.samples.len())),
    });
    rounds.min().unwrap_or(0)
}
