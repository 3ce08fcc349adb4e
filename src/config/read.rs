//! Reads the keys that measuring needs. Unknown keys are none of our business; known ones of the wrong type are named.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::ConfigError;

/// What measuring needs of the configuration. A key that is not there is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorklyConfig {
    /// `unity.host`.
    pub unity_host: Option<String>,
    /// `unity.port`.
    pub unity_port: Option<u16>,
    /// `avatar.auto_blink.enabled`.
    pub auto_blink: Option<bool>,
    /// `ai.model_path`, as it is written: relative paths start from the application's folder. `None` too where it is empty.
    pub model_path: Option<PathBuf>,
    /// `ai.gpu_profile`, whether Workly knows it or not.
    pub gpu_profile: Option<String>,
    /// `ai.system_prompt`.
    pub system_prompt: Option<String>,
    /// `ai.context_limit`: messages that are remembered.
    pub context_limit: Option<usize>,
    /// `avatar.auto_head_movement`.
    pub head_movement: Option<Map<String, Value>>,
    /// `performance`: what `workly-perf apply` has written there.
    pub performance: Option<Map<String, Value>>,
}

impl WorklyConfig {
    /// Reads the file, with or without a byte order mark.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let not_json = |detail: String| ConfigError::NotJson { path: path.into(), detail };
        let root: Value = serde_json::from_slice(bytes).map_err(|error| not_json(error.to_string()))?;
        if !root.is_object() {
            return Err(not_json("its outermost value is something else".into()));
        }
        let wrong = |key: &str, expected, found: &Value| ConfigError::WrongType {
            path: path.into(),
            key: key.into(),
            expected,
            found: found.to_string(),
        };
        for section in ["unity", "avatar", "ai"] {
            if let Some(found) = root.get(section).filter(|value| !value.is_object()) {
                return Err(wrong(section, "a section", found));
            }
        }
        let read_host = |host: &Value| {
            let text = host.as_str().filter(|host| !host.is_empty());
            text.map(String::from).ok_or_else(|| wrong("unity.host", "a host name or address", host))
        };
        let read_port = |port: &Value| {
            let number = port.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
            number.ok_or_else(|| wrong("unity.port", "a port (1 to 65535)", port))
        };
        let read_blink =
            |on: &Value| on.as_bool().ok_or_else(|| wrong("avatar.auto_blink.enabled", "true or false", on));
        let read_model = |path: &Value| match path {
            // What an application without a model may write: no reason to refuse what needs none.
            Value::Null => Ok(None),
            Value::String(path) => Ok(Some(PathBuf::from(path)).filter(|path| path != Path::new(""))),
            other => Err(wrong("ai.model_path", "the path of a file", other)),
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
            unity_host: root.pointer("/unity/host").map(read_host).transpose()?,
            unity_port: root.pointer("/unity/port").map(read_port).transpose()?,
            auto_blink: root.pointer("/avatar/auto_blink/enabled").map(read_blink).transpose()?,
            model_path: root.pointer("/ai/model_path").map(read_model).transpose()?.flatten(),
            gpu_profile: root.pointer("/ai/gpu_profile").map(|name| text("ai.gpu_profile", name)).transpose()?,
            system_prompt: root.pointer("/ai/system_prompt").map(|said| text("ai.system_prompt", said)).transpose()?,
            context_limit: root.pointer("/ai/context_limit").map(read_limit).transpose()?,
            head_movement: root
                .pointer("/avatar/auto_head_movement")
                .map(|head| section("avatar.auto_head_movement", head))
                .transpose()?,
            performance: root.get("performance").map(|found| section("performance", found)).transpose()?,
        })
    }
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
    fn known_keys_are_read_and_absent_ones_stay_absent() {
        let config = read(
            "\u{feff}{\"unity\": {\"host\": \"localhost\", \"port\": 5556}, \"avatar\": {\"auto_blink\": {\"enabled\": false}},
              \"ai\": {\"model_path\": \"models/é.gguf\", \"system_prompt\": \"Tu es Kira ✨, vêtue d'été\"}}",
        );
        let expected = WorklyConfig {
            unity_host: Some("localhost".into()),
            unity_port: Some(5556),
            auto_blink: Some(false),
            model_path: Some("models/é.gguf".into()),
            system_prompt: Some("Tu es Kira ✨, vêtue d'été".into()),
            ..WorklyConfig::default()
        };
        assert_eq!(config.unwrap(), expected);
        for nothing in ["{}", r#"{"ai": {"model_path": null}}"#, r#"{"ai": {"model_path": ""}}"#] {
            assert_eq!(read(nothing).unwrap(), WorklyConfig::default());
        }
    }

    #[test]
    fn faults_name_the_key_and_what_is_there() {
        for (text, fault) in [
            (r#"{"unity": {"port": 70000}}"#, "unity.port is 70000, not a port"),
            (r#"{"unity": {"port": "5555"}}"#, "unity.port is \"5555\""),
            (r#"{"unity": {"host": 4}}"#, "unity.host is 4"),
            (r#"{"avatar": {"auto_blink": {"enabled": 1}}}"#, "avatar.auto_blink.enabled is 1"),
            (r#"{"ai": {"model_path": 7}}"#, "ai.model_path is 7"),
            (r#"{"ai": {"context_limit": 0}}"#, "ai.context_limit is 0, not a whole number above 0"),
            (r#"{"ai": {"gpu_profile": 2}}"#, "ai.gpu_profile is 2, not a text"),
            (r#"{"performance": []}"#, "performance is [], not a section"),
            (r#"{"unity": 5}"#, "unity is 5, not a section"),
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
