//! A fact about the machine, or the reason why it is missing. Missing is never 0.

use serde::{Deserialize, Serialize};

/// A reading: its value, or why there is none.
///
/// In JSON a value is written as itself; a missing one is `{"missing": "unsupported"}`, `{"missing": "not measured"}`
/// or `{"missing": "failed", "reason": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It was read.
    Value(T),
    /// This platform or device does not report it.
    Unsupported,
    /// It should have been readable; the reason why it was not.
    Failed(String),
    /// Not requested in this run.
    NotMeasured,
}

impl<T> Fact<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same with its value converted.
    pub fn map<U>(&self, turn: impl FnOnce(&T) -> U) -> Fact<U> {
        match self {
            Self::Value(value) => Fact::Value(turn(value)),
            Self::Unsupported => Fact::Unsupported,
            Self::Failed(reason) => Fact::Failed(reason.clone()),
            Self::NotMeasured => Fact::NotMeasured,
        }
    }

    /// The text for a missing value; `None` if there is a value.
    pub fn missing(&self) -> Option<String> {
        match self {
            Self::Value(_) => None,
            Self::Unsupported => Some("unsupported".into()),
            Self::Failed(reason) => Some(format!("failed: {reason}")),
            Self::NotMeasured => Some("not measured".into()),
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    /// `None` from an API that returns nothing if it does not know.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unsupported, Self::Value)
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Fact<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            missing => f.write_str(&missing.missing().unwrap_or_default()),
        }
    }
}

/// The JSON of a missing fact.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MissingFact {
    missing: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The JSON of a fact. A missing one is tried first: a value that is an object has other keys.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FactJson<T> {
    Missing(MissingFact),
    Value(T),
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (missing, reason) = match self {
            Self::Value(value) => return value.serialize(serializer),
            Self::Unsupported => ("unsupported", None),
            Self::Failed(reason) => ("failed", Some(reason.clone())),
            Self::NotMeasured => ("not measured", None),
        };
        MissingFact { missing: missing.into(), reason }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match FactJson::deserialize(deserializer)? {
            FactJson::Value(value) => Self::Value(value),
            FactJson::Missing(MissingFact { missing, reason }) => match missing.as_str() {
                "unsupported" => Self::Unsupported,
                "not measured" => Self::NotMeasured,
                _ => Self::Failed(reason.unwrap_or(missing)),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_round_trip_through_json_with_their_reasons() {
        let facts = [Fact::Value(7_u64), Fact::Unsupported, Fact::Failed("denied".into()), Fact::NotMeasured];
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(
            json,
            r#"[7,{"missing":"unsupported"},{"missing":"failed","reason":"denied"},{"missing":"not measured"}]"#
        );
        assert_eq!(serde_json::from_str::<[Fact<u64>; 4]>(&json).unwrap(), facts);
        assert_eq!(facts.map(|fact| fact.to_string()), ["7", "unsupported", "failed: denied", "not measured"]);
    }
}
