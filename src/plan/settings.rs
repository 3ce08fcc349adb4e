//! From a recommendation to what is set in Workly's configuration: what Workly reads goes to `ai`, the rest with its
//! provenance to `performance`.

use serde_json::{Map, Value, json};

use crate::advise::{Objective, Recommendation, Setting};
use crate::cli::ObjectiveArg;
use crate::config::{AppProfile, Patch};

/// The objective of the command line.
pub(super) fn objective(arg: ObjectiveArg) -> Objective {
    match arg {
        ObjectiveArg::Responsive => Objective::Responsive,
        ObjectiveArg::Fast => Objective::Fast,
        ObjectiveArg::Light => Objective::Light,
    }
}

/// What the recommendation sets. Settings that it leaves as they are, or that Workly would refuse, are not among it.
#[must_use]
pub fn settings_patch(recommendation: &Recommendation) -> Patch {
    let mut patch = Patch::default();
    let mut basis = Map::new();
    for choice in &recommendation.choices {
        let Some(value) = &choice.value else { continue };
        basis.insert(choice.setting.key().into(), choice.basis.word().into());
        patch = match choice.setting {
            Setting::GpuProfile => match value.as_str().and_then(AppProfile::from_word) {
                Some(profile) => patch.gpu_profile(profile),
                None => continue,
            },
            setting => patch.performance(setting.key(), value.clone()),
        };
    }
    if patch.is_empty() {
        return patch;
    }
    let provenance = json!({
        "tool": recommendation.tool,
        "run": recommendation.run_id,
        "time": recommendation.created,
        "objective": recommendation.objective.word(),
        "simulated": !recommendation.simulated.is_empty(),
        "basis": Value::Object(basis),
    });
    patch.performance("provenance", provenance)
}
