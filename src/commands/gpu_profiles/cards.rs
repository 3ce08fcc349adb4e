//! Cards by their memory: what fits on each, what the app would do there, and what the documents' rules say.

use serde_json::json;

use super::foresee::{Foreseen, card_budget};
use super::only_project::ProfileNeed;
use crate::advise::{MemoryBudget, PlacementPick, RuleAnswer, gib, gpu_rules, table_cards};
use crate::failure::Failure;
use crate::plan::GpuProfilesPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};

/// A card, and what was picked for it.
#[derive(Debug)]
pub(super) struct PickedCard {
    /// Its name: `6GiB`, `RTX 4050`.
    pub(super) name: String,
    /// What there is to fill.
    pub(super) budget: MemoryBudget,
    /// The pick; `None` where not even the buffers of a placement without layers fit.
    pub(super) pick: Option<PlacementPick>,
}

/// What is picked for cards of these sizes.
pub(super) fn picked(
    foreseen: &Foreseen,
    plan: &GpuProfilesPlan,
    cards_bytes: &[u64],
) -> Result<Vec<PickedCard>, Failure> {
    let of = |&bytes: &u64| {
        let budget = card_budget(bytes, plan)?;
        let name = crate::cli::MemorySize { bytes }.to_string();
        Ok(PickedCard { name, pick: foreseen.pick(&budget), budget })
    };
    cards_bytes.iter().map(of).collect()
}

impl PickedCard {
    /// The pick in one sentence.
    pub(super) fn sentence(&self) -> String {
        let kept = gib(self.budget.reserve_bytes);
        match &self.pick {
            Some(pick) => format!("{}, {kept} of it kept free: {}", self.name, pick.why()),
            None => format!("{}, {kept} of it kept free: nothing fits; leave the card alone.", self.name),
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
            path: format!("card/{}", self.name.replace(' ', "-")),
            state: CaseState::Ok,
            reason: None,
            duration_s: 0.0,
            conditions: json!({ "budget": self.budget, "pick": pick }),
            notes: pick.and_then(PlacementPick::why_not_runner_up).into_iter().collect(),
            metrics: vec![
                count("layers", pick.map(|pick| u64::from(pick.chosen.n_gpu_layers)), "count"),
                count("n_ctx", pick.map(|pick| u64::from(pick.chosen.n_ctx)), "count"),
                count("vram_projected", pick.map(|pick| pick.chosen.device_bytes), "bytes"),
                count("vram_available", Some(self.budget.available_bytes()), "bytes"),
                count("vram_spare", pick.map(PlacementPick::spare_bytes), "bytes"),
            ],
            histograms: Vec::new(),
        }
    }
}

/// The founding document's table for this model: a card a sentence.
pub(super) fn founding_table(
    foreseen: &Foreseen,
    plan: &GpuProfilesPlan,
    needs: &[ProfileNeed],
    model_bytes: u64,
) -> Result<Vec<String>, Failure> {
    let mut sentences = Vec::new();
    for card in table_cards() {
        let memory = card.memory_gib << 30;
        let budget = card_budget(memory, plan)?;
        let answers = gpu_rules().iter().map(|rule| rule.answer(memory, model_bytes, foreseen.offloadable()));
        let rules: Vec<String> = answers.map(|answer| rule_words(&answer, foreseen, needs, memory)).collect();
        let app = needs.first().map_or_else(String::new, |need| {
            format!("the app takes {} ({})", against(need.device_bytes, memory), need.name)
        });
        let fits = foreseen.pick(&budget).map_or_else(
            || "nothing".into(),
            |pick| {
                let chosen = &pick.chosen;
                format!("{} (context {}, {})", counted(chosen.n_gpu_layers, "layer"), chosen.n_ctx, chosen.kv_type)
            },
        );
        sentences.push(format!(
            "{}, {} GiB: {app}. Rules: {}. Beside {} for Unity fit {fits}. The document has: {}, wants {}.",
            card.name,
            card.memory_gib,
            rules.join("; "),
            gib(budget.reserve_bytes),
            card.today,
            card.wanted
        ));
    }
    Ok(sentences)
}

fn rule_words(answer: &RuleAnswer, foreseen: &Foreseen, needs: &[ProfileNeed], memory: u64) -> String {
    // The founding document's "cpu" is the app's cpu_fallback.
    let profile = answer.profile.as_deref().map(|name| if name == "cpu" { "cpu_fallback" } else { name });
    let need = profile.and_then(|name| needs.iter().find(|need| need.name == name));
    let bytes = match need {
        Some(need) => Some(need.device_bytes),
        None => foreseen.placement(answer.n_gpu_layers).map(|placement| placement.on_devices().total_bytes()),
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
        None => format!("{}, {} more than there is", gib(bytes), gib(bytes - memory)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_or_lacks_is_said() {
        assert_eq!(against(5 << 30, 6 << 30), "5.00 GiB, leaves 1.00 GiB");
        assert_eq!(against(6 << 30, 4 << 30), "6.00 GiB, 2.00 GiB more than there is");
    }
}
