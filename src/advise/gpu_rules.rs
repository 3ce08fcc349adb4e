//! The documented rules for choosing a GPU profile, as data to compare projections with.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const GIB: f64 = (1_u64 << 30) as f64;

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuRule {
    /// Its name.
    pub name: String,
    /// Memory that it reserves for the system, in GiB.
    pub keeps_gib: f64,
    /// What it compares.
    pub compares: RuleComparison,
    /// The steps of a rule that compares with the model or with fixed sizes; the first that applies decides.
    #[serde(default)]
    pub steps: Vec<RuleStep>,
    /// The share of the memory that a rule by layer fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_memory: Option<f64>,
    /// The size of a layer that a rule by layer assumes, in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gib_per_layer: Option<f64>,
}

/// What a rule compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleComparison {
    /// Memory, in multiples of the model's file.
    Model,
    /// Memory, in GiB.
    Memory,
    /// Memory, in layers of one size.
    Layers,
}

/// One step of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleStep {
    /// Applies from this value on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Applies above this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_than: Option<f64>,
    /// The profile that it selects.
    pub profile: String,
    /// The layers that it requests; negative requests all.
    pub n_gpu_layers: i64,
}

/// The result of a rule for one GPU and model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule.
    pub rule: String,
    /// The profile that it selects, if any.
    pub profile: Option<String>,
    /// The layers that it requests; negative requests all.
    pub asked_layers: i64,
    /// The resulting layers: never more than the model has.
    pub n_gpu_layers: u32,
}

/// A GPU of the founding document's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableGpu {
    /// Its name.
    pub name: String,
    /// Its memory, in GiB.
    pub memory_gib: u64,
    /// What the document expects of the original application.
    pub today: String,
    /// The document's target.
    pub wanted: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rules: Vec<GpuRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableGpuFile {
    cards: Vec<TableGpu>,
}

static RULES: LazyLock<Vec<GpuRule>> = LazyLock::new(|| {
    let file = toml::from_str::<RuleFile>(include_str!("../../profiles/gpu/rules.toml"));
    file.expect("the built-in rules are checked by this module's tests").rules
});

static CARDS: LazyLock<Vec<TableGpu>> = LazyLock::new(|| {
    let file = toml::from_str::<TableGpuFile>(include_str!("../../profiles/gpu/cards.toml"));
    file.expect("the built-in GPUs are checked by this module's tests").cards
});

/// The documented rules, the founding one first.
#[must_use]
pub fn gpu_rules() -> &'static [GpuRule] {
    &RULES
}

/// The GPUs of the founding document's table, in its order.
#[must_use]
pub fn table_gpus() -> &'static [TableGpu] {
    &CARDS
}

impl GpuRule {
    /// The result for a GPU with `memory_bytes` and a model file of `model_bytes` with this number of offloadable
    /// layers.
    #[must_use]
    pub fn answer(&self, memory_bytes: u64, model_bytes: u64, offloadable: u32) -> RuleResult {
        let left_gib = memory_bytes as f64 / GIB - self.keeps_gib;
        let step = match self.compares {
            RuleComparison::Model => self.step(left_gib / (model_bytes.max(1) as f64 / GIB)),
            RuleComparison::Memory => self.step(left_gib),
            RuleComparison::Layers => None,
        };
        let by_layer = || {
            let (share, layer) = (self.share_of_memory.unwrap_or(0.0), self.gib_per_layer.unwrap_or(f64::INFINITY));
            #[allow(clippy::cast_possible_truncation)] // At most a few hundred layers.
            let layers = (left_gib * share / layer).floor().max(0.0) as i64;
            layers
        };
        let asked_layers = step.map_or_else(by_layer, |step| step.n_gpu_layers);
        RuleResult {
            rule: self.name.clone(),
            profile: step.map(|step| step.profile.clone()),
            asked_layers,
            n_gpu_layers: u32::try_from(asked_layers).map_or(offloadable, |asked| asked.min(offloadable)),
        }
    }

    fn step(&self, value: f64) -> Option<&RuleStep> {
        self.steps.iter().find(|step| {
            step.at_least.is_none_or(|least| value >= least) && step.more_than.is_none_or(|bound| value > bound)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// zephyr-7b-beta.Q5_K_M: 5.13 GB on disk, 33 layers to offload.
    const ZEPHYR: (u64, u32) = (5_131_409_696, 33);

    fn answers(memory_gib: u64) -> Vec<(Option<&'static str>, i64, u32)> {
        gpu_rules()
            .iter()
            .map(|rule| {
                let answer = rule.answer(memory_gib << 30, ZEPHYR.0, ZEPHYR.1);
                let step = rule.steps.iter().find(|step| Some(&step.profile) == answer.profile.as_ref());
                (step.map(|step| step.profile.as_str()), answer.asked_layers, answer.n_gpu_layers)
            })
            .collect()
    }

    #[test]
    fn documented_rules_give_their_documented_results() {
        // A 4.78 GiB model: after 2 GiB for the system, 22, 4 and 2 GiB are free, which is 4.6, 0.84 and 0.42 times the
        // model.
        assert_eq!(answers(24), [(Some("performance"), 43, 33), (Some("performance"), -1, 33), (None, 171, 33)]);
        assert_eq!(answers(6), [(Some("balanced"), 35, 33), (Some("balanced"), 35, 33), (None, 42, 33)]);
        assert_eq!(answers(4), [(Some("cpu"), 0, 0), (Some("balanced"), 35, 33), (None, 28, 28)]);
        assert_eq!(answers(3)[1], (Some("cpu_fallback"), 0, 0));
        assert_eq!(answers(8)[1], (Some("performance"), -1, 33));
    }

    #[test]
    fn no_memory_gives_no_layers() {
        for rule in gpu_rules() {
            assert_eq!(rule.answer(0, ZEPHYR.0, ZEPHYR.1).n_gpu_layers, 0, "{}", rule.name);
        }
    }

    #[test]
    fn every_rule_has_a_final_step() {
        for rule in gpu_rules() {
            let ends = rule.steps.last().is_some_and(|step| step.at_least.is_none() && step.more_than.is_none());
            let by_layer = rule.share_of_memory.is_some() && rule.gib_per_layer.is_some();
            assert!(ends != by_layer && by_layer == (rule.compares == RuleComparison::Layers), "{}", rule.name);
        }
        let sizes: Vec<u64> = table_gpus().iter().map(|card| card.memory_gib).collect();
        assert_eq!(sizes, [24, 6, 6, 4]);
    }
}
