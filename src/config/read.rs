//! Reads the keys that measuring needs. Unknown keys are ignored; known ones of the wrong type are named.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::encoding::decoded;
use super::error::ConfigError;
use super::file::refusal;

/// What measuring needs from the configuration. A missing key is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorklyConfig {
    /// Where `unity.host` and `unity.port` say that Unity listens, as written. The application reads neither.
    pub unity: Option<String>,
    /// `avatar.auto_blink.enabled`.
    pub auto_blink: Option<bool>,
    /// `ai.model_path`, as written: relative paths start from the application's folder. Also `None` if it is empty.
    pub model_path: Option<PathBuf>,
    /// `ai.gpu_profile`, known to Workly or not.
    pub gpu_profile: Option<String>,
    /// `ai.system_prompt`.
    pub system_prompt: Option<String>,
    /// `ai.context_limit`: number of exchanges that are kept.
    pub context_limit: Option<usize>,
    /// `ai.max_tokens`: the longest reply, in tokens; also `None` if it is no whole number.
    pub max_tokens: Option<u64>,
    /// `avatar.auto_head_movement`.
    pub head_movement: Option<Map<String, Value>>,
    /// `performance`: what `workly-perf apply` wrote there.
    pub performance: Option<Map<String, Value>>,
    /// Why the application refuses the file, if it does: it then silently runs on its defaults.
    pub refusal: Option<String>,
}

impl WorklyConfig {
    /// Reads the file, with or without a byte order mark.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let text = decoded(path, bytes)?;
        let refusal = refusal(path, text.clone()).map(|error| error.to_string());
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let not_json = |detail: String| ConfigError::NotJson { path: path.into(), detail };
        let root: Value = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
        if !root.is_object() {
            return Err(not_json("its top-level value is not an object".into()));
        }
        let wrong = |key: &str, expected, found: &Value| ConfigError::WrongType {
            path: path.into(),
            key: key.into(),
            expected,
            found: found.to_string(),
        };
        for section in ["avatar", "ai"] {
            if let Some(found) = root.get(section).filter(|value| !value.is_object()) {
                return Err(wrong(section, "a section", found));
            }
        }
        let read_blink =
            |on: &Value| on.as_bool().ok_or_else(|| wrong("avatar.auto_blink.enabled", "true or false", on));
        let read_model = |path: &Value| match path {
            // What an application without a model may write: no reason to refuse it if no model is needed.
            Value::Null => Ok(None),
            Value::String(path) => Ok(Some(PathBuf::from(path)).filter(|path| path != Path::new(""))),
            other => Err(wrong("ai.model_path", "a file path", other)),
        };
        let text =
            |key: &str, found: &Value| found.as_str().map(String::from).ok_or_else(|| wrong(key, "a text", found));
        let section =
            |key: &str, found: &Value| found.as_object().cloned().ok_or_else(|| wrong(key, "a section", found));
        let read_limit = |limit: &Value| {
            let number = limit.as_u64().and_then(|limit| usize::try_from(limit).ok()).filter(|&limit| limit > 0);
            number.ok_or_else(|| wrong("ai.context_limit", "a whole number above 0", limit))
        };
        Ok(Self {
            unity: unity_address(&root),
            auto_blink: root.pointer("/avatar/auto_blink/enabled").map(read_blink).transpose()?,
            model_path: root.pointer("/ai/model_path").map(read_model).transpose()?.flatten(),
            gpu_profile: root.pointer("/ai/gpu_profile").map(|name| text("ai.gpu_profile", name)).transpose()?,
            system_prompt: root.pointer("/ai/system_prompt").map(|said| text("ai.system_prompt", said)).transpose()?,
            context_limit: root.pointer("/ai/context_limit").map(read_limit).transpose()?,
            max_tokens: root.pointer("/ai/max_tokens").and_then(Value::as_u64),
            head_movement: root
                .pointer("/avatar/auto_head_movement")
                .map(|head| section("avatar.auto_head_movement", head))
                .transpose()?,
            refusal,
            performance: root.get("performance").map(|found| section("performance", found)).transpose()?,
        })
    }
}

/// The address in the section `unity`, if there is one. No value is an error, because nothing reads it.
fn unity_address(root: &Value) -> Option<String> {
    let (host, port) = (root.pointer("/unity/host"), root.pointer("/unity/port"));
    host.or(port)?;
    let written = |value: Option<&Value>, default: &str| match value {
        None => default.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Some(format!("{}:{}", written(host, "127.0.0.1"), written(port, "5555")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WorklyConfig, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        WorklyConfig::read(file.path())
    }

    #[test]
    fn known_keys_are_read_and_missing_ones_stay_none() {
        let config = read(
            "\u{feff}{\"unity\": {\"host\": \"localhost\", \"port\": 5556}, \"avatar\": {\"auto_blink\": {\"enabled\": false}},
              \"ai\": {\"model_path\": \"models/é.gguf\", \"system_prompt\": \"Tu es Kira ✨, vêtue d'été\"}}",
        );
        let expected = WorklyConfig {
            unity: Some("localhost:5556".into()),
            auto_blink: Some(false),
            model_path: Some("models/é.gguf".into()),
            system_prompt: Some("Tu es Kira ✨, vêtue d'été".into()),
            refusal: None,
            ..WorklyConfig::default()
        };
        let config = config.unwrap();
        assert!(config.refusal.as_ref().is_some_and(|why| why.contains("byte order mark")), "{config:?}");
        assert_eq!(WorklyConfig { refusal: None, ..config }, expected);
        for (nothing, is_refused) in
            [("{}", false), (r#"{"ai": {"model_path": null}}"#, true), (r#"{"ai": {"model_path": ""}}"#, true)]
        {
            let config = read(nothing).unwrap();
            assert_eq!(config.refusal.is_some(), is_refused, "{nothing}");
            assert_eq!(WorklyConfig { refusal: None, ..config }, WorklyConfig::default());
        }
    }

    #[test]
    fn unread_values_are_not_faults_and_are_quoted_as_written() {
        for (text, address) in [
            (r#"{"unity": {"port": 6000}}"#, Some("127.0.0.1:6000")),
            (r#"{"unity": {"host": "::1", "port": "x"}}"#, Some("::1:x")),
            (r#"{"unity": 5}"#, None),
            (r#"{"unity": {}}"#, None),
        ] {
            assert_eq!(read(text).unwrap().unity.as_deref(), address, "{text}");
        }
    }

    #[test]
    fn faults_name_the_key_and_the_value() {
        for (text, fault) in [
            (r#"{"avatar": {"auto_blink": {"enabled": 1}}}"#, "avatar.auto_blink.enabled is 1"),
            (r#"{"ai": {"model_path": 7}}"#, "ai.model_path is 7"),
            (r#"{"ai": {"context_limit": 0}}"#, "ai.context_limit is 0, not a whole number above 0"),
            (r#"{"ai": {"gpu_profile": 2}}"#, "ai.gpu_profile is 2, not a text"),
            (r#"{"performance": []}"#, "performance is [], not a section"),
            ("{\"unity\": ", "line 1 column"),
            ("[1]", "not a JSON object"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(fault), "{text}: {error}");
        }
        let absent = WorklyConfig::read(Path::new("no/such/config.json"));
        assert!(matches!(absent, Err(ConfigError::Read { .. })));
    }
}
