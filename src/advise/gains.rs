//! Measured gains of a recommendation: with `launch`, which applies all of it, and with the configuration alone, of
//! which the application reads only the profile.

use serde::{Deserialize, Serialize};

use super::by_threads::ENGINE_OF_THE_APP;
use super::case_speeds::round_speeds;
use super::obeyed::{ObeyedBy, ProfileChange};
use super::recommendation::{Choice, Setting};
use crate::record::{Case, Run};

/// Speed with the recommendation relative to the application's current settings, from cases of one `threads` run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Who applies the settings.
    pub through: ObeyedBy,
    /// The run.
    pub run: String,
    /// The case with the application's current settings.
    pub before: String,
    /// The case with the settings in force afterwards.
    pub after: String,
    /// Tokens per second, after divided by before.
    pub speed_ratio: f64,
    /// Its 95 % interval, if there is one.
    pub interval: Option<(f64, f64)>,
    /// Compared rounds.
    pub n: u64,
    /// Share of late frames before and after, in percent, if there was a competing load.
    pub late_percent: Option<(f64, f64)>,
}

impl Gain {
    /// As a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let how = match self.through {
            ObeyedBy::Launcher => "Started with launch",
            _ => "With the configuration alone",
        };
        let interval = self.interval.map_or_else(String::new, |(low, high)| format!(", 95 % {low:.2}–{high:.2}"));
        let late = self.late_percent.map_or_else(String::new, |(before, after)| {
            format!(", and {before:.1} % of the avatar's frames were late before, {after:.1} % after")
        });
        format!(
            "{how}, the application generates {:.2} times as many tokens per second (n {}{interval}){late}: {} against {}.",
            self.speed_ratio, self.n, self.after, self.before
        )
    }
}

/// The gains, and if there are none, a sentence that says why.
#[must_use]
pub fn gains(choices: &[Choice], change: Option<&ProfileChange>, runs: &[Run]) -> (Vec<Gain>, Option<String>) {
    let threads = choices.iter().find(|choice| choice.setting == Setting::NThreads);
    let evidence = threads.and_then(|choice| choice.evidence.iter().find(|one| one.metric == "avg_ts"));
    let found = evidence.and_then(|evidence| {
        let run = runs.iter().find(|run| run.run_id == evidence.run)?;
        Some((run, run.cases.iter().find(|case| case.path == evidence.case)?))
    });
    let Some((run, chosen)) = found else { return (Vec::new(), None) };
    let Some(change) = change else { return (Vec::new(), None) };
    let Some(from) = &change.from else {
        let unknown = "How much faster the application becomes: its present profile is not known.";
        return (Vec::new(), Some(unknown.into()));
    };
    let Some(before) = as_the_app(run, chosen, from.n_threads) else {
        let sentence = format!(
            "How much faster the application becomes: its present {} threads were not measured in {}.",
            from.n_threads, run.run_id
        );
        return (Vec::new(), Some(sentence));
    };
    let by_launch = gain(ObeyedBy::Launcher, run, before, chosen);
    let alone = as_the_app(run, chosen, change.to.n_threads);
    let by_profile = alone.and_then(|after| gain(ObeyedBy::Application, run, before, after));
    (by_launch.into_iter().chain(by_profile).collect(), None)
}

/// The case with the same test, load and depth, this many threads, and otherwise the application's engine settings.
fn as_the_app<'a>(run: &'a Run, like: &Case, threads: u64) -> Option<&'a Case> {
    let is_alike = |case: &&Case| {
        ["test", "load", "n_depth"].iter().all(|key| case.conditions[*key] == like.conditions[*key])
            && case.conditions["n_threads"].as_u64() == Some(threads)
            && case.state.stands()
            && ENGINE_OF_THE_APP.iter().all(|(key, value)| match &case.conditions[*key] {
                serde_json::Value::String(text) => text == value,
                serde_json::Value::Bool(is_on) => value.parse() == Ok(*is_on),
                serde_json::Value::Number(number) => value.parse() == Ok(number.as_f64().unwrap_or(f64::NAN)),
                _ => false,
            })
    };
    run.cases.iter().find(is_alike)
}

fn gain(through: ObeyedBy, run: &Run, before: &Case, after: &Case) -> Option<Gain> {
    let ratio = round_speeds(after)?.ratio_to(&round_speeds(before)?)?;
    let late = |case: &Case| case.metric("frames_late").and_then(|metric| metric.value);
    Some(Gain {
        through,
        run: run.run_id.clone(),
        before: before.path.clone(),
        after: after.path.clone(),
        speed_ratio: ratio.ratio,
        interval: ratio.interval,
        n: ratio.n as u64,
        late_percent: late(before).zip(late(after)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::advise::{Evidence, ProfileRequirement};
    use crate::record::{CaseState, Direction, Metric, sample};

    fn case(path: &str, threads: u64, priority: &str, (speed, late): (f64, f64)) -> Case {
        Case {
            path: path.into(),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: json!({"test": "tg", "load": "render", "n_depth": 1024, "n_threads": threads, "flash_attn": "off",
                               "type_k": "f16", "priority": priority, "wait": "unset", "use_mmap": true,
                               "samples_ts": vec![speed; 8]}),
            notes: Vec::new(),
            metrics: vec![Metric::plain("frames_late", "%", late, 100, Direction::Lower)],
            histograms: Vec::new(),
        }
    }

    fn ran() -> Run {
        let cases = vec![
            case("render/tg32/threads=1/prio=low", 1, "low", (20.0, 0.5)),
            case("render/tg32/threads=6/prio=low", 6, "low", (9.0, 20.0)),
            case("render/tg32/threads=6", 6, "normal", (8.0, 40.0)),
            case("render/tg32/threads=8", 8, "normal", (4.0, 60.0)),
        ];
        Run { command: "threads".into(), cases, ..sample::run() }
    }

    fn change(from: Option<u64>) -> ProfileChange {
        let ask = |name: &str, n_threads| ProfileRequirement {
            name: name.into(),
            layers: None,
            n_ctx: 2048,
            n_batch: 256,
            n_threads,
            n_threads_batch: Some(2),
        };
        ProfileChange { from: from.map(|threads| ask("balanced", threads)), to: ask("cpu_fallback", 8) }
    }

    fn chosen(run: &Run) -> Vec<Choice> {
        let evidence = Evidence {
            run: run.run_id.clone(),
            case: "render/tg32/threads=1/prio=low".into(),
            metric: "avg_ts".into(),
            unit: "tokens/s".into(),
            value: 20.0,
            n: 8,
            interval: None,
        };
        vec![Choice { evidence: vec![evidence], ..Choice::by_rule(Setting::NThreads, 1, "the fastest") }]
    }

    #[test]
    fn gains_of_launch_and_of_the_configuration_alone_are_separate() {
        let run = ran();
        let (found, unknown) = gains(&chosen(&run), Some(&change(Some(6))), std::slice::from_ref(&run));
        let told: Vec<_> =
            found.iter().map(|gain| (gain.through, gain.speed_ratio, gain.n, gain.late_percent)).collect();
        assert_eq!(
            told,
            [(ObeyedBy::Launcher, 2.5, 8, Some((40.0, 0.5))), (ObeyedBy::Application, 0.5, 8, Some((40.0, 60.0))),]
        );
        assert_eq!(unknown, None);
        let sentence = found[0].sentence();
        assert!(
            sentence.starts_with("Started with launch, the application generates 2.50 times as many"),
            "{sentence}"
        );
        assert!(sentence.contains("render/tg32/threads=1/prio=low against render/tg32/threads=6."), "{sentence}");
        assert!(found[1].sentence().starts_with("With the configuration alone, the application generates 0.50 times"));
    }

    #[test]
    fn unmeasured_gain_is_unknown() {
        let run = ran();
        let runs = std::slice::from_ref(&run);
        let (none, unknown) = gains(&chosen(&run), Some(&change(Some(4))), runs);
        assert!(none.is_empty() && unknown.unwrap().contains("its present 4 threads were not measured"));
        let (none, unknown) = gains(&chosen(&run), Some(&change(None)), runs);
        assert!(none.is_empty() && unknown.unwrap().contains("present profile is not known"));
        let by_rule = [Choice::by_rule(Setting::NThreads, Value::from(1), "a rule")];
        assert_eq!(gains(&by_rule, Some(&change(Some(6))), runs), (Vec::new(), None));
    }
}
