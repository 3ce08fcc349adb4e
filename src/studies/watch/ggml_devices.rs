//! ggml's compute devices in this build.

use serde_json::Value;
#[cfg(feature = "llama")]
use serde_json::json;

#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, Device};

/// The devices, as JSON.
#[cfg(feature = "llama")]
pub(crate) fn ggml_devices() -> Value {
    let devices = Backend::start().map(Backend::devices).unwrap_or_default();
    let device = |device: &Device| {
        json!({
            "name": device.name,
            "description": device.description,
            "backend": device.backend,
            "kind": format!("{:?}", device.kind),
            "memory_total_bytes": device.memory_total_bytes,
            "memory_free_bytes": device.memory_free_bytes,
        })
    };
    devices.iter().map(device).collect()
}

/// None: there is no ggml.
#[cfg(not(feature = "llama"))]
pub(crate) fn ggml_devices() -> Value {
    Value::Null
}
