//! The cost of the application's thread count here, from a saved `threads` run.

use super::check::{Check, CheckState, Symptom};
use crate::advise::by_threads::{ENGINE_OF_THE_APP, candidate, round_speeds};
use crate::advise::{SettingCandidate, SettingChoice};
use crate::record::{Case, Run};
use crate::stats::{PairedRatio, paired_ratio};

/// A smaller loss is not reported.
const WORTH_SAYING: f64 = 0.10;

/// The application's settings and the best ones of a sweep.
struct Compared<'a> {
    run: &'a Run,
    own: &'a Case,
    best: &'a Case,
    share: PairedRatio,
}

/// A line if the newest sweep of these runs shows that the application's settings generate at less than 90 % of the
/// best settings' speed, or make more frames late than the sweep's limit allows. `threads` is the application's count.
#[must_use]
pub fn check_measured_loss(runs: &[Run], threads: u64) -> Option<Check> {
    let compared = runs.iter().rev().find_map(|run| compared(run, threads))?;
    let late = compared.own.metric("frames_late").and_then(|metric| metric.value);
    let limit = compared.own.conditions["late_limit_percent"].as_f64();
    let too_late = late.filter(|late| limit.is_some_and(|limit| *late > limit));
    if compared.share.ratio >= 1.0 - WORTH_SAYING && too_late.is_none() {
        return None;
    }
    let frames = too_late.map_or_else(String::new, |late| format!(" and makes {late:.1} % of frames late"));
    let found = format!(
        "the application's {threads} threads generate at {:.0} % of the speed of {} (n {}, run {}){frames}",
        100.0 * compared.share.ratio,
        compared.best.path,
        compared.share.n,
        compared.run.run_id
    );
    Some(
        Check::new("measured loss", CheckState::Warning, found)
            .mend("workly-perf recommend chooses better settings; workly-perf launch puts them into force")
            .causes(&[Symptom::SlowReply, Symptom::LateAvatar]),
    )
}

/// `None` for runs that are no sweep, or do not have the application's settings.
fn compared(run: &Run, threads: u64) -> Option<Compared<'_>> {
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
    let own = *cases.iter().find(|case| case.conditions["n_threads"] == threads && is_as_the_app_has_it(case))?;
    let candidates: Vec<SettingCandidate> = cases.iter().map(|case| candidate(case)).collect();
    let best = cases[SettingChoice::among(&candidates)?.chosen];
    Some(Compared { run, own, best, share: paired_ratio(&round_speeds(own)?, &round_speeds(best)?)? })
}

fn is_as_the_app_has_it(case: &Case) -> bool {
    ENGINE_OF_THE_APP.iter().all(|(key, value)| {
        let own = &case.conditions[*key];
        own.is_null() || own.as_str().map_or_else(|| own.to_string(), String::from) == *value
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{CaseState, Direction, Metric};

    fn case(threads: u64, priority: &str, tokens_per_s: f64, late_percent: f64) -> Case {
        Case {
            path: format!("render/tg64/depth=1024/threads={threads}/prio={priority}"),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: json!({
                "load": "render", "test": "tg", "n_depth": 1024, "n_threads": threads, "priority": priority,
                "flash_attn": "off", "type_k": "f16", "use_mmap": true, "late_limit_percent": 1.0,
                "samples_ts": vec![tokens_per_s; 8],
            }),
            notes: Vec::new(),
            metrics: vec![Metric::plain("frames_late", "%", late_percent, 600, Direction::Lower)],
            histograms: Vec::new(),
        }
    }

    fn sweep(cases: Vec<Case>) -> Run {
        let mut run = crate::record::sample::run();
        run.command = "threads".into();
        run.cases = cases;
        run
    }

    #[test]
    fn loss_over_a_tenth_is_reported_with_frames() {
        let run = sweep(vec![case(1, "normal", 50.0, 0.2), case(6, "normal", 10.0, 17.0), case(6, "low", 45.0, 0.1)]);
        let check = check_measured_loss(std::slice::from_ref(&run), 6).expect("a loss of 80 %");
        assert_eq!(check.state, CheckState::Warning);
        assert_eq!(
            check.found,
            format!(
                "the application's 6 threads generate at 20 % of the speed of render/tg64/depth=1024/threads=1/prio=normal (n 8, \
                 run {}) and makes 17.0 % of frames late",
                run.run_id
            )
        );
    }

    #[test]
    fn good_or_unmeasured_count_has_no_check() {
        let run = sweep(vec![case(1, "normal", 50.0, 0.2), case(2, "normal", 48.0, 0.1)]);
        assert_eq!(check_measured_loss(std::slice::from_ref(&run), 2), None);
        assert_eq!(check_measured_loss(&[run], 6), None);
    }

    #[test]
    fn fast_setting_with_late_frames_is_a_loss() {
        let run = sweep(vec![case(1, "normal", 50.0, 0.2), case(2, "normal", 60.0, 9.0)]);
        let check = check_measured_loss(&[run], 2).expect("late frames");
        assert!(
            check.found.contains("120 %") && check.found.ends_with("makes 9.0 % of frames late"),
            "{}",
            check.found
        );
    }
}
