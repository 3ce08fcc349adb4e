//! What the application accepts in its configuration. Because of a single invalid value in `ai`, or a byte order mark,
//! it silently ignores its complete AI configuration and runs on its defaults. Missing keys are fine, and so is
//! anything in `unity`, which nothing reads.

use serde_json::Value;

use super::document::Document;

/// A GPU profile by its name in Workly's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppProfile {
    /// Everything on the GPU, the longest context.
    Performance,
    /// Fewer layers if the model has many, half the context.
    Balanced,
    /// Nothing on the GPU. The application refuses `cpu`, the name in the founding document.
    CpuFallback,
    /// Chosen by the application, in later versions.
    Auto,
}

impl AppProfile {
    /// The profiles; those that every version supports come first.
    pub const ALL: [Self; 4] = [Self::Performance, Self::Balanced, Self::CpuFallback, Self::Auto];

    /// Its name in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Balanced => "balanced",
            Self::CpuFallback => "cpu_fallback",
            Self::Auto => "auto",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.word() == word)
    }
}

/// Whether the file shows that its application supports `auto`: it has the option that was introduced with it. A value
/// of `auto` shows nothing, because it may have been added to the file of an earlier version.
pub(super) fn knows_auto(document: &Document) -> bool {
    document.raw(&["ai", "auto_switching_enabled"]).is_some()
}

/// Whether the file sets `auto` and does not show that its application supports it: an earlier version refuses the
/// file.
pub(super) fn is_unproven_auto(document: &Document) -> bool {
    let profile = document.value(&["ai", "gpu_profile"]);
    profile.as_ref().and_then(Value::as_str) == Some(AppProfile::Auto.word()) && !knows_auto(document)
}

/// A value that the application could not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrongValue {
    /// The key, with its sections.
    pub(super) key: String,
    /// What the application expects there.
    pub(super) expected: &'static str,
    /// The actual value, as written, shortened if it is long.
    pub(super) found: String,
}

const SECTIONS: [&str; 5] = ["audio", "avatar", "window", "ai", "discord"];

type ValueRule = (&'static [&'static str], &'static str, fn(&Value) -> bool);

const RULES: [ValueRule; 10] = [
    (&["avatar", "auto_blink", "enabled"], "true or false", Value::is_boolean),
    (&["avatar", "transition_speed"], "a number", Value::is_number),
    (&["ai", "model_path"], "a file path", is_filled),
    (&["ai", "context_limit"], "a whole number of at least 1", is_count),
    (&["ai", "gpu_profile"], "performance, balanced, cpu_fallback or, in later versions, auto", |value| {
        value.as_str().and_then(AppProfile::from_word).is_some()
    }),
    (&["ai", "temperature"], "a number from 0 to 2", |value| is_between(value, 2.0)),
    (&["ai", "top_p"], "a number from 0 to 1", |value| is_between(value, 1.0)),
    (&["ai", "max_tokens"], "a whole number of at least 1", is_count),
    (&["ai", "system_prompt"], "a non-empty string", is_filled),
    (&["ai", "auto_switching_enabled"], "true or false", Value::is_boolean),
];

fn is_filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_count(value: &Value) -> bool {
    value.as_u64().is_some_and(|count| count >= 1)
}

fn is_between(value: &Value, most: f64) -> bool {
    value.as_f64().is_some_and(|number| (0.0..=most).contains(&number))
}

/// The first value that the application could not use.
pub(super) fn first_wrong(document: &Document) -> Option<WrongValue> {
    let wrong = |key: String, expected, raw: &str| WrongValue { key, expected, found: cut(raw) };
    for section in SECTIONS {
        if let Some(raw) = document.raw(&[section]).filter(|raw| !raw.starts_with('{')) {
            return Some(wrong(section.into(), "a section", raw));
        }
    }
    RULES.iter().find_map(|(path, expected, accepts)| {
        let raw = document.raw(path)?;
        // A string with half a surrogate pair cannot be decoded here, but it is a string.
        let is_fine = document.value(path).map_or(raw.starts_with('"'), |value| accepts(&value));
        (!is_fine).then(|| wrong(path.join("."), expected, raw))
    })
}

/// The start of a value, short enough for a message.
pub(super) fn cut(raw: &str) -> String {
    const LONGEST: usize = 60;
    match raw.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &raw[..end]),
        None => raw.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.into()).unwrap()
    }

    #[test]
    fn profiles_parse_by_name_and_cpu_is_unknown() {
        for profile in AppProfile::ALL {
            assert_eq!(AppProfile::from_word(profile.word()), Some(profile));
        }
        assert_eq!(AppProfile::from_word("cpu"), None);
        assert_eq!(AppProfile::from_word("Balanced"), None);
    }

    #[test]
    fn application_file_passes() {
        let fine = r#"{"unity": {"host": "", "port": "5555"}, "audio": {}, "avatar": {"auto_blink": {"enabled": true},
            "transition_speed": 3}, "window": {}, "discord": {"x": [1]}, "other": 7,
            "ai": {"model_path": "models/a.gguf", "context_limit": 2048, "gpu_profile": "cpu_fallback", "temperature": 0.7,
            "top_p": 1, "max_tokens": 512, "system_prompt": "Tu es Kira ✨", "auto_switching_enabled": false}}"#;
        assert_eq!(first_wrong(&document(fine)), None);
        assert_eq!(first_wrong(&document(r#"{"ai": {"system_prompt": "\ud83d"}}"#)), None);
        assert_eq!(first_wrong(&document("{}")), None);
    }

    #[test]
    fn every_rule_names_the_key_and_the_value() {
        for (text, key, found) in [
            (r#"{"discord": []}"#, "discord", "[]"),
            (r#"{"ai": 5}"#, "ai", "5"),
            (r#"{"avatar": {"auto_blink": {"enabled": 1}}}"#, "avatar.auto_blink.enabled", "1"),
            (r#"{"ai": {"gpu_profile": "cpu"}}"#, "ai.gpu_profile", "\"cpu\""),
            (r#"{"ai": {"gpu_profile": null}}"#, "ai.gpu_profile", "null"),
            (r#"{"ai": {"context_limit": 0}}"#, "ai.context_limit", "0"),
            (r#"{"ai": {"context_limit": 2048.0}}"#, "ai.context_limit", "2048.0"),
            (r#"{"ai": {"max_tokens": "512"}}"#, "ai.max_tokens", "\"512\""),
            (r#"{"ai": {"temperature": 2.1}}"#, "ai.temperature", "2.1"),
            (r#"{"ai": {"top_p": -0.1}}"#, "ai.top_p", "-0.1"),
            (r#"{"ai": {"system_prompt": 4}}"#, "ai.system_prompt", "4"),
            (r#"{"ai": {"auto_switching_enabled": "yes"}}"#, "ai.auto_switching_enabled", "\"yes\""),
            (r#"{"ai": {"model_path": 7}}"#, "ai.model_path", "7"),
            (r#"{"ai": {"model_path": null}}"#, "ai.model_path", "null"),
            (r#"{"ai": {"model_path": ""}}"#, "ai.model_path", "\"\""),
            (r#"{"ai": {"system_prompt": null}}"#, "ai.system_prompt", "null"),
            (r#"{"ai": {"system_prompt": ""}}"#, "ai.system_prompt", "\"\""),
        ] {
            let wrong = first_wrong(&document(text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((wrong.key.as_str(), wrong.found.as_str()), (key, found));
        }
        let long = format!(r#"{{"ai": "{}"}}"#, "é".repeat(1_000));
        assert_eq!(first_wrong(&document(&long)).unwrap().found.chars().count(), 61);
    }

    #[test]
    fn auto_needs_evidence() {
        for (text, knows, is_unproven) in [
            (r#"{"ai": {"gpu_profile": "auto"}}"#, false, true),
            (r#"{"ai": {"gpu_profile": "auto", "auto_switching_enabled": true}}"#, true, false),
            (r#"{"ai": {"auto_switching_enabled": false}}"#, true, false),
            (r#"{"ai": {"gpu_profile": "balanced"}}"#, false, false),
            ("{}", false, false),
        ] {
            let document = document(text);
            assert_eq!((knows_auto(&document), is_unproven_auto(&document)), (knows, is_unproven), "{text}");
        }
    }
}
