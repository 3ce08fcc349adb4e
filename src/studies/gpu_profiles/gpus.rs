//! GPUs by memory size: what fits on each, what the application does there, and what the documented rules say.

use serde_json::json;

use super::projection_study::ProfileNeed;
use super::projections::{Projections, empty_card};
use crate::advise::{MemoryBudget, PlacementPick, RuleResult, TableGpu, gpu_rules, table_gpus};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::text::gib;

/// A GPU to place layers on.
#[derive(Debug, Clone)]
pub(super) struct SizedGpu {
    /// Its name: `6GiB`, `RTX 4050`.
    pub(super) name: String,
    /// The available memory.
    pub(super) budget: MemoryBudget,
}

/// A GPU and the placement picked for it.
#[derive(Debug)]
pub(super) struct PickedGpu<'a> {
    card: &'a SizedGpu,
    /// `None` if not even the buffers of a placement without layers fit.
    pick: Option<PlacementPick>,
}

/// The pick for each GPU.
pub(super) fn picked<'a>(projections: &Projections, cards: &'a [SizedGpu]) -> Vec<PickedGpu<'a>> {
    cards.iter().map(|card| PickedGpu { card, pick: projections.pick(&card.budget) }).collect()
}

impl PickedGpu<'_> {
    /// The pick in one sentence.
    pub(super) fn sentence(&self) -> String {
        let kept = gib(self.card.budget.reserve_bytes);
        match &self.pick {
            Some(pick) => format!("{}, {kept} reserved: {}", self.card.name, pick.why()),
            None => format!("{}, {kept} reserved: nothing fits, so use only the CPU.", self.card.name),
        }
    }

    /// The pick as a case of the record.
    pub(super) fn case(&self) -> Case {
        let pick = self.pick.as_ref();
        let count = |name: &str, value: Option<u64>, unit: &str| match value {
            Some(value) => Metric::plain(name, unit, value as f64, 1, Direction::None),
            None => Metric::absent(name, unit, 0, Direction::None, MetricStatus::Unsupported),
        };
        Case {
            path: format!("card/{}", self.card.name.replace(' ', "-")),
            state: CaseState::Ok,
            reason: None,
            duration_s: 0.0,
            conditions: json!({ "budget": self.card.budget, "pick": pick }),
            notes: pick.and_then(PlacementPick::why_not_runner_up).into_iter().collect(),
            metrics: vec![
                count("layers", pick.map(|pick| u64::from(pick.chosen.n_gpu_layers)), "count"),
                count("n_ctx", pick.map(|pick| u64::from(pick.chosen.n_ctx)), "count"),
                count("vram_projected", pick.map(|pick| pick.chosen.device_bytes), "bytes"),
                count("vram_available", Some(self.card.budget.available_bytes()), "bytes"),
                count("vram_spare", pick.map(PlacementPick::spare_bytes), "bytes"),
            ],
            histograms: Vec::new(),
        }
    }
}

/// Inputs of the table's rules, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableSizes {
    /// The model's file.
    pub(super) model_bytes: u64,
    /// Memory kept free on each GPU.
    pub(super) reserve_bytes: u64,
}

/// The founding document's table for this model, one sentence per GPU, with the reserve kept free.
pub(super) fn founding_table(projections: &Projections, needs: &[ProfileNeed], sizes: TableSizes) -> Vec<String> {
    let TableSizes { model_bytes, reserve_bytes } = sizes;
    let of_card = |card: &TableGpu| {
        let memory = card.memory_gib << 30;
        let answers = gpu_rules().iter().map(|rule| rule.answer(memory, model_bytes, projections.offloadable()));
        let rules: Vec<String> = answers.map(|answer| rule_words(&answer, projections, needs, memory)).collect();
        let app = needs.first().map_or_else(String::new, |need| {
            format!("the app needs {} ({})", against(need.device_bytes(), memory), need.name)
        });
        let fits = projections.pick(&empty_card(memory, reserve_bytes)).map_or_else(
            || "nothing".into(),
            |pick| {
                let chosen = &pick.chosen;
                format!("{} (context {}, {})", counted(chosen.n_gpu_layers, "layer"), chosen.n_ctx, chosen.kv_type)
            },
        );
        format!(
            "{}, {} GiB: {app}. Rules: {}. With {} reserved for Unity, this fits: {fits}. The document has: {}, wants \
             {}.",
            card.name,
            card.memory_gib,
            rules.join("; "),
            gib(reserve_bytes),
            card.today,
            card.wanted
        )
    };
    table_gpus().iter().map(of_card).collect()
}

fn rule_words(answer: &RuleResult, projections: &Projections, needs: &[ProfileNeed], memory: u64) -> String {
    // The founding document's "cpu" is the app's cpu_fallback.
    let profile = answer.profile.as_deref().map(|name| if name == "cpu" { "cpu_fallback" } else { name });
    let need = profile.and_then(|name| needs.iter().find(|need| need.name == name));
    let bytes = match need {
        Some(need) => Some(need.device_bytes()),
        None => projections.placement(answer.n_gpu_layers).map(|placement| placement.on_devices().total_bytes()),
    };
    let takes = bytes.map_or_else(String::new, |bytes| format!(", {}", against(bytes, memory)));
    let asks = if answer.asked_layers < 0 { "all".into() } else { answer.asked_layers.to_string() };
    let named = answer.profile.as_ref().map_or_else(String::new, |profile| format!("{profile}, "));
    let truly = if answer.asked_layers == i64::from(answer.n_gpu_layers) {
        "layers".into()
    } else {
        format!("layers = {}", answer.n_gpu_layers)
    };
    format!("{} {named}{asks} {truly}{takes}", answer.rule)
}

/// `5.58 GiB, leaves 0.42 GiB`.
fn against(bytes: u64, memory: u64) -> String {
    match memory.checked_sub(bytes) {
        Some(left) => format!("{}, leaves {}", gib(bytes), gib(left)),
        None => format!("{}, {} more than available", gib(bytes), gib(bytes - memory)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_or_missing_memory_is_stated() {
        assert_eq!(against(5 << 30, 6 << 30), "5.00 GiB, leaves 1.00 GiB");
        assert_eq!(against(6 << 30, 4 << 30), "6.00 GiB, 2.00 GiB more than available");
    }
}
