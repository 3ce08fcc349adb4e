//! The engine settings that sweeps have measured, without any rule.

use serde_json::Map;

use super::by_threads;
use super::recommendation::{Basis, Choice, Objective};
use super::recommendation_input::{GpuInput, RecommendationInput};
use crate::record::Run;

/// What the newest sweep among these runs chooses for a conversation beside the avatar: thread counts, and what else it compared.
/// Settings whose differences the noise hid are not among them.
#[must_use]
pub fn measured_settings(runs: &[Run]) -> Vec<Choice> {
    let beside_the_avatar = RecommendationInput {
        objective: Objective::Responsive,
        physical_cores: None,
        logical_cpus: None,
        memory_bytes: None,
        card: GpuInput::None,
        model: None,
        profiles: Vec::new(),
        current_profile: None,
        current: Map::new(),
    };
    let choices = by_threads::choices(&beside_the_avatar, runs).into_iter();
    choices.filter(|choice| choice.basis == Basis::Measured && choice.value.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::recommendation::Setting;
    use super::*;
    use crate::record::{Case, CaseState, Direction, Metric};

    /// A sweep of two priorities beside a scene, with each setting's speed and late frames.
    fn sweep() -> Run {
        let case = |threads: u64, priority: &str, test: &str, tokens_per_s: f64, late_percent: f64| Case {
            path: format!("render/{test}64/threads={threads}/prio={priority}"),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: json!({
                "load": "render", "test": test, "n_depth": 1024, "n_threads": threads, "priority": priority,
                "flash_attn": "off", "type_k": "f16", "use_mmap": true, "late_limit_percent": 1.0,
                "samples_ts": vec![tokens_per_s; 8], "samples_round": (0..8).collect::<Vec<_>>(),
            }),
            notes: Vec::new(),
            metrics: vec![Metric::plain("frames_late", "%", late_percent, 600, Direction::Lower)],
            histograms: Vec::new(),
        };
        let mut run = crate::record::sample::run();
        run.command = "threads".into();
        run.cases = ["tg", "pp"]
            .into_iter()
            .flat_map(|test| {
                [
                    case(1, "normal", test, 40.0, 0.2),
                    case(2, "normal", test, 45.0, 17.0),
                    case(2, "low", test, 43.0, 0.3),
                ]
            })
            .collect();
        run
    }

    #[test]
    fn the_settings_of_a_sweep_are_those_that_keep_the_frames() {
        let choices = measured_settings(&[sweep()]);
        let value = |setting: Setting| {
            choices.iter().find(|choice| choice.setting == setting).and_then(|choice| choice.value.clone())
        };
        assert_eq!(value(Setting::NThreads), Some(json!(2)));
        assert_eq!(value(Setting::Priority), Some(json!("low")));
        assert_eq!(value(Setting::FlashAttn), None, "it was not compared");
        assert_eq!(measured_settings(&[]), []);
    }

    #[test]
    fn later_sweep_of_one_count_decides_other_settings_only() {
        let mut further = sweep();
        further.cases.retain(|case| case.conditions["priority"] == "low");
        let unmapped: Vec<Case> = further.cases.clone();
        further.cases.extend(unmapped.into_iter().map(|mut case| {
            case.path += "/mmap=off";
            case.conditions["use_mmap"] = json!(false);
            case.conditions["samples_ts"] = json!(vec![30.0; 8]);
            case
        }));
        let choices = measured_settings(&[sweep(), further.clone()]);
        let of = |setting: Setting| choices.iter().find(|choice| choice.setting == setting).unwrap();
        assert_eq!((&of(Setting::NThreads).value, &of(Setting::UseMmap).value), (&Some(json!(2)), &Some(json!(true))));
        assert!(of(Setting::NThreads).reason.contains("of those that keep the avatar's frame rate"), "{choices:?}");
        // At another priority than the one that was chosen, it says nothing.
        for case in &mut further.cases {
            case.conditions["priority"] = json!("idle");
        }
        let choices = measured_settings(&[sweep(), further]);
        assert!(choices.iter().all(|choice| choice.setting != Setting::UseMmap), "{choices:?}");
    }

    #[test]
    fn settings_of_equal_speed_stay_as_the_application_has_them() {
        let mut further = sweep();
        further.cases.retain(|case| case.conditions["priority"] == "low");
        let mapped = further.cases.clone();
        for case in &mut further.cases {
            case.path += "/mmap=off";
            case.conditions["use_mmap"] = json!(false);
        }
        // The order of a record is not one of preference.
        further.cases.extend(mapped);
        let choices = measured_settings(&[sweep(), further]);
        let mapping = choices.iter().find(|choice| choice.setting == Setting::UseMmap).unwrap();
        assert_eq!(mapping.value, Some(json!(true)), "{mapping:?}");
    }
}
