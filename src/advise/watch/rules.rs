//! The rules of `watch`: thresholds, gaps and delays, as in `profiles/watch/`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The state of a GPU, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuState {
    /// There is room for more.
    Optimal,
    /// It is fairly full, and busy.
    Stressed,
    /// It is so full that the next allocation may fail.
    Overloaded,
}

impl GpuState {
    /// All states, from best to worst.
    pub const ALL: [Self; 3] = [Self::Optimal, Self::Stressed, Self::Overloaded];

    /// Its word in files and displays.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Stressed => "stressed",
            Self::Overloaded => "overloaded",
        }
    }
}

/// A set of rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRules {
    /// Its name.
    pub name: String,
    /// A one-line description.
    pub summary: String,
    /// Seconds between two decisions.
    pub decide_every_s: f64,
    /// Seconds for which a state is kept before a better one is accepted.
    pub stay_s: f64,
    /// When to warn.
    pub alarm: AlarmRule,
    /// When it is overloaded.
    pub overloaded: OverloadedRule,
    /// When it is stressed.
    pub stressed: StressedRule,
    /// When it has room.
    pub optimal: OptimalRule,
}

/// When to warn, and with which advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmRule {
    /// Memory use above this starts the alarm, in percent.
    pub above_percent: f64,
    /// Memory use at or below this ends it, in percent.
    pub over_percent: f64,
    /// What to do, one line each.
    pub advice: Vec<String>,
}

/// When a GPU is overloaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadedRule {
    /// The GPU profile that suits it.
    pub profile: String,
    /// Memory use above this, in percent.
    pub above_percent: f64,
    /// It can only become stressed again at or below this, in percent.
    pub leave_percent: f64,
}

/// When a GPU is stressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StressedRule {
    /// The GPU profile that suits it.
    pub profile: String,
    /// Memory use above this, in percent…
    pub above_percent: f64,
    /// … and utilisation above this, in percent.
    pub use_above_percent: f64,
}

/// When a GPU has room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimalRule {
    /// The GPU profile that suits it.
    pub profile: String,
    /// Memory use below this, in percent…
    pub below_percent: f64,
    /// … and utilisation below this, in percent.
    pub use_below_percent: f64,
}

/// Why a set of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchRulesError {
    /// It is not a valid file.
    #[error("these are not valid watch rules: {detail}")]
    Unreadable {
        /// The parser's message, with the line.
        detail: String,
    },
    /// Its thresholds are contradictory.
    #[error("the watch rules '{name}' are contradictory: {detail}")]
    Contradictory {
        /// Their name.
        name: String,
        /// What is wrong.
        detail: String,
    },
}

static BUILT_IN: LazyLock<Vec<WatchRules>> = LazyLock::new(|| {
    [include_str!("../../../profiles/watch/steady.toml"), include_str!("../../../profiles/watch/documented.toml")]
        .into_iter()
        .map(|text| WatchRules::parse(text).expect("the built-in rules are checked by this module's tests"))
        .collect()
});

impl WatchRules {
    /// The built-in sets; the first is the default.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &BUILT_IN
    }

    /// Parses and checks a set.
    pub fn parse(text: &str) -> Result<Self, WatchRulesError> {
        let rules: Self = toml::from_str(text)
            .map_err(|error| WatchRulesError::Unreadable { detail: error.to_string().trim_end().to_owned() })?;
        match rules.fault() {
            Some(detail) => Err(WatchRulesError::Contradictory { name: rules.name, detail }),
            None => Ok(rules),
        }
    }

    /// The GPU profile that suits a state.
    #[must_use]
    pub fn profile(&self, state: GpuState) -> &str {
        match state {
            GpuState::Optimal => &self.optimal.profile,
            GpuState::Stressed => &self.stressed.profile,
            GpuState::Overloaded => &self.overloaded.profile,
        }
    }

    /// What is wrong with it, if anything.
    fn fault(&self) -> Option<String> {
        let percents = [
            ("alarm.above_percent", self.alarm.above_percent),
            ("alarm.over_percent", self.alarm.over_percent),
            ("overloaded.above_percent", self.overloaded.above_percent),
            ("overloaded.leave_percent", self.overloaded.leave_percent),
            ("stressed.above_percent", self.stressed.above_percent),
            ("stressed.use_above_percent", self.stressed.use_above_percent),
            ("optimal.below_percent", self.optimal.below_percent),
            ("optimal.use_below_percent", self.optimal.use_below_percent),
        ];
        if let Some((name, value)) = percents.into_iter().find(|(_, value)| !(0.0..=100.0).contains(value)) {
            return Some(format!("{name} is {value}, not a percentage from 0 to 100"));
        }
        if let Some((name, value)) = [("decide_every_s", self.decide_every_s), ("stay_s", self.stay_s)]
            .into_iter()
            .find(|(_, value)| !(0.0..=3600.0).contains(value))
        {
            return Some(format!("{name} is {value}, not between 0 and 3600 seconds"));
        }
        [
            ("alarm.over_percent", self.alarm.over_percent, "alarm.above_percent", self.alarm.above_percent),
            (
                "overloaded.leave_percent",
                self.overloaded.leave_percent,
                "overloaded.above_percent",
                self.overloaded.above_percent,
            ),
            (
                "stressed.above_percent",
                self.stressed.above_percent,
                "overloaded.above_percent",
                self.overloaded.above_percent,
            ),
            (
                "optimal.below_percent",
                self.optimal.below_percent,
                "stressed.above_percent",
                self.stressed.above_percent,
            ),
            (
                "optimal.use_below_percent",
                self.optimal.use_below_percent,
                "stressed.use_above_percent",
                self.stressed.use_above_percent,
            ),
        ]
        .into_iter()
        .find(|(_, low, _, high)| low > high)
        .map(|(low_name, low, high_name, high)| format!("{low_name}, {low}, is more than {high_name}, {high}"))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // Thresholds are as written.
mod tests {
    use super::*;

    #[test]
    fn built_in_rules_have_the_documented_thresholds() {
        let names: Vec<_> = WatchRules::built_in().iter().map(|rules| rules.name.as_str()).collect();
        assert_eq!(names, ["steady", "documented"]);
        for rules in WatchRules::built_in() {
            assert_eq!(rules.alarm.above_percent, 85.0);
            assert_eq!((rules.stressed.above_percent, rules.stressed.use_above_percent), (75.0, 80.0));
            assert_eq!((rules.optimal.below_percent, rules.optimal.use_below_percent), (60.0, 60.0));
            assert_eq!(rules.decide_every_s, 5.0);
            assert_eq!(GpuState::ALL.map(|state| rules.profile(state)), ["performance", "balanced", "cpu_fallback"]);
        }
        let lines = |at: usize| WatchRules::built_in()[at].overloaded.above_percent;
        assert_eq!((lines(0), lines(1)), (89.5, 90.0), "the steady rules include values that round to 90 %");
        assert_eq!(WatchRules::built_in()[1].stay_s, 0.0);
        assert_eq!(WatchRules::built_in()[1].overloaded.leave_percent, 90.0);
    }

    #[test]
    fn contradictory_rules_are_rejected_by_name() {
        let text = include_str!("../../../profiles/watch/steady.toml");
        let says = |from: &str, to: &str| WatchRules::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(
            says("above_percent = 89.5", "above_percent = 190.0")
                .ends_with("overloaded.above_percent is 190, not a percentage from 0 to 100")
        );
        assert!(says("stay_s = 15.0", "stay_s = -1.0").contains("stay_s is -1"));
        assert!(
            says("\nbelow_percent = 60.0", "\nbelow_percent = 80.0")
                .ends_with("optimal.below_percent, 80, is more than stressed.above_percent, 75")
        );
        assert!(says("stay_s", "stays").contains("unknown field `stays`"));
    }
}
