//! From a recommendation to changes of Workly's configuration: settings that Workly reads go to `ai`, the others with
//! their provenance to `performance`.

use serde_json::{Map, Value, json};

use crate::advise::{Objective, Recommendation, Setting};
use crate::cli::ObjectiveArg;
use crate::config::{AppProfile, Patch};

/// Converts the objective of the command line.
pub(super) fn objective(arg: ObjectiveArg) -> Objective {
    match arg {
        ObjectiveArg::Responsive => Objective::Responsive,
        ObjectiveArg::Fast => Objective::Fast,
        ObjectiveArg::Light => Objective::Light,
    }
}

/// The changes of a recommendation. Unchanged settings, and those that Workly would reject, are not included.
#[must_use]
pub fn settings_patch(recommendation: &Recommendation) -> Patch {
    let profile = recommendation.choice(Setting::GpuProfile).and_then(|choice| choice.value.as_ref()?.as_str());
    let profile = profile.and_then(AppProfile::from_word);
    let patch = profile.map_or_else(Patch::default, |profile| Patch::default().gpu_profile(profile));
    let section = performance_section(recommendation);
    if patch.is_empty() && section.len() < 2 {
        // Without values there is no provenance.
        return patch;
    }
    section.into_iter().fold(patch, |patch, (key, value)| patch.performance(&key, value))
}

/// The section `performance`: the values of a recommendation, then their provenance.
pub(super) fn performance_section(recommendation: &Recommendation) -> Map<String, Value> {
    let mut section = Map::new();
    let mut basis = Map::new();
    for choice in &recommendation.choices {
        let Some(value) = &choice.value else { continue };
        basis.insert(choice.setting.key().into(), choice.basis.word().into());
        if choice.setting != Setting::GpuProfile {
            section.insert(choice.setting.key().into(), value.clone());
        }
    }
    let provenance = json!({
        "tool": recommendation.tool,
        "run": recommendation.run_id,
        "time": recommendation.created,
        "objective": recommendation.objective.word(),
        "simulated": !recommendation.simulated.is_empty(),
        "basis": Value::Object(basis),
    });
    section.insert("provenance".into(), provenance);
    section
}
