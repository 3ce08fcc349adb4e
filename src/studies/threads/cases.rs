//! Cases from repetitions.

use serde_json::{Value, json};

use super::super::study::{CaseHistogram, StopReason};
use super::choice::choose;
use super::data::{CaseKey, CaseSamples, SweepResult, groups, keys};
use crate::measure::{EngineSettings, TokenSample, TokenTest, WaitPolicy, late_frames, token_metrics};
use crate::plan::{CompetingLoad, ThreadsPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus, Priority};
use crate::stats::{DropReason, Dropped};

/// The cases so far, in reading order: by load, test, depth and settings.
pub(super) fn cases(plan: &ThreadsPlan, result: &SweepResult, end: Option<StopReason>) -> Vec<Case> {
    let cut_off = end.is_some_and(StopReason::cuts_off);
    let limit = plan.late_limit.beside(result.alone.late_share());
    // While it measures, nothing is chosen: that would take time between two repetitions.
    let chosen: Vec<CaseKey> = groups(plan)
        .into_iter()
        .filter(|_| end.is_some())
        .filter_map(|group| Some(CaseKey { group, settings: choose(plan, result, group)?.settings }))
        .collect();
    let frames = result.frames();
    let measured = result.cases.iter().map(|(key, collected)| {
        let keeps_frames = collected.keeps_frames(frames[key], limit);
        let mut case = case(plan, *key, collected, (limit, keeps_frames), cut_off);
        case.conditions["chosen"] = chosen.contains(key).into();
        case
    });
    let is_missing = |key: &CaseKey| end == Some(StopReason::Budget) && !result.cases.contains_key(key);
    measured.chain(keys(plan).filter(is_missing).map(|key| not_measured(plan, key))).collect()
}

/// `render/tg64/depth=1024/threads=2/fa=on/prio=low`: the depth if it is not 0, the threads, and the settings that the
/// plan varies.
pub(super) fn path(plan: &ThreadsPlan, key: CaseKey) -> String {
    let (group, settings) = (key.group, key.settings);
    let tokens = match group.test {
        TokenTest::Prompt => plan.n_prompt,
        TokenTest::Generation => plan.n_gen,
    };
    let mut parts = vec![group.load.word().to_owned(), format!("{}{tokens}", group.test.word())];
    if group.depth > 0 {
        parts.push(format!("depth={}", group.depth));
    }
    parts.push(format!("threads={}", settings.threads));
    parts.extend(varied(plan, settings).into_iter().map(|(name, value)| format!("{name}={value}")));
    parts.join("/")
}

/// Settings other than threads in which the cases of this plan differ, by their names in paths.
pub(super) fn varied(plan: &ThreadsPlan, settings: EngineSettings) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    if plan.flash_attention.len() > 1 {
        parts.push(("fa", settings.flash_attention.to_string()));
    }
    if plan.cache_types.len() > 1 {
        parts.push(("kv", settings.cache_type.to_string()));
    }
    if plan.priorities.len() > 1 || settings.priority != Priority::Normal {
        parts.push(("prio", settings.priority.name().to_owned()));
    }
    if plan.waits.len() > 1 || settings.wait != WaitPolicy::Unset {
        parts.push(("wait", settings.wait.name().to_owned()));
    }
    if plan.mmap.len() > 1 {
        parts.push(("mmap", if settings.use_mmap { "on" } else { "off" }.to_owned()));
    }
    parts
}

/// Cases for which the budget left no time.
fn not_measured(plan: &ThreadsPlan, key: CaseKey) -> Case {
    Case {
        path: path(plan, key),
        state: CaseState::NotMeasured,
        reason: Some("the budget was spent before its turn".into()),
        duration_s: 0.0,
        conditions: json!({
            "load": key.group.load.word(),
            "test": key.group.test.word(),
            "n_depth": key.group.depth,
            "n_threads": key.settings.threads,
        }),
        notes: Vec::new(),
        metrics: Vec::new(),
        histograms: Vec::new(),
    }
}

fn case(
    plan: &ThreadsPlan,
    key: CaseKey,
    collected: &CaseSamples,
    (limit, keeps_frames): (f64, bool),
    cut_off: bool,
) -> Case {
    let (group, settings) = (key.group, key.settings);
    let (rounds, samples): (Vec<usize>, Vec<TokenSample>) =
        collected.figures().map(|(round, sample)| (round, sample.clone())).unzip();
    let (n_prompt, n_gen) = match group.test {
        TokenTest::Prompt => (plan.n_prompt, 0),
        TokenTest::Generation => (0, plan.n_gen),
    };
    let mut metrics = token_metrics(&samples);
    if group.load == CompetingLoad::Render {
        // Before the CPU use: the last figures are dropped if the terminal is too narrow.
        metrics.insert(metrics.len() - 1, late_frames(collected.frames));
    }
    metrics.push(memory(collected));
    let oversubscribed = plan.counts.iter().any(|count| count.threads == settings.threads && count.oversubscribed);
    let case = Case {
        path: path(plan, key),
        state: CaseState::Ok,
        reason: None,
        duration_s: collected.samples.values().map(|sample| sample.elapsed_ns as f64 / 1e9).sum(),
        conditions: json!({
            "load": group.load.word(),
            "test": group.test.word(),
            "n_prompt": n_prompt,
            "n_gen": n_gen,
            "n_depth": group.depth,
            "n_threads": settings.threads,
            "n_threads_batch": settings.threads,
            "flash_attn": settings.flash_attention,
            "type_k": settings.cache_type,
            "type_v": settings.cache_type,
            "priority": settings.priority,
            "prio": settings.priority.llama_bench(),
            "wait": settings.wait,
            "use_mmap": settings.use_mmap,
            "oversubscribed": oversubscribed,
            "late_limit_percent": (group.load == CompetingLoad::Render).then_some(100.0 * limit),
            "late_bursts": (group.load == CompetingLoad::Render).then_some(collected.frames.bursts),
            "keeps_frames": (group.load == CompetingLoad::Render).then_some(keeps_frames),
            "dropped_after_rounds": collected.dropped.map(|dropped| dropped.after_rounds),
            "dropped_for": collected.dropped.map(dropped_for),
            "repetitions_cut_off": collected.cut_off(),
            "test_time": collected.began,
            "samples_round": rounds,
            "samples_ns": samples.iter().map(|sample| sample.elapsed_ns).collect::<Vec<_>>(),
            "samples_ts": samples.iter().map(TokenSample::tokens_per_s).collect::<Vec<_>>(),
        }),
        notes: notes(settings.priority, collected, oversubscribed),
        metrics,
        histograms: Vec::new(),
    };
    if cut_off {
        return case.cut_off(format!("interrupted after {}", counted(collected.samples.len(), "repetition")));
    }
    if collected.cut_off() == collected.samples.len() { case.partial() } else { case }
}

fn notes(priority: Priority, collected: &CaseSamples, oversubscribed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if oversubscribed {
        notes.push("Oversubscribed: more threads than CPUs that this process may use.".to_owned());
    }
    notes.extend(collected.dropped.map(dropped_note));
    if collected.dropped.is_some_and(|dropped| collected.samples.len() > dropped.after_rounds) {
        notes.push("Measured further: the application runs with it by itself, and a gain is relative to it.".into());
    }
    let cut = collected.cut_off();
    if cut > 0 {
        let is_all = cut == collected.samples.len();
        let left_out = if is_all { "its speed is an upper bound" } else { "it is in no figure" };
        notes.push(format!(
            "Cut off: {}, so much slower than the fastest setting that running to the end could change nothing; {left_out}.",
            counted(cut, "repetition")
        ));
    }
    notes.extend(starved(priority, collected));
    notes
}

/// Below this many CPUs, threads at a lowered priority starve: as many as one thread needs, halved.
const STARVED_BELOW: f64 = 0.5;

/// That other programs left threads at a lowered priority next to no CPU time.
fn starved(priority: Priority, collected: &CaseSamples) -> Option<String> {
    let mut used = 0.0;
    let mut elapsed = 0.0;
    for sample in collected.samples.values() {
        used += sample.cpu_ns? as f64;
        elapsed += sample.ended_ns.saturating_sub(sample.began_ns) as f64;
    }
    let cpus = used / elapsed.max(1.0);
    (priority != Priority::Normal && !collected.samples.is_empty() && cpus < STARVED_BELOW)
        .then(|| format!("Starved: at priority {} its threads got {cpus:.2} CPUs.", priority.name()))
}

/// That a setting left the race: few words, so that cases with the same fate share a line. The figures are in the conditions.
fn dropped_note(dropped: Dropped) -> String {
    let why = match dropped.reason {
        DropReason::LateFrames { .. } => "too many late frames",
        DropReason::NotFaster { .. } if dropped.may_be_equal() => "not faster than the best one",
        DropReason::NotFaster { .. } => "too slow",
    };
    format!("Dropped after {}: {why}.", counted(dropped.after_rounds, "round"))
}

/// The figure that led to the drop, in percent.
fn dropped_for(dropped: Dropped) -> Value {
    match dropped.reason {
        DropReason::LateFrames { at_least } => json!({ "late_frames_at_least_percent": 100.0 * at_least }),
        DropReason::NotFaster { at_most } => json!({ "speed_at_most_percent_of_leader": 100.0 * at_most }),
    }
}

/// Anonymous memory of the process, without mapped weights, which are file-backed.
fn memory(collected: &CaseSamples) -> Metric {
    match collected.anonymous_bytes {
        Some(bytes) => Metric::plain("rss_anon", "bytes", bytes as f64, 1, Direction::Lower),
        None => Metric::absent("rss_anon", "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
    }
}

/// The histograms of all cases: time to first token, or inter-token latency.
pub(super) fn histograms(plan: &ThreadsPlan, result: &SweepResult) -> Vec<CaseHistogram> {
    let of_case = |(key, collected): (&CaseKey, &CaseSamples)| {
        let samples = &collected.samples;
        let (quantity, samples_ns) = match key.group.test {
            TokenTest::Prompt => ("ttft", samples.values().filter_map(|sample| sample.ttft_ns).collect()),
            TokenTest::Generation => {
                ("itl", samples.values().flat_map(|sample| sample.inter_token_ns.clone()).collect())
            }
        };
        let began_ns = samples.values().next().map_or(0, |sample| sample.began_ns);
        let ended_ns = samples.values().last().map_or(0, |sample| sample.ended_ns);
        CaseHistogram::total(path(plan, *key), quantity, samples_ns, (began_ns, ended_ns))
    };
    result.cases.iter().map(of_case).collect()
}

#[cfg(test)]
mod tests {
    use super::super::planted::{plan, swept};
    use super::*;
    use crate::advise::{ENGINE_OF_THE_APP, Setting};
    use crate::record::Run;

    #[test]
    fn case_has_mean_frames_and_conditions() {
        let plan = plan("--sweep 2 --under-load render --priority low");
        let result = swept(&plan, CompetingLoad::Render, |_| (50.0, 4, None));
        let cases = cases(&plan, &result, None);
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(paths, ["render/pp128/depth=1024/threads=2/prio=low", "render/tg64/depth=1024/threads=2/prio=low"]);
        let generation = &cases[1];
        // 50, 49.5, … 46.5 tokens per second.
        assert!((generation.metric("avg_ts").unwrap().value.unwrap() - 48.25).abs() < 0.01);
        assert_eq!(generation.metric("frames_late").unwrap().value, Some(0.4));
        assert_eq!(
            (&generation.conditions["prio"], &generation.conditions["late_limit_percent"]),
            (&json!(-1), &json!(1.0))
        );
        assert_eq!(generation.conditions["dropped_after_rounds"], json!(null));
        assert_eq!(generation.conditions["samples_round"], json!([0, 1, 2, 3, 4, 5, 6, 7]));
        let histograms = histograms(&plan, &result);
        assert_eq!((histograms[1].quantity, histograms[1].parts[0].samples_ns.len()), ("itl", 80));
        assert_eq!(histograms[1].parts[0].start.as_nanos(), 1_000);
    }

    #[test]
    fn settings_of_the_application_are_those_that_gains_are_relative_to() {
        let plan =
            plan("--sweep 6 --under-load none --depth 0 --flash-attn off,on --priority normal,low --mmap on,off");
        let result = swept(&plan, CompetingLoad::Idle, |_| (50.0, 0, None));
        let is_relative_to = |case: &Case| {
            let words = ENGINE_OF_THE_APP.iter().map(|(key, value)| (&case.conditions[*key], *value));
            words.clone().all(|(own, value)| own.as_str().map_or_else(|| own.to_string(), str::to_owned) == value)
        };
        let found: Vec<bool> = cases(&plan, &result, None).iter().map(is_relative_to).collect();
        let by_settings: Vec<bool> = result.cases.keys().map(|key| plan.is_the_applications(key.settings)).collect();
        assert_eq!(found, by_settings);
        assert_eq!(found.iter().filter(|is_it| **is_it).count(), 2, "one for each test");
    }

    #[test]
    fn equal_settings_stay_as_the_application_has_them_in_any_order_of_the_command_line() {
        for line in ["--flash-attn on,off --priority low,normal", "--flash-attn off,on --priority normal,low"] {
            let plan = plan(&format!("--sweep 2 --under-load none --depth 0 {line}"));
            let result = swept(&plan, CompetingLoad::Idle, |_| (50.0, 0, None));
            let cases = cases(&plan, &result, Some(StopReason::Planned));
            let mut chosen = cases.iter().filter(|case| case.conditions["chosen"] == true);
            assert!(chosen.all(|case| case.path.ends_with("/fa=off/prio=normal")), "{cases:?}");
            let run = Run { command: "threads".into(), cases, ..crate::record::sample::run() };
            let choices = crate::advise::measured_settings(&[run]);
            let of_record = |setting| choices.iter().find(|choice| choice.setting == setting)?.value.clone();
            assert_eq!(
                (of_record(Setting::FlashAttn), of_record(Setting::Priority)),
                (Some(json!("off")), Some(json!("normal")))
            );
        }
    }

    #[test]
    fn interrupted_case_is_partial_and_dropped_one_states_why() {
        let plan = plan("--sweep 1,2 --under-load none --depth 0");
        let out = Dropped { reason: DropReason::LateFrames { at_least: 0.123 }, after_rounds: 3 };
        let result = swept(&plan, CompetingLoad::Idle, |settings| (50.0, 0, (settings.threads == 2).then_some(out)));
        let cases = cases(&plan, &result, Some(StopReason::Interrupted));
        assert!(cases.iter().all(|case| case.state == CaseState::Interrupted));
        assert_eq!(cases[0].metric("avg_ts").unwrap().status, MetricStatus::Partial);
        assert_eq!(cases[1].notes, ["Dropped after 3 rounds: too many late frames."]);
        assert_eq!(cases[1].conditions["dropped_after_rounds"], json!(3));
        assert_eq!(cases[1].conditions["dropped_for"], json!({"late_frames_at_least_percent": 12.3}));
    }

    #[test]
    fn cut_off_repetitions_are_excluded_if_there_are_others() {
        let plan = plan("--sweep 1 --under-load none --depth 0");
        let mut result = swept(&plan, CompetingLoad::Idle, |_| (50.0, 0, None));
        for case in result.cases.values_mut() {
            case.samples.values_mut().skip(1).for_each(|sample| sample.is_cut = true);
        }
        let some = cases(&plan, &result, None);
        assert_eq!(
            (some[0].metric("avg_ts").unwrap().n, some[0].metric("avg_ts").unwrap().status),
            (1, MetricStatus::Ok)
        );
        assert!(
            some[0].notes[0].contains("7 repetitions") && some[0].notes[0].ends_with("it is in no figure."),
            "{some:?}"
        );
        for case in result.cases.values_mut() {
            case.samples.values_mut().for_each(|sample| sample.is_cut = true);
        }
        let all = cases(&plan, &result, None);
        assert_eq!(all[0].metric("avg_ts").unwrap().status, MetricStatus::Partial);
        for case in &all {
            assert!(case.notes[0].ends_with("its speed is an upper bound."), "{}: {:?}", case.path, case.notes);
        }
    }

    #[test]
    fn threads_that_others_leave_no_time_are_said_to_starve() {
        let note = |line: &str, cpu_share: f64| {
            let plan = plan(line);
            let mut result = swept(&plan, CompetingLoad::Render, |_| (50.0, 0, None));
            for sample in result.cases.values_mut().flat_map(|case| case.samples.values_mut()) {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Planted.
                let cpu_ns = (cpu_share * (sample.ended_ns - sample.began_ns) as f64) as u64;
                sample.cpu_ns = Some(cpu_ns);
            }
            cases(&plan, &result, None)[0].notes.clone()
        };
        let low = "--sweep 2 --under-load render --depth 0 --priority low";
        assert_eq!(note(low, 0.12), ["Starved: at priority low its threads got 0.12 CPUs."]);
        assert_eq!(note(low, 1.9), [""; 0]);
        assert_eq!(
            note("--sweep 2 --under-load render --depth 0", 0.12),
            [""; 0],
            "at normal priority that is no starvation"
        );
    }

    #[test]
    fn the_choice_of_each_group_is_marked_once_it_has_ended() {
        let plan = plan("--sweep 1,2 --under-load none --depth 0");
        let result = swept(&plan, CompetingLoad::Idle, |settings| (f64::from(settings.threads), 0, None));
        let chosen = |end| -> Vec<String> {
            let cases = cases(&plan, &result, end).into_iter();
            cases.filter(|case| case.conditions["chosen"] == json!(true)).map(|case| case.path).collect()
        };
        assert_eq!(chosen(Some(StopReason::Planned)), ["idle/pp128/threads=2", "idle/tg64/threads=2"]);
        assert!(chosen(None).is_empty());
    }

    #[test]
    fn cut_off_round_leaves_a_gap_and_shifts_no_pair() {
        let plan = plan("--sweep 1,2 --under-load none --depth 0");
        let mut result = swept(&plan, CompetingLoad::Idle, |_| (50.0, 0, None));
        let key = *result.cases.keys().find(|key| key.settings.threads == 2).unwrap();
        result.cases.get_mut(&key).unwrap().samples.get_mut(&1).unwrap().is_cut = true;
        let cases = cases(&plan, &result, Some(StopReason::Planned));
        let case = cases.iter().find(|case| case.path == path(&plan, key)).unwrap();
        assert_eq!(case.conditions["samples_round"], json!([0, 2, 3, 4, 5, 6, 7]));
        let other = &result.cases[&CaseKey { settings: key.settings.with_threads(1), ..key }];
        let share = result.cases[&key].speeds().ratio_to(&other.speeds()).unwrap();
        // Every round is slower than the one before: shifted by one, the ratio would not be 1.
        assert!((share.ratio - 1.0).abs() < 1e-12 && share.n == 7, "{share:?}");
    }
}
