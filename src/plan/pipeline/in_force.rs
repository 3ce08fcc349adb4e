//! The parameters that a run of `launch` read back from llama.cpp, as the settings of one side.

use std::path::Path;

use serde_json::{Map, Value};

use super::companion_settings::CompanionSettings;
use crate::llm::engine::{FlashAttention, KvType};
use crate::llm::gguf::TensorType;
use crate::record::{RecordFolder, Run};

/// llama-cpp-python's number for all layers.
const ALL_LAYERS: i64 = i32::MAX as i64;

/// The run of `launch` at that path; `None` for anything else.
pub(super) fn launch_run(path: &Path) -> Option<Run> {
    RecordFolder::read(path).ok().filter(|run| run.command == "launch")
}

impl CompanionSettings {
    /// These settings with the parameters from that run. The kind of reaction is unchanged.
    ///
    /// # Errors
    /// Why the run has no usable parameters.
    pub(super) fn measured(self, run: &Run) -> Result<Self, String> {
        let in_force = run.cases.first().map_or(&Value::Null, |case| &case.conditions["in_force"]);
        let parameters = match in_force {
            Value::Object(parameters) => parameters,
            Value::Array(_) => return Err("the parameters changed while it was measured".into()),
            _ => return Err("the application made no call of the model".into()),
        };
        let number = |key: &str, otherwise: u32| {
            parameters.get(key).and_then(Value::as_u64).and_then(|value| u32::try_from(value).ok()).unwrap_or(otherwise)
        };
        let layers = parameters.get("n_gpu_layers").and_then(Value::as_i64).unwrap_or(self.n_gpu_layers);
        let n_batch = number("n_batch", self.n_batch);
        Ok(Self {
            name: "launch".into(),
            source: format!("in force in {}", run.run_id),
            n_threads: number("n_threads", self.n_threads),
            n_threads_batch: number("n_threads_batch", self.n_threads_batch),
            n_gpu_layers: if layers >= ALL_LAYERS { -1 } else { layers },
            n_ctx: number("n_ctx", self.n_ctx),
            n_batch,
            n_ubatch: number("n_ubatch", n_batch),
            flash_attn: flash_attention(parameters).unwrap_or(self.flash_attn),
            kv_type: cache_type(parameters)?.unwrap_or(self.kv_type),
            use_mmap: mapped(parameters).unwrap_or(self.use_mmap),
            use_mlock: locked(parameters).unwrap_or(self.use_mlock),
            ..self
        })
    }
}

/// `flash_attn_type` of recent versions, otherwise `flash_attn` of older ones.
fn flash_attention(parameters: &Map<String, Value>) -> Option<FlashAttention> {
    match (parameters.get("flash_attn_type").and_then(Value::as_i64), parameters.get("flash_attn")) {
        (Some(-1), _) => Some(FlashAttention::Auto),
        (Some(0), _) | (None, Some(Value::Bool(false))) => Some(FlashAttention::Off),
        (Some(1), _) | (None, Some(Value::Bool(true))) => Some(FlashAttention::On),
        _ => None,
    }
}

/// `load_mode` of recent versions (`LLAMA_LOAD_MODE_MMAP` is 1, `…_MLOCK` 2, both 3), otherwise `use_mmap` of older ones.
fn mapped(parameters: &Map<String, Value>) -> Option<bool> {
    loaded_with(parameters, [1, 3]).or_else(|| parameters.get("use_mmap")?.as_bool())
}

/// The same for `use_mlock`.
fn locked(parameters: &Map<String, Value>) -> Option<bool> {
    loaded_with(parameters, [2, 3]).or_else(|| parameters.get("use_mlock")?.as_bool())
}

/// Whether the load mode is one of these; `None` without a mode, or where llama.cpp chose it.
fn loaded_with(parameters: &Map<String, Value>, modes: [i64; 2]) -> Option<bool> {
    let mode = parameters.get("load_mode")?.as_i64().filter(|mode| *mode >= 0)?;
    Some(modes.contains(&mode))
}

/// The common type of keys and values, by ggml's number.
fn cache_type(parameters: &Map<String, Value>) -> Result<Option<KvType>, String> {
    let [keys, values] = ["type_k", "type_v"].map(|key| parameters.get(key).and_then(Value::as_u64));
    let (Some(keys), Some(values)) = (keys, values) else { return Ok(None) };
    if keys != values {
        return Err("keys and values of its cache have different types".into());
    }
    let found = u32::try_from(keys).ok().and_then(TensorType::by_id);
    let parsed = found.and_then(|kind| kind.name.to_lowercase().parse().ok());
    parsed.map(Some).ok_or_else(|| format!("its cache has the unknown type {keys}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llm::GpuProfile;

    fn measured(in_force: &Value) -> Result<CompanionSettings, String> {
        let parameters = in_force.as_object().unwrap();
        let app = CompanionSettings::app(&GpuProfile::built_in()[0], Some(2));
        let kv_type = cache_type(parameters)?.unwrap_or(app.kv_type);
        Ok(CompanionSettings { kv_type, flash_attn: flash_attention(parameters).unwrap_or(app.flash_attn), ..app })
    }

    #[test]
    fn cache_and_flash_attention_use_llama_cpps_numbers() {
        let found = measured(&json!({"type_k": 8, "type_v": 8, "flash_attn_type": 1})).unwrap();
        assert_eq!((found.kv_type, found.flash_attn), (KvType::Q8_0, FlashAttention::On));
        let older = measured(&json!({"type_k": 1, "type_v": 1, "flash_attn": true})).unwrap();
        assert_eq!((older.kv_type, older.flash_attn), (KvType::F16, FlashAttention::On));
        let auto = measured(&json!({"flash_attn_type": -1})).unwrap();
        assert_eq!((auto.kv_type, auto.flash_attn), (KvType::F16, FlashAttention::Auto));
        let how = |in_force: Value| {
            let parameters = in_force.as_object().unwrap();
            (mapped(parameters), locked(parameters))
        };
        assert_eq!(how(json!({"load_mode": 3})), (Some(true), Some(true)));
        assert_eq!(how(json!({"load_mode": 1})), (Some(true), Some(false)));
        assert_eq!(how(json!({"use_mmap": false, "use_mlock": true})), (Some(false), Some(true)));
        assert_eq!((how(json!({"load_mode": -1})), how(json!({}))), ((None, None), (None, None)));
        assert!(measured(&json!({"type_k": 8, "type_v": 1})).unwrap_err().contains("different types"));
        assert!(measured(&json!({"type_k": 99, "type_v": 99})).unwrap_err().contains("unknown type 99"));
    }
}
