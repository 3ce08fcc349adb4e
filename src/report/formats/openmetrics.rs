//! `OpenMetrics` text, as Prometheus and its relatives read it: every figure of a run as a gauge, in base units.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::error::ReportError;
use super::{Exporter, Format, RunPage};
use crate::record::{Case, CaseState, Direction, Metric, Run};
use crate::text;

/// As `OpenMetrics` text.
pub(super) struct OpenMetrics;

impl Exporter<RunPage<'_>> for OpenMetrics {
    fn format(&self) -> Format {
        Format::OpenMetrics
    }

    fn help(&self) -> &'static str {
        "OpenMetrics text for Prometheus: every figure as a gauge, in base units"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        let mut families = Families::default();
        families.add_run(page.run);
        for case in &page.run.cases {
            families.add_state(page.run, case);
            for metric in &case.metrics {
                families.add_figure(page.run, case, metric);
            }
        }
        Ok(families.written())
    }
}

/// The start of every name.
const PREFIX: &str = "workly_perf";

/// The families of the run itself, whose names no figure may take.
const OF_THE_RUN: [&str; 4] = ["run", "run_info", "run_started_timestamp", "case_state"];

/// The samples of one name.
struct Family {
    kind: &'static str,
    unit: String,
    help: String,
    /// Labels in the format, and the value; each set of labels once.
    samples: BTreeMap<String, f64>,
}

/// All families by name.
#[derive(Default)]
struct Families(BTreeMap<String, Family>);

impl Families {
    fn family(&mut self, name: &str, kind: &'static str, unit: &str, help: &str) -> &mut Family {
        let new = || Family { kind, unit: unit.into(), help: help.into(), samples: BTreeMap::new() };
        self.0.entry(name.to_owned()).or_insert_with(new)
    }

    /// What was run, and when.
    fn add_run(&mut self, run: &Run) {
        let state = serde_json::to_value(run.state).unwrap_or_default();
        let fact = |fact: &crate::record::Fact<String>| fact.value().cloned().unwrap_or_default();
        let labels = labels(&[
            ("command", run.command.as_str()),
            ("run_id", run.run_id.as_str()),
            ("state", state.as_str().unwrap_or_default()),
            ("version", run.build.version.as_str()),
            ("commit", fact(&run.build.commit).as_str()),
            ("target", run.build.target.as_str()),
            ("fingerprint", run.machine.fingerprint.as_str()),
            ("cpu", fact(&run.machine.cpu).as_str()),
            ("os", fact(&run.machine.os).as_str()),
            ("simulated", run.simulated_parts().as_str()),
        ]);
        let info = self.family(&format!("{PREFIX}_run"), "info", "", "The run that the figures are from.");
        info.samples.insert(labels, 1.0);
        let started = run.started.as_millisecond() as f64 / 1e3;
        let name = format!("{PREFIX}_run_started_timestamp_seconds");
        let family = self.family(&name, "gauge", "seconds", "When the run started, in Unix time.");
        family.samples.insert(self::labels(&[("command", run.command.as_str())]), started);
    }

    /// How a case ended.
    fn add_state(&mut self, run: &Run, case: &Case) {
        let states = [
            (CaseState::Ok, "ok"),
            (CaseState::Interrupted, "interrupted"),
            (CaseState::Lossy, "lossy"),
            (CaseState::Invalid, "invalid"),
            (CaseState::Failed, "failed"),
            (CaseState::NotMeasured, "not_measured"),
        ];
        let name = format!("{PREFIX}_case_state");
        for (state, word) in states {
            let labels =
                labels(&[("command", run.command.as_str()), ("case", case.path.as_str()), (name.as_str(), word)]);
            let family = self.family(&name, "stateset", "", "How a case ended.");
            family.samples.insert(labels, f64::from(u8::from(case.state == state)));
        }
    }

    /// A figure with its interval, spread and n. A missing figure has no sample: it is never 0.
    fn add_figure(&mut self, run: &Run, case: &Case, metric: &Metric) {
        let Some(value) = metric.value else { return };
        let word = word(&metric.name);
        let simulated = run.simulated_parts();
        let mut pairs = vec![("command", run.command.as_str()), ("case", case.path.as_str())];
        pairs.extend((word != metric.name).then_some(("figure", metric.name.as_str())));
        pairs.extend((!simulated.is_empty()).then_some(("simulated", simulated.as_str())));
        let labels = labels(&pairs);
        let base = BaseUnit::of(&metric.unit);
        let word = if OF_THE_RUN.contains(&word.as_str()) { format!("figure_{word}") } else { word };
        let name = text::line(&metric.name);
        let better = match metric.direction {
            Direction::Lower => "; lower is better",
            Direction::Higher => "; higher is better",
            Direction::None => "",
        };
        let samples = [
            (String::new(), Some(value), format!("The figure {name} of a case{better}.")),
            ("_ci_low".into(), metric.ci_low, format!("Lower end of the 95 % confidence interval of {name}.")),
            ("_ci_high".into(), metric.ci_high, format!("Upper end of the 95 % confidence interval of {name}.")),
            (
                "_spread".into(),
                metric.spread,
                format!("Standard deviation of {name} if it is a mean, interquartile range if it is a percentile."),
            ),
        ];
        for (part, value, help) in samples {
            let Some(value) = value else { continue };
            let name = base.named(&format!("{PREFIX}_{word}{part}"));
            let family = self.family(&name, "gauge", &base.unit, &help);
            family.samples.entry(labels.clone()).or_insert_with(|| base.turned(value));
        }
        let family =
            self.family(&format!("{PREFIX}_{word}_samples"), "gauge", "", &format!("Number of samples of {name}."));
        family.samples.entry(labels).or_insert(metric.n as f64);
    }

    fn written(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (name, family) in &self.0 {
            let _ = writeln!(text, "# TYPE {name} {}", family.kind);
            if !family.unit.is_empty() {
                let _ = writeln!(text, "# UNIT {name} {}", family.unit);
            }
            let _ = writeln!(text, "# HELP {name} {}", escaped(&family.help));
            let suffix = if family.kind == "info" { "_info" } else { "" };
            for (labels, value) in &family.samples {
                let _ = writeln!(text, "{name}{suffix}{{{labels}}} {value}");
            }
        }
        text + "# EOF\n"
    }
}

/// The unit of `OpenMetrics` for a unit of the record, and how values are turned into it.
struct BaseUnit {
    unit: String,
    /// The power of ten that a value is multiplied by.
    exponent: i32,
    /// What it is divided by after that.
    divisor: f64,
}

impl BaseUnit {
    fn of(unit: &str) -> Self {
        let (name, exponent) = match unit {
            "ns" => ("seconds", -9),
            "us" | "µs" => ("seconds", -6),
            "ms" => ("seconds", -3),
            "s" => ("seconds", 0),
            "%" | "points" => ("ratio", -2),
            "x" | "ratio" => ("ratio", 0),
            "ms/s" => ("ratio", -3),
            "1/s" => ("per_second", 0),
            "bytes/minute" => ("bytes_per_second", 0),
            "°C" => ("celsius", 0),
            "W" => ("watts", 0),
            "MHz" => ("hertz", 6),
            "count" | "" | "1" => ("", 0),
            _ => {
                let per = unit.replace("/s", "_per_second").replace("/J", "_per_joule").replace('/', "_per_");
                return Self { unit: word(&per.to_lowercase()), exponent: 0, divisor: 1.0 };
            }
        };
        Self { unit: name.into(), exponent, divisor: if unit == "bytes/minute" { 60.0 } else { 1.0 } }
    }

    /// The name with the unit as its last part.
    fn named(&self, name: &str) -> String {
        if self.unit.is_empty() || name.ends_with(&format!("_{}", self.unit)) {
            name.to_owned()
        } else {
            format!("{name}_{}", self.unit)
        }
    }

    /// The value in this unit. The decimal point is moved in the digits: a product would turn 16.64 into 0.016640000000000002.
    fn turned(&self, value: f64) -> f64 {
        let moved = format!("{value}e{}", self.exponent).parse();
        moved.unwrap_or_else(|_| value * 10_f64.powi(self.exponent)) / self.divisor
    }
}

/// A name as part of a metric's name: `p99.9` becomes `p99_9`.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

fn labels(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

/// Text for a label or a help line.
fn escaped(text: &str) -> String {
    text::line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;

    fn exported(run: &Run) -> String {
        OpenMetrics
            .export(&RunPage { run, width: 80, detail: crate::report::Detail::Figures, distributions: &Vec::new })
            .unwrap()
    }

    #[test]
    fn figures_are_gauges_in_base_units() {
        let text = exported(&run());
        let labels = r#"command="ipc",case="applied/closed/100B",simulated="embedded bridge""#;
        for line in [
            "# TYPE workly_perf_p50_seconds gauge".to_owned(),
            "# UNIT workly_perf_p50_seconds seconds".into(),
            "# HELP workly_perf_p50_seconds The figure p50 of a case; lower is better.".into(),
            format!("workly_perf_rate_per_second{{{labels}}} 59.98"),
            format!("workly_perf_lost{{{labels}}} 0"),
            format!("workly_perf_p50_samples{{{labels}}} 100"),
            r#"workly_perf_case_state{command="ipc",case="received/flood",workly_perf_case_state="ok"} 1"#.into(),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        let of = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}{{{labels}}} "))).unwrap();
        assert!(of("workly_perf_p50_seconds").ends_with(" 0.0166667"), "{}", of("workly_perf_p50_seconds"));
        assert!(of("workly_perf_p50_ci_low_seconds").ends_with(" 0.01664"));
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
    }

    #[test]
    fn missing_figures_have_no_sample() {
        let mut run = run();
        run.cases.truncate(1);
        let few = Metric::absent("p99.9", "ms", 5, Direction::Lower, crate::record::MetricStatus::TooFew);
        run.cases[0].metrics = vec![few];
        assert!(!exported(&run).contains("p99_9"));
    }

    #[test]
    fn names_that_the_format_does_not_allow_are_labels() {
        let mut run = run();
        run.simulated.clear();
        run.cases.truncate(1);
        run.cases[0].path = "a\\b \"c\"\nd".into();
        let plain = |name: &str, unit: &str| Metric::plain(name, unit, 3.0, 7, Direction::None);
        run.cases[0].metrics =
            vec![plain("p99.9", "us"), plain("p99,9", "us"), plain("run", "count"), plain("run_samples", "count")];
        let text = exported(&run);
        let case = r#"case="a\\b \"c\" d""#;
        for line in [
            format!(r#"workly_perf_p99_9_seconds{{command="ipc",{case},figure="p99.9"}} 0.000003"#),
            format!(r#"workly_perf_p99_9_seconds{{command="ipc",{case},figure="p99,9"}} 0.000003"#),
            format!(r#"workly_perf_figure_run{{command="ipc",{case}}} 3"#),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert_eq!(text.matches("# TYPE workly_perf_p99_9_seconds ").count(), 1);
    }

    #[test]
    fn every_unit_of_the_record_has_a_base_unit() {
        let of = |unit: &str, value: f64| {
            let base = BaseUnit::of(unit);
            (base.unit.clone(), base.turned(value))
        };
        for (unit, value, base, turned) in [
            ("ms", 250.0, "seconds", 0.25),
            ("%", 12.5, "ratio", 0.125),
            ("MHz", 1_500.0, "hertz", 1.5e9),
            ("bytes/minute", 120.0, "bytes_per_second", 2.0),
            ("bytes/message", 7.0, "bytes_per_message", 7.0),
            ("tokens/s", 60.0, "tokens_per_second", 60.0),
            ("tokens/J", 2.0, "tokens_per_joule", 2.0),
            ("CPUs", 1.5, "cpus", 1.5),
            ("count", 3.0, "", 3.0),
        ] {
            assert_eq!(of(unit, value), (base.to_owned(), turned), "{unit}");
        }
        assert_eq!(BaseUnit::of("bytes").named("workly_perf_bytes"), "workly_perf_bytes");
        assert_eq!(BaseUnit::of("ms").named("workly_perf_p50"), "workly_perf_p50_seconds");
    }
}
