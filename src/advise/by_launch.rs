//! What runs of `launch` add: measurements of the application in use show its actual parameters and the length of its
//! prompts.

use serde_json::Value;

use super::recommendation::{Basis, Choice, Confidence, Evidence, Setting};
use super::recommendation_input::RecommendationInput;
use crate::plural::counted;
use crate::record::Run;

/// Step of the recommended context size, in tokens.
const STEP: u64 = 256;

/// The recommended cache types with their ggml numbers.
const CACHE_TYPES: [(u64, &str); 3] = [(0, "f32"), (1, "f16"), (8, "q8_0")];

/// llama-cpp-python's number for all layers.
const ALL_LAYERS: u64 = i32::MAX as u64;

/// The newest run that measured the application without settings of ours: its own behaviour.
fn by_itself(runs: &[Run]) -> Option<&Run> {
    in_place(runs).find(|run| run.plan["source"] == "none")
}

/// Runs with calls, newest first.
fn in_place(runs: &[Run]) -> impl Iterator<Item = &Run> {
    let has_calls = |run: &&Run| figure(run, "call", "calls").is_some_and(|calls| calls > 0.0);
    runs.iter().rev().filter(|run| run.command == "launch").filter(has_calls)
}

fn figure(run: &Run, case: &str, metric: &str) -> Option<f64> {
    run.cases.iter().find(|one| one.path == case)?.metric(metric)?.value
}

/// The speed of the application in use, from the newest run.
#[must_use]
pub fn measured_in_place(runs: &[Run]) -> Vec<Evidence> {
    let run = by_itself(runs).or_else(|| in_place(runs).next());
    let figure = |(case, metric): (&str, &str)| {
        let run = run?;
        Evidence::of(run, run.cases.iter().find(|one| one.path == case)?, metric)
    };
    [("first_token", "mean"), ("generation", "avg_ts")].into_iter().filter_map(figure).collect()
}

/// `In use (run …) the application took to the first token 812.0 ms (n 12) and generated 9.3 tokens/s (n 12).`
pub(super) fn in_place_sentence(figures: &[Evidence]) -> Option<String> {
    let run = &figures.first()?.run;
    let figure = |one: &Evidence| {
        let words = if one.metric == "avg_ts" { "generated" } else { "took to the first token" };
        format!("{words} {:.1} {} (n {})", one.value, one.unit, one.n)
    };
    let told: Vec<String> = figures.iter().map(figure).collect();
    Some(format!("In use (run {run}) the application {}.", told.join(" and ")))
}

/// Replaces what the profile says about the application by what was measured.
pub(super) fn application(choices: &mut [Choice], runs: &[Run]) {
    let Some(run) = by_itself(runs) else { return };
    let in_force = run.cases.first().map_or(&Value::Null, |case| &case.conditions["in_force"]);
    for choice in choices {
        if let Some(value) = value_of(choice.setting, in_force) {
            choice.application = Some(value);
        }
    }
}

/// The value of a setting among the parameters in force; `None` if it is unknown or changed during the run.
fn value_of(setting: Setting, in_force: &Value) -> Option<Value> {
    match setting {
        Setting::NThreads | Setting::NThreadsBatch | Setting::NCtx | Setting::NBatch => {
            in_force[setting.key()].as_u64().map(Value::from)
        }
        // *All* is not a layer count of this model.
        Setting::NGpuLayers => in_force["n_gpu_layers"].as_u64().filter(|layers| *layers < ALL_LAYERS).map(Value::from),
        Setting::KvType => {
            let (keys, values) = (in_force["type_k"].as_u64()?, in_force["type_v"].as_u64()?);
            CACHE_TYPES.into_iter().find(|(number, _)| *number == keys && keys == values).map(|(_, name)| name.into())
        }
        Setting::FlashAttn => match in_force["flash_attn_type"].as_i64() {
            Some(0) => Some("off".into()),
            Some(1) => Some("on".into()),
            _ => None,
        },
        _ => None,
    }
}

/// Increases the recommended context if the application needed more: a prompt that does not fit is lost.
pub(super) fn context(input: &RecommendationInput, choices: &mut [Choice], runs: &[Run]) {
    let Some(run) = in_place(runs).next() else { return };
    let Some(case) = run.cases.iter().find(|case| case.path == "prompt") else { return };
    let Some(longest) = Evidence::of(run, case, "prompt_tokens_max") else { return };
    let reply = figure(run, "generation", "tokens_max").unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Token counts.
    let needed = (longest.value + reply).max(0.0) as u64;
    let refused = figure(run, "call", "does_not_fit").unwrap_or(0.0);
    let trained = input.model.as_ref().and_then(|model| model.trained_context);
    let chosen = choices.iter_mut().find(|choice| choice.setting == Setting::NCtx);
    let Some(choice) =
        chosen.filter(|choice| choice.value.as_ref().and_then(Value::as_u64).is_some_and(|n| n < needed))
    else {
        return;
    };
    let wanted = needed.next_multiple_of(STEP);
    let value = trained.map_or(wanted, |trained| wanted.min(trained));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A call count.
    let lost = if refused > 0.0 {
        format!("; {} did not fit the context and got no answer", counted(refused as u64, "call"))
    } else {
        String::new()
    };
    *choice = Choice {
        basis: Basis::Measured,
        confidence: Confidence::Likely,
        reason: format!("in use, the longest prompt with its reply needed {needed} tokens{lost}"),
        evidence: vec![longest],
        cost: "memory for each token".into(),
        ..Choice::by_rule(Setting::NCtx, value, "")
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::recommendation_input::{GpuInput, ModelNeeds};
    use super::*;
    use crate::advise::Objective;
    use crate::record::{Case, CaseState, Direction, Metric, sample};

    fn case(path: &str, metrics: Vec<Metric>) -> Case {
        Case {
            path: path.into(),
            state: CaseState::Ok,
            reason: None,
            duration_s: 60.0,
            conditions: json!({"in_force": {"n_threads": 6, "n_threads_batch": 2, "n_ctx": 2048, "n_batch": 256, "type_k": 1,
                                            "type_v": 1, "flash_attn_type": 0, "n_gpu_layers": 35}}),
            notes: Vec::new(),
            metrics,
            histograms: Vec::new(),
        }
    }

    /// A run with twelve calls, with its longest prompt and reply.
    fn run(source: &str, (prompt, reply): (f64, f64), does_not_fit: f64) -> Run {
        let plain = |name: &str, value: f64| Metric::plain(name, "count", value, 12, Direction::None);
        let cases = vec![
            case("first_token", vec![plain("mean", 800.0)]),
            case("generation", vec![plain("avg_ts", 9.0), plain("tokens_max", reply)]),
            case("prompt", vec![plain("prompt_tokens_max", prompt)]),
            case("call", vec![plain("calls", 12.0), plain("does_not_fit", does_not_fit)]),
        ];
        Run { command: "launch".into(), plan: json!({ "source": source }), cases, ..sample::run() }
    }

    fn input(trained: u64) -> RecommendationInput {
        RecommendationInput {
            objective: Objective::Responsive,
            physical_cores: Some(2),
            logical_cpus: Some(2),
            memory_bytes: None,
            card: GpuInput::None,
            model: Some(ModelNeeds {
                name: "m".into(),
                header_hash: String::new(),
                file_bytes: 1,
                trained_context: Some(trained),
                footprints: Vec::new(),
                footprint_basis: Basis::Rule,
            }),
            profiles: Vec::new(),
            current_profile: None,
            current: serde_json::Map::new(),
        }
    }

    fn context_after(runs: &[Run], trained: u64) -> Choice {
        let mut choices = vec![Choice::by_rule(Setting::NCtx, 2048, "the value of cpu_fallback")];
        context(&input(trained), &mut choices, runs);
        choices.remove(0)
    }

    #[test]
    fn measured_parameters_replace_those_of_the_profile() {
        let mut choices =
            [Setting::NThreads, Setting::NGpuLayers, Setting::KvType, Setting::FlashAttn, Setting::UseMmap].map(
                |setting| Choice { application: Some("by the profile".into()), ..Choice::by_rule(setting, 1, "r") },
            );
        application(&mut choices, &[run("configuration", (100.0, 10.0), 0.0)]);
        assert_eq!(choices[0].application, Some("by the profile".into()), "a run with our settings does not count");
        application(&mut choices, &[run("none", (100.0, 10.0), 0.0)]);
        let found: Vec<Value> = choices.into_iter().filter_map(|choice| choice.application).collect();
        assert_eq!(found, [json!(6), json!(35), json!("f16"), json!("off"), json!("by the profile")]);
    }

    #[test]
    fn too_short_context_grows_up_to_the_training_length() {
        assert_eq!(context_after(&[run("none", (1500.0, 200.0), 0.0)], 4096).value, Some(json!(2048)), "it fits");
        let longer = context_after(&[run("none", (2300.0, 200.0), 3.0)], 4096);
        assert_eq!((longer.value, longer.basis), (Some(json!(2560)), Basis::Measured));
        assert!(longer.reason.contains("2500 tokens; 3 calls did not fit"), "{}", longer.reason);
        assert_eq!(context_after(&[run("none", (2300.0, 200.0), 0.0)], 2304).value, Some(json!(2304)));
        assert_eq!(context_after(&[], 4096).value, Some(json!(2048)));
    }

    #[test]
    fn speed_in_use_comes_from_the_run_without_settings() {
        let runs = [run("none", (100.0, 10.0), 0.0), run("configuration", (100.0, 10.0), 0.0)];
        let told: Vec<f64> = measured_in_place(&runs).iter().map(|evidence| evidence.value).collect();
        assert_eq!(told, [800.0, 9.0]);
        let sentence = in_place_sentence(&measured_in_place(&runs)).unwrap();
        assert!(
            sentence.ends_with("took to the first token 800.0 count (n 12) and generated 9.0 count (n 12)."),
            "{sentence}"
        );
        assert_eq!(in_place_sentence(&[]), None);
        assert!(measured_in_place(&[]).is_empty());
    }
}
