//! The longest context that the model and free memory allow, determined before the application starts.

use super::super::recommend::card;
use crate::advise::GpuInput;
use crate::host;
use crate::llm::{GpuProfile, KvBytes, ModelFacts, PerBlock};
use crate::plan::LaunchPlan;

/// Memory that stays free for everything else.
const KEPT_FREE_BYTES: u64 = 1 << 30;

/// GPU memory that stays free for the avatar, the desktop and the driver.
const KEPT_FREE_OF_GPU_BYTES: u64 = 3 << 29;

/// Step size of the context, in tokens.
const STEP: u64 = 256;

/// Default batch size of llama-cpp-python, in tokens.
const USUAL_BATCH: u64 = 512;

/// Size of one attention score, in bytes.
const SCORE_BYTES: u64 = 4;

/// The longest context in tokens; `None` if the plan does not set one, or if model or memory is unknown.
pub(crate) fn longest_context(plan: &LaunchPlan) -> Option<u64> {
    // Finding a GPU takes time, which only a changed context is worth.
    plan.settings.get("n_ctx")?;
    let model = plan.app.model.as_deref()?;
    let facts = ModelFacts::read(model, GpuProfile::built_in()).ok()?;
    let layers = plan.settings.get("n_gpu_layers").and_then(serde_json::Value::as_i64).unwrap_or(plan.app.n_gpu_layers);
    let free_bytes = if layers == 0 { free_memory() } else { free_for_layers() }?;
    longest_within(plan, &facts, free_bytes.checked_sub(facts.file_bytes)?)
}

fn free_memory() -> Option<u64> {
    Some(host::available_memory_bytes().value()?.saturating_sub(KEPT_FREE_BYTES))
}

/// Free memory of the GPU, or of the machine if llama.cpp can use no GPU; `None` if unknown.
fn free_for_layers() -> Option<u64> {
    match card(None, &host::machine().gpus) {
        GpuInput::None => free_memory(),
        GpuInput::Here { free_bytes: Some(free), .. } => Some(free.saturating_sub(KEPT_FREE_OF_GPU_BYTES)),
        GpuInput::Here { .. } | GpuInput::NotKnown { .. } => None,
    }
}

/// The longest context that fits into `free` bytes beside the weights and does not exceed the training length.
fn longest_within(plan: &LaunchPlan, facts: &ModelFacts, bytes: u64) -> Option<u64> {
    let fitting = bytes / token_bytes(plan, facts)?.max(1);
    let longest = facts.figures.trained_context.map_or(fitting, |trained| fitting.min(trained));
    Some((longest / STEP * STEP).max(STEP))
}

/// Bytes per token of context: keys and values and, without flash attention, attention scores.
fn token_bytes(plan: &LaunchPlan, facts: &ModelFacts) -> Option<u64> {
    let word = |key: &str| plan.settings.get(key).and_then(serde_json::Value::as_str);
    let kept = cache_bytes(facts.kv_bytes_per_token.known()?, word("kv_type").unwrap_or("f16"));
    if word("flash_attn") == Some("on") {
        return Some(kept);
    }
    let heads = match facts.figures.heads.as_ref()? {
        PerBlock::One(heads) => *heads,
        PerBlock::Each(heads) => heads.iter().copied().max()?,
    };
    let number = |key: &str| plan.settings.get(key).and_then(serde_json::Value::as_u64);
    let at_once = number("n_ubatch").or(number("n_batch")).unwrap_or(USUAL_BATCH);
    Some(kept.saturating_add(heads.saturating_mul(at_once).saturating_mul(SCORE_BYTES)))
}

/// KV cache of one token with that type. Quantised types that are not among the header's facts need less than F16.
fn cache_bytes(known: &KvBytes, kv_type: &str) -> u64 {
    match kv_type {
        "f32" => known.f16.saturating_mul(2),
        "q8_0" => known.q8_0.unwrap_or(known.f16),
        "q4_0" => known.q4_0.unwrap_or(known.f16),
        _ => known.f16,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::llm::ModelOutline;
    use crate::plan::{LaunchSettings, LaunchedApp, SettingsOrigin};

    fn plan(section: &Value, app: LaunchedApp) -> LaunchPlan {
        let cli = Cli::try_parse_from(["workly-perf", "launch", "--", "python", "main.py"]).unwrap();
        let Command::Launch(args) = cli.command else { panic!("launch") };
        let section = section.as_object().unwrap().clone();
        LaunchPlan::resolve(&args, LaunchSettings { source: SettingsOrigin::Configuration, section, app })
    }

    /// A model header with the shape of the application's: 32 blocks, 32 heads, 8 KV heads of 128.
    fn zephyr() -> ModelOutline {
        ModelOutline::of(&"synth:zephyr-7b".parse().unwrap()).unwrap()
    }

    #[test]
    fn context_fits_into_memory_with_cache_and_scores() {
        let outline = zephyr();
        let facts = ModelFacts::read(outline.path(), GpuProfile::built_in()).unwrap();
        let longest = |section: &Value, tokens: u64, bytes: u64| {
            longest_within(&plan(section, LaunchedApp::default()), &facts, tokens * bytes)
        };
        // 131,072 bytes of keys and values, and 32 heads × 128 tokens × 4 bytes of scores.
        let asked = json!({"n_ctx": 4096, "n_batch": 128});
        assert_eq!(longest(&asked, 3000, 131_072 + 16_384), Some(2816), "a whole number of steps");
        let small = json!({"n_ctx": 4096, "flash_attn": "on", "kv_type": "q8_0"});
        assert_eq!(longest(&small, 3000, 69_632), Some(2816), "flash attention keeps no scores");
        let trained = facts.figures.trained_context.unwrap();
        assert_eq!(longest(&asked, 1 << 20, 1 << 20), Some(trained), "not more than it was trained for");
        assert_eq!(longest(&asked, 0, 1), Some(256));
    }

    #[test]
    fn only_plans_that_set_the_context_have_a_limit() {
        let outline = zephyr();
        let app = |model: &std::path::Path| LaunchedApp { model: Some(model.into()), n_ctx_min: None, n_gpu_layers: 0 };
        assert_eq!(longest_context(&plan(&json!({"n_threads": 1}), app(outline.path()))), None);
        assert_eq!(longest_context(&plan(&json!({"n_ctx": 4096}), app("no/such.gguf".as_ref()))), None);
        assert_eq!(longest_context(&plan(&json!({"n_ctx": 4096}), LaunchedApp::default())), None);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no model").unwrap();
        assert_eq!(longest_context(&plan(&json!({"n_ctx": 4096}), app(file.path()))), None);
    }
}
