//! What thread counts, priorities and profiles cost here, from saved runs.

use serde_json::{Map, Value};

use super::check::{Check, CheckState, Symptom};
use crate::advise::by_threads::ENGINE_OF_THE_APP;
use crate::advise::case_speeds::{candidate, round_speeds};
use crate::advise::{SettingCandidate, SettingChoice};
use crate::plural::counted;
use crate::record::{Case, Run};
use crate::stats::PairedRatio;

/// A smaller loss is not reported.
const WORTH_SAYING: f64 = 0.10;

const NAME: &str = "measured loss";

const MEND: &str = "workly-perf recommend chooses better settings; workly-perf launch puts them into force";

/// The key of a case's conditions and of a written section, where they differ.
const WRITTEN_KEYS: [(&str, &str); 5] = [
    ("flash_attn", "flash_attn"),
    ("type_k", "kv_type"),
    ("priority", "priority"),
    ("wait", "wait_policy"),
    ("use_mmap", "use_mmap"),
];

/// Settings that the engine runs with, whose cost is looked up in saved runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInUse {
    /// Where they come from: `profile balanced`.
    whose: String,
    threads: u64,
    /// The others, as conditions of a case.
    others: Vec<(&'static str, String)>,
}

impl EngineInUse {
    /// Those of the application with a profile.
    #[must_use]
    pub fn of_profile(name: &str, threads: u64) -> Self {
        let others = ENGINE_OF_THE_APP.map(|(key, value)| (key, value.to_owned())).into();
        Self { whose: format!("profile {name}"), threads, others }
    }

    /// Those that `launch` puts into force: the written section over the application's own. `None` if it says nothing of threads or
    /// priority.
    #[must_use]
    pub fn of_section(section: &Map<String, Value>, app: &Self) -> Option<Self> {
        let threads = section.get("n_threads").and_then(Value::as_u64);
        if threads.is_none() && !section.contains_key("priority") {
            return None;
        }
        let others = app.others.iter().map(|(key, own)| {
            let written = WRITTEN_KEYS.iter().find(|(condition, _)| condition == key);
            let written = written.and_then(|(_, name)| section.get(*name)).map(as_word);
            (*key, written.unwrap_or_else(|| own.clone()))
        });
        Some(Self {
            whose: "the section performance".into(),
            threads: threads.unwrap_or(app.threads),
            others: others.collect(),
        })
    }

    /// Whether a case was measured with them, but for the conditions under `besides`. Older runs do not say what they left at the
    /// application's default.
    fn has(&self, case: &Case, besides: &str) -> bool {
        let is_same = |(key, value): &(&str, String)| {
            let own = &case.conditions[*key];
            own.is_null() || as_word(own) == *value || *key == besides
        };
        case.conditions["n_threads"] == self.threads && self.others.iter().all(is_same)
    }
}

fn as_word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

/// Generation in the newest sweep that measured some settings: beside the scene if there was one, at the greatest depth.
struct GenerationSweep<'a> {
    run: &'a Run,
    own: &'a Case,
    cases: Vec<&'a Case>,
}

impl<'a> GenerationSweep<'a> {
    /// `None` for runs that are no sweep, or do not have these settings.
    fn of(run: &'a Run, engine: &EngineInUse) -> Option<Self> {
        let has_scene = run.cases.iter().any(|case| case.conditions["load"] == "render");
        let load = if has_scene { "render" } else { "idle" };
        let depth_of = |case: &Case| case.conditions["n_depth"].as_u64().unwrap_or(0);
        let is_it = |case: &&Case| {
            run.command == "threads"
                && case.state.stands()
                && case.conditions["load"] == load
                && case.conditions["test"] == "tg"
        };
        let depth = run.cases.iter().filter(is_it).map(depth_of).max()?;
        let cases: Vec<&Case> = run.cases.iter().filter(is_it).filter(|case| depth_of(case) == depth).collect();
        let own = *cases.iter().find(|case| engine.has(case, ""))?;
        Some(Self { run, own, cases })
    }

    /// The best of the cases that are wanted, if the settings lose a tenth against it or make frames late that it does not.
    fn better(&self, wanted: impl Fn(&Case) -> bool) -> Option<MeasuredLoss<'a>> {
        let cases: Vec<&Case> = self.cases.iter().copied().filter(|case| wanted(case)).collect();
        let candidates: Vec<SettingCandidate> = cases.iter().map(|case| candidate(case)).collect();
        let choice = SettingChoice::among(&candidates)?;
        let best = cases[choice.chosen];
        let share = round_speeds(self.own)?.ratio_to(&round_speeds(best)?)?;
        let late = (!candidate(self.own).is_admissible).then(|| late_percent(self.own)).flatten();
        let is_loss = share.ratio < 1.0 - WORTH_SAYING || (late.is_some() && choice.is_any_admissible);
        (best.path != self.own.path && is_loss).then_some(MeasuredLoss { best, share, late })
    }
}

/// What settings lose against better ones.
struct MeasuredLoss<'a> {
    best: &'a Case,
    share: PairedRatio,
    /// The late frames of the settings, if there are too many.
    late: Option<f64>,
}

impl MeasuredLoss<'_> {
    /// `generate at 20 % of the speed of PATH (n 8, run ID) and make 17.0 % of frames late`.
    fn words(&self, against: &str, run: &Run) -> String {
        let late = self.late.map_or_else(String::new, |late| format!(" and make {late:.1} % of frames late"));
        let (percent, n) = (100.0 * self.share.ratio, self.share.n);
        format!("generate at {percent:.0} % of the speed of {against} (n {n}, run {}){late}", run.run_id)
    }
}

fn late_percent(case: &Case) -> Option<f64> {
    case.metric("frames_late").and_then(|metric| metric.value)
}

/// A line for each thread count and each priority that costs more than a tenth of the speed, or the avatar's frames, by the newest sweep
/// of these runs that measured it.
#[must_use]
pub fn check_measured_losses(runs: &[Run], engines: &[EngineInUse]) -> Vec<Check> {
    let mut found: Vec<String> = Vec::new();
    for engine in engines {
        let Some(sweep) = runs.iter().rev().find_map(|run| GenerationSweep::of(run, engine)) else { continue };
        let (whose, threads) = (&engine.whose, counted(engine.threads, "thread"));
        if let Some(loss) = sweep.better(|_| true) {
            found.push(format!("the {threads} of {whose} {}", loss.words(&loss.best.path, sweep.run)));
        }
        if let Some(loss) = sweep.better(|case| engine.has(case, "priority")) {
            let own = as_word(&sweep.own.conditions["priority"]);
            let other = format!("the same at priority {}", as_word(&loss.best.conditions["priority"]));
            found.push(format!("at priority {own}, the {threads} of {whose} {}", loss.words(&other, sweep.run)));
        }
    }
    found.dedup();
    found.into_iter().map(warning).collect()
}

/// A line if the newest run of placements shows that the layers of a profile generate at less than 90 % of the speed of others.
#[must_use]
pub fn check_profile_loss(runs: &[Run], profile: &str, layers: u64) -> Option<Check> {
    let run = runs.iter().rev().find(|run| run.command == "gpu-profiles")?;
    let is_generation = |case: &&Case| case.state.stands() && case.conditions["test"] == "tg";
    let layers_of = |case: &Case| case.conditions["n_gpu_layers"].as_u64();
    let own = run.cases.iter().filter(is_generation).find(|case| layers_of(case) == Some(layers))?;
    let own = round_speeds(own)?;
    let shares = run
        .cases
        .iter()
        .filter(is_generation)
        .filter_map(|case| Some((layers_of(case)?, own.ratio_to(&round_speeds(case)?)?)));
    let (best, share) = shares.min_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio))?;
    (share.ratio < 1.0 - WORTH_SAYING).then(|| {
        warning(format!(
            "profile {profile}, with {} on the GPU, generates at {:.0} % of the speed of {best} (n {}, run {})",
            counted(layers, "layer"),
            100.0 * share.ratio,
            share.n,
            run.run_id
        ))
    })
}

fn warning(found: String) -> Check {
    Check::new(NAME, CheckState::Warning, found).mend(MEND).causes(&[Symptom::SlowReply, Symptom::LateAvatar])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::sample::{threads_case as case, threads_run as sweep};

    fn app(threads: u64) -> EngineInUse {
        EngineInUse::of_profile("balanced", threads)
    }

    fn found(cases: Vec<Case>, engines: &[EngineInUse]) -> Vec<String> {
        let checks = check_measured_losses(&[sweep(cases)], engines);
        assert!(checks.iter().all(|check| check.state == CheckState::Warning && check.mend.is_some()));
        checks.into_iter().map(|check| check.found).collect()
    }

    #[test]
    fn losses_above_ten_percent_are_named_with_late_frames() {
        let cases = vec![case(1, "normal", 50.0, 0.2), case(6, "normal", 10.0, 17.0), case(6, "low", 45.0, 0.1)];
        assert_eq!(
            found(cases, &[app(6)]),
            [
                "the 6 threads of profile balanced generate at 20 % of the speed of \
                 render/tg64/depth=1024/threads=1/prio=normal (n 8, run a-sweep) and make 17.0 % of frames late",
                "at priority normal, the 6 threads of profile balanced generate at 22 % of the speed of the same at priority low \
                 (n 8, run a-sweep) and make 17.0 % of frames late",
            ]
        );
    }

    #[test]
    fn good_or_unmeasured_counts_are_not_mentioned() {
        let cases = || vec![case(1, "normal", 50.0, 0.2), case(2, "normal", 48.0, 0.1)];
        assert!(found(cases(), &[app(2)]).is_empty());
        assert!(found(cases(), &[app(6)]).is_empty());
    }

    #[test]
    fn speed_with_late_frames_is_a_loss() {
        let lines = found(vec![case(1, "normal", 50.0, 0.2), case(2, "normal", 60.0, 9.0)], &[app(2)]);
        assert!(lines[0].contains("120 %") && lines[0].ends_with("make 9.0 % of frames late"), "{lines:?}");
        let late = vec![case(1, "normal", 50.0, 5.0), case(2, "normal", 60.0, 5.2)];
        assert!(found(late, &[app(2)]).is_empty(), "nothing keeps the frames");
    }

    #[test]
    fn configured_settings_are_judged_by_their_own_count_and_priority() {
        let cases = vec![case(1, "normal", 50.0, 0.2), case(2, "idle", 20.0, 0.0), case(2, "low", 49.0, 0.1)];
        let section = json!({"n_threads": 2, "priority": "idle"});
        let written = EngineInUse::of_section(section.as_object().unwrap(), &app(6)).unwrap();
        let lines = found(cases, &[app(6), written]);
        assert!(lines[0].starts_with("the 2 threads of the section performance generate at 40 %"), "{lines:?}");
        assert!(lines[1].starts_with("at priority idle, the 2 threads of the section performance generate at 41 %"));
        assert_eq!(EngineInUse::of_section(&Map::new(), &app(6)), None);
    }

    #[test]
    fn profile_with_slower_layers_is_named() {
        let placement = |layers: u64, tokens_per_s: f64| Case {
            conditions: json!({"test": "tg", "n_gpu_layers": layers, "samples_ts": vec![tokens_per_s; 6]}),
            ..case(1, "normal", tokens_per_s, 0.0)
        };
        let mut run = sweep(vec![placement(0, 40.0), placement(20, 30.0), placement(33, 90.0)]);
        run.command = "gpu-profiles".into();
        let check = check_profile_loss(std::slice::from_ref(&run), "balanced", 20).expect("a third of the speed");
        assert_eq!(
            check.found,
            "profile balanced, with 20 layers on the GPU, generates at 33 % of the speed of 33 (n 6, run a-sweep)"
        );
        assert_eq!(check_profile_loss(&[run], "performance", 33), None);
    }
}
