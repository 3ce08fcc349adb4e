//! Gates as data: what is compared, the equivalence margins, and absolute limits.
//!
//! A gate is a TOML file: a built-in one from `profiles/gates/`, or one of the user.

use serde::{Deserialize, Serialize};

use super::error::GateError;
use super::pattern::matches;
use crate::record::FigureName;

const BUILT_IN: [&str; 3] = [
    include_str!("../../profiles/gates/default.toml"),
    include_str!("../../profiles/gates/companion.toml"),
    include_str!("../../profiles/gates/founding.toml"),
];

/// Figures to compare, selected by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureSelection {
    /// The command; any if omitted.
    pub command: Option<String>,
    /// Case, with `*` for any text.
    #[serde(default = "any")]
    pub case: String,
    /// Metric, with `*` for any text.
    pub metric: String,
    /// Smallest relevant change, in percent; the gate's if omitted.
    pub min_effect_percent: Option<f64>,
    /// Whether runs may lack it.
    #[serde(default)]
    pub optional: bool,
}

/// An absolute limit for the median over the new runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The command; any if omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Case, with `*` for any text.
    #[serde(default = "any")]
    pub case: String,
    /// Metric, with `*` for any text.
    pub metric: String,
    /// Unit of the limits; figures of another unit are invalid.
    pub unit: String,
    /// The upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its name on the command line and in results.
    pub name: String,
    /// One line about its purpose.
    pub summary: String,
    /// Smallest relevant change, in percent.
    pub min_effect_percent: f64,
    /// What is compared. Tail percentiles are advisory.
    #[serde(default)]
    pub metrics: Vec<FigureSelection>,
    /// Absolute limits.
    #[serde(default)]
    pub budgets: Vec<Budget>,
}

fn any() -> String {
    "*".into()
}

impl Gate {
    /// The built-in gate of that name.
    pub fn named(name: &str) -> Result<Self, GateError> {
        let gates = BUILT_IN.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let known: Vec<&str> = gates.iter().map(|gate| gate.name.as_str()).collect();
        let unknown = GateError::Unknown { name: name.into(), known: known.join(", ") };
        gates.into_iter().find(|gate| gate.name == name).ok_or(unknown)
    }

    /// Parses a gate.
    pub fn parse(text: &str) -> Result<Self, GateError> {
        let gate: Self = toml::from_str(text).map_err(|error| GateError::Malformed { detail: error.to_string() })?;
        gate.fault().map_or(Ok(gate), |detail| Err(GateError::Malformed { detail }))
    }

    /// Whether it judges the figure of that name, by comparison or by a budget.
    #[must_use]
    pub fn takes(&self, name: FigureName<'_>) -> bool {
        self.metrics.iter().any(|selection| selection.takes(name))
            || self.budgets.iter().any(|budget| budget.takes(name))
    }

    fn fault(&self) -> Option<String> {
        let effects = self.metrics.iter().filter_map(|selection| selection.min_effect_percent);
        for effect in effects.chain([self.min_effect_percent]) {
            if !(effect > 0.0 && effect < 100.0) {
                return Some(format!("min_effect_percent {effect} is not between 0 and 100"));
            }
        }
        for budget in &self.budgets {
            let name = format!("the budget of {} {}", budget.case, budget.metric);
            if budget.max.is_none() && budget.min.is_none() {
                return Some(format!("{name} has neither max nor min"));
            }
            if [budget.max, budget.min].into_iter().flatten().any(|limit| !limit.is_finite()) {
                return Some(format!("{name} is not a finite number"));
            }
        }
        (self.metrics.is_empty() && self.budgets.is_empty()).then(|| "it has neither metrics nor budgets".into())
    }
}

impl FigureSelection {
    /// A selection from the command line: `METRIC` or `CASE:METRIC`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (case, metric) = text.rsplit_once(':').unwrap_or(("*", text));
        Self { command: None, case: case.into(), metric: metric.into(), min_effect_percent: None, optional: false }
    }

    /// Whether it selects the figure of that name.
    #[must_use]
    pub fn takes(&self, name: FigureName<'_>) -> bool {
        is_chosen(self.command.as_deref(), &self.case, &self.metric, name)
    }
}

impl Budget {
    pub(super) fn takes(&self, name: FigureName<'_>) -> bool {
        is_chosen(self.command.as_deref(), &self.case, &self.metric, name)
    }
}

fn is_chosen(command: Option<&str>, case: &str, metric: &str, name: FigureName<'_>) -> bool {
    command.is_none_or(|command| command == name.command) && matches(metric, name.metric) && matches(case, name.case)
}

/// Whether a metric is a tail with too few samples per run to gate: p99 and above, the extremes.
pub(super) fn is_tail(metric: &str) -> bool {
    let last = metric.rsplit('_').next().unwrap_or(metric);
    let percent = last.strip_prefix('p').and_then(|percent| percent.parse::<f64>().ok());
    matches!(last, "max" | "min") || percent.is_some_and(|percent| percent >= 99.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(command: &'a str, case: &'a str, metric: &'a str) -> FigureName<'a> {
        FigureName { command, case, metric }
    }

    #[test]
    fn built_in_gates_are_valid_and_found_by_name() {
        assert_eq!(Gate::named("default").unwrap().name, "default");
        assert!(!Gate::named("companion").unwrap().budgets.is_empty());
        let error = Gate::named("iron").unwrap_err().to_string();
        assert_eq!(error, "there is no gate 'iron'; built in: default, companion, founding");
    }

    #[test]
    fn invalid_gates_are_rejected_with_the_reason() {
        let head = "name = 'a'\nsummary = 'b'\nmin_effect_percent = 5\n";
        for (text, says) in [
            (head.into(), "neither metrics nor budgets"),
            (head.replace('5', "0"), "not between 0 and 100"),
            (format!("{head}[[metrics]]\nmetric = 'p50'\nmin_effect_percent = nan"), "not between 0 and 100"),
            (format!("{head}[[metrics]]\nmetrics = 'p50'"), "unknown field"),
            (format!("{head}[[budgets]]\nmetric = 'p50'\nunit = 'ms'"), "neither max nor min"),
            (format!("{head}[[budgets]]\nmetric = 'p50'\nunit = 'ms'\nmax = inf"), "not a finite number"),
            (format!("{head}[[budgets]]\nmetric = 'p50'\nmax = 1"), "missing field `unit`"),
        ] {
            let error = Gate::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn selections_parse_case_and_metric() {
        assert!(FigureSelection::of("p50").takes(key("ipc", "applied/closed/100B", "p50")));
        let applied = FigureSelection::of("applied/poisson:*:p50");
        assert!(applied.takes(key("ipc", "applied/poisson:50/100B", "p50")));
        assert!(!applied.takes(key("ipc", "received/poisson:50/100B", "p50")));
    }

    #[test]
    fn tail_metrics_are_recognised() {
        assert!(["p99", "p99.9", "max", "min", "itl_p99", "send_lateness_max"].iter().all(|metric| is_tail(metric)));
        assert!(!["p50", "p90", "mean", "itl_p50", "avg_ts", "rate"].iter().any(|metric| is_tail(metric)));
    }
}
