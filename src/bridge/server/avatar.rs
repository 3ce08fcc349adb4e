//! The avatar behind the embedded bridge: just the state that commands can change, so that their effect is visible.

use std::collections::BTreeMap;

use serde::Serialize;

use super::action::Action;

/// The avatar's state. Initially as in Unity: no automatic blinking, no head movement, no model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Avatar {
    /// Expressions set since the last reset, each 0 to 1.
    pub expressions: BTreeMap<String, f64>,
    /// Whether the eyes blink automatically.
    pub auto_blink: bool,
    /// Automatic head movement.
    pub head_movement: HeadMovement,
    /// Speed of expression changes, 0.1 to 10.
    pub transition_speed: f64,
    /// The path of the loaded model.
    pub model: Option<String>,
}

/// Automatic head movement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeadMovement {
    /// Whether it is on.
    pub enabled: bool,
    /// Shortest pause between movements, in seconds.
    pub min_interval_s: f64,
    /// Longest pause between movements, in seconds.
    pub max_interval_s: f64,
    /// Largest angle, in degrees.
    pub max_angle_deg: f64,
}

impl Default for Avatar {
    fn default() -> Self {
        Self {
            expressions: BTreeMap::new(),
            auto_blink: false,
            head_movement: HeadMovement {
                enabled: false,
                min_interval_s: 2.0,
                max_interval_s: 6.0,
                max_angle_deg: 10.0,
            },
            transition_speed: 1.0,
            model: None,
        }
    }
}

impl Avatar {
    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::SetExpression { name, value } => {
                let value = value.clamp(0.0, 1.0);
                match self.expressions.get_mut(name) {
                    Some(shown) => *shown = value,
                    None => drop(self.expressions.insert(name.clone(), value)),
                }
            }
            Action::ResetExpressions => self.expressions.clear(),
            Action::SetTransitionSpeed { speed } => self.transition_speed = speed.clamp(0.1, 10.0),
            Action::LoadModel { path } => self.model = Some(path.clone()),
            Action::UnloadModel => self.model = None,
            Action::SetAutoBlink { enabled } => self.auto_blink = *enabled,
            Action::SetAutoHeadMovement { enabled, min_interval_s, max_interval_s, max_angle_deg } => {
                let head = &mut self.head_movement;
                head.enabled = *enabled;
                head.min_interval_s = min_interval_s.unwrap_or(head.min_interval_s);
                head.max_interval_s = max_interval_s.unwrap_or(head.max_interval_s);
                head.max_angle_deg = max_angle_deg.unwrap_or(head.max_angle_deg);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_clamped() {
        let mut avatar = Avatar::default();
        avatar.apply(&Action::SetExpression { name: "joy".into(), value: 7.0 });
        avatar.apply(&Action::SetTransitionSpeed { speed: 0.0 });
        let expressions = BTreeMap::from([("joy".to_owned(), 1.0)]);
        assert_eq!(avatar, Avatar { expressions, transition_speed: 0.1, ..Avatar::default() });
    }

    #[test]
    fn head_movement_keeps_omitted_values() {
        let mut avatar = Avatar::default();
        let before = avatar.head_movement;
        avatar.apply(&Action::SetAutoHeadMovement {
            enabled: true,
            min_interval_s: None,
            max_interval_s: Some(9.0),
            max_angle_deg: None,
        });
        assert_eq!(avatar.head_movement, HeadMovement { enabled: true, max_interval_s: 9.0, ..before });
    }

    #[test]
    fn reset_and_unload_restore_the_state() {
        let mut avatar = Avatar::default();
        for action in [
            Action::SetExpression { name: "fun".into(), value: 0.5 },
            Action::LoadModel { path: "a.vrm".into() },
            Action::ResetExpressions,
            Action::UnloadModel,
        ] {
            avatar.apply(&action);
        }
        assert_eq!(avatar, Avatar::default());
    }
}
