//! Where recommended settings come from: a file, the configuration, sweeps that were saved, or, where nothing was measured, a rule.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::cpus::usable_counts;
use super::companion_settings::{CompanionSettings, CompanionSettingsError};
use crate::advise::threads::later_rule;
use crate::advise::{Basis, measured_settings};
use crate::config::WorklyConfig;
use crate::record::{Run, Topology};

/// What the newest sweep of this machine and model has measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredSettings {
    /// By the names of the settings.
    values: Map<String, Value>,
    /// The run.
    run: String,
}

impl MeasuredSettings {
    /// From the saved runs of this machine and model; `None` if no sweep is among them, or its noise hid every difference.
    #[must_use]
    pub fn of(runs: &[Run]) -> Option<Self> {
        let choices = measured_settings(runs);
        let run = choices.iter().flat_map(|choice| &choice.evidence).map(|evidence| evidence.run.clone()).next()?;
        let values: Map<String, Value> =
            choices.into_iter().filter_map(|choice| Some((choice.setting.key().into(), choice.value?))).collect();
        (!values.is_empty()).then_some(Self { values, run })
    }
}

/// What is recommended where no recommendation was named: what `apply` has written into the configuration, as far as it was measured;
/// what the newest sweep has measured; and the thread count of the documents' later rule only where there is neither.
pub(super) fn recommended(
    app: CompanionSettings,
    config: &WorklyConfig,
    measured: Option<&MeasuredSettings>,
    topology: &Topology,
) -> CompanionSettings {
    const CONFIGURATION: &str = "the performance section of the configuration";
    match (&config.performance, measured) {
        (Some(written), Some(measured)) if is_by_rule(written) => {
            let values = written.clone().into_iter().chain(measured.values.clone()).collect();
            app.recommended(
                &values,
                format!("{CONFIGURATION}, with what {} has measured in place of rules", measured.run),
            )
        }
        (Some(written), _) => app.recommended(written, CONFIGURATION.into()),
        (None, Some(measured)) => app.recommended(&measured.values, format!("measured by {}", measured.run)),
        (None, None) => by_rule(app, topology),
    }
}

fn by_rule(app: CompanionSettings, topology: &Topology) -> CompanionSettings {
    let (cores, cpus) = usable_counts(topology);
    // The rule takes two threads on a single core; more than may be used only hold each other back.
    let threads = later_rule(cores, cpus).min(cpus);
    let values = Map::from_iter(["n_threads", "n_threads_batch"].map(|key| (key.into(), threads.into())));
    app.recommended(&values, "based only on rules; for measured settings, run workly-perf recommend".into())
}

/// Whether a section says that its thread count was not measured.
fn is_by_rule(section: &Map<String, Value>) -> bool {
    let provenance = section.get("provenance").unwrap_or(&Value::Null);
    provenance["basis"]["n_threads"] == Basis::Rule.word()
}

/// The members of a recommendation that matter here.
#[derive(Deserialize)]
struct RecommendedChoices {
    choices: Vec<RecommendedChoice>,
}

#[derive(Deserialize)]
struct RecommendedChoice {
    setting: String,
    value: Option<Value>,
}

/// Reads the values of a recommendation: from its file, or from the folder of the run that made it.
///
/// # Errors
/// [`CompanionSettingsError::NotARecommendation`].
pub(super) fn read_recommendation(path: &Path) -> Result<Map<String, Value>, CompanionSettingsError> {
    let file = if path.is_dir() { path.join("recommendation.json") } else { path.to_owned() };
    let fault = |detail: String| CompanionSettingsError::NotARecommendation { path: file.clone(), detail };
    let text = std::fs::read_to_string(&file).map_err(|error| fault(error.to_string()))?;
    let RecommendedChoices { choices } = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    Ok(choices.into_iter().filter_map(|choice| Some((choice.setting, choice.value?))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::cpus::tests::topology;
    use super::*;
    use crate::llm::GpuProfile;

    fn after(performance: Option<Value>, measured: Option<Value>) -> CompanionSettings {
        let config = WorklyConfig {
            performance: performance.and_then(|section| section.as_object().cloned()),
            ..WorklyConfig::default()
        };
        let measured = measured
            .and_then(|values| Some(MeasuredSettings { values: values.as_object()?.clone(), run: "a-sweep".into() }));
        let app = CompanionSettings::app(&GpuProfile::built_in()[0], Some(2));
        recommended(app, &config, measured.as_ref(), &topology(2, 2, None))
    }

    #[test]
    fn no_rule_contradicts_a_sweep() {
        let measured = json!({"n_threads": 1, "priority": "low", "flash_attn": "on", "kv_type": "q8_0"});
        let arm = after(None, Some(measured.clone()));
        assert_eq!((arm.n_threads, arm.priority.name(), arm.flash_attn.name()), (1, "low", "on"));
        assert_eq!((arm.kv_type.name(), arm.source.as_str()), ("q8_0", "measured by a-sweep"));
        let by_rule = json!({"n_threads": 2, "n_ctx": 1024, "provenance": {"basis": {"n_threads": "rule"}}});
        let mixed = after(Some(by_rule.clone()), Some(measured.clone()));
        assert_eq!((mixed.n_threads, mixed.n_ctx, mixed.priority.name()), (1, 1024, "low"));
        assert!(mixed.source.contains("a-sweep has measured in place of rules"), "{}", mixed.source);
        let by_measuring = json!({"n_threads": 2, "provenance": {"basis": {"n_threads": "measured"}}});
        assert_eq!(after(Some(by_measuring), Some(measured)).n_threads, 2, "what was applied is what is compared");
        assert_eq!(after(Some(by_rule), None).n_threads, 2);
        assert!(after(None, None).source.starts_with("based only on rules"));
    }
}
