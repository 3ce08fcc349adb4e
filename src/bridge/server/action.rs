//! The effect of a command on the avatar, from its name and arguments.

use serde_json::{Map, Value};

/// A change of the avatar's state.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    SetExpression {
        name: String,
        value: f64,
    },
    ResetExpressions,
    SetTransitionSpeed {
        speed: f64,
    },
    LoadModel {
        path: String,
    },
    UnloadModel,
    SetAutoBlink {
        enabled: bool,
    },
    SetAutoHeadMovement {
        enabled: bool,
        min_interval_s: Option<f64>,
        max_interval_s: Option<f64>,
        max_angle_deg: Option<f64>,
    },
}

/// Access to a command's arguments. `None` if the key is absent or its value has another type.
pub(super) trait Arguments {
    fn text(&self, key: &str) -> Option<String>;
    fn number(&self, key: &str) -> Option<f64>;
    fn flag(&self, key: &str) -> Option<bool>;
}

impl Arguments for Map<String, Value> {
    fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.as_str().map(str::to_owned)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }
}

/// Why a command has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoEffect {
    /// Unknown command name.
    Unknown,
    /// This argument is missing or has the wrong type.
    Lacks(&'static str),
}

impl Action {
    pub(super) fn read(command: &str, arguments: &impl Arguments) -> Result<Self, NoEffect> {
        let text = |key| arguments.text(key).ok_or(NoEffect::Lacks(key));
        let number = |key| arguments.number(key).ok_or(NoEffect::Lacks(key));
        let flag = |key| arguments.flag(key).ok_or(NoEffect::Lacks(key));
        Ok(match command {
            "set_expression" => Self::SetExpression { name: text("name")?, value: number("value")? },
            // Dialect `founding`.
            "expression" => Self::SetExpression { name: text("name")?, value: number("weight")? },
            "reset_expressions" => Self::ResetExpressions,
            "set_transition_speed" => Self::SetTransitionSpeed { speed: number("speed")? },
            "load_model" => Self::LoadModel { path: text("path")? },
            "unload_model" => Self::UnloadModel,
            "set_auto_blink" => Self::SetAutoBlink { enabled: flag("enabled")? },
            "set_auto_head_movement" => Self::SetAutoHeadMovement {
                enabled: flag("enabled")?,
                min_interval_s: arguments.number("min_interval"),
                max_interval_s: arguments.number("max_interval"),
                max_angle_deg: arguments.number("max_angle"),
            },
            _ => return Err(NoEffect::Unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bridge::Dialect;

    #[test]
    fn every_command_of_every_dialect_has_an_effect() {
        let all = json!({"name": "joy", "value": 0.5, "weight": 0.5, "speed": 2, "path": "a.vrm", "enabled": true});
        for dialect in Dialect::NAMES.map(|name| Dialect::named(name).unwrap()) {
            for command in &dialect.commands {
                assert!(Action::read(&command.name, all.as_object().unwrap()).is_ok(), "{}", command.name);
            }
        }
    }

    #[test]
    fn missing_argument_is_named() {
        let data = json!({"name": "joy", "value": "0.5"});
        assert_eq!(Action::read("set_expression", data.as_object().unwrap()), Err(NoEffect::Lacks("value")));
        assert_eq!(Action::read("ping", &Map::new()), Err(NoEffect::Unknown));
    }
}
