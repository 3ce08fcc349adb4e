//! Cases from repetitions.

use serde_json::{Value, json};

use super::super::study::{CaseHistogram, StopReason};
use super::data::{CaseSamples, Key, SweepResult, keys};
use crate::measure::{EngineSettings, Test, TokenSample, WaitPolicy, late_frames, token_metrics};
use crate::plan::{Competition, ThreadsPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus, Priority};
use crate::stats::{DropReason, Dropped};

/// The cases so far, in reading order: by load, test, depth and settings.
pub(super) fn cases(plan: &ThreadsPlan, result: &SweepResult, end: Option<StopReason>) -> Vec<Case> {
    let cut_off = end.is_some_and(StopReason::cuts_off);
    let limit = plan.late_limit.beside(result.alone.late_share());
    let measured = result.cases.iter().map(|(key, collected)| case(plan, *key, (collected, limit), cut_off));
    let is_missing = |key: &Key| end == Some(StopReason::Budget) && !result.cases.contains_key(key);
    measured.chain(keys(plan).filter(is_missing).map(|key| not_measured(plan, key))).collect()
}

/// `render/tg64/depth=1024/threads=2/fa=on/prio=low`: the depth if it is not 0, the threads, and the settings that the
/// plan varies.
pub(super) fn path(plan: &ThreadsPlan, key: Key) -> String {
    let (group, settings) = (key.group, key.settings);
    let tokens = match group.test {
        Test::Prompt => plan.n_prompt,
        Test::Generation => plan.n_gen,
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
fn not_measured(plan: &ThreadsPlan, key: Key) -> Case {
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

fn case(plan: &ThreadsPlan, key: Key, (collected, limit): (&CaseSamples, f64), cut_off: bool) -> Case {
    let (group, settings) = (key.group, key.settings);
    // A repetition that was cut off shows that it was too slow, not its speed; used only if there is nothing else.
    let whole: Vec<TokenSample> = collected.samples.iter().filter(|sample| !sample.is_cut).cloned().collect();
    let samples = if whole.is_empty() { &collected.samples } else { &whole };
    let (n_prompt, n_gen) = match group.test {
        Test::Prompt => (plan.n_prompt, 0),
        Test::Generation => (0, plan.n_gen),
    };
    let mut metrics = token_metrics(samples);
    if group.load == Competition::Render {
        // Before the CPU use: the last figures are dropped if the terminal is too narrow.
        metrics.insert(metrics.len() - 1, late_frames(collected.frames));
    }
    metrics.push(memory(collected));
    let oversubscribed = plan.counts.iter().any(|count| count.threads == settings.threads && count.oversubscribed);
    let case = Case {
        path: path(plan, key),
        state: CaseState::Ok,
        reason: None,
        duration_s: collected.samples.iter().map(|sample| sample.elapsed_ns as f64 / 1e9).sum(),
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
            "late_limit_percent": (group.load == Competition::Render).then_some(100.0 * limit),
            "dropped_after_rounds": collected.dropped.map(|dropped| dropped.after_rounds),
            "dropped_for": collected.dropped.map(dropped_for),
            "repetitions_cut_off": collected.samples.len() - whole.len(),
            "test_time": collected.began,
            "samples_ns": samples.iter().map(|sample| sample.elapsed_ns).collect::<Vec<_>>(),
            "samples_ts": samples.iter().map(TokenSample::tokens_per_s).collect::<Vec<_>>(),
        }),
        notes: notes(group.test, collected, oversubscribed),
        metrics,
        histograms: Vec::new(),
    };
    if cut_off {
        return case.cut_off(format!("interrupted after {}", counted(collected.samples.len(), "repetition")));
    }
    if whole.is_empty() { case.partial() } else { case }
}

fn notes(test: Test, collected: &CaseSamples, oversubscribed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if oversubscribed {
        notes.push("Oversubscribed: more threads than CPUs that this process may use.".to_owned());
    }
    notes.extend(collected.dropped.map(dropped_note));
    let cut = collected.samples.iter().filter(|sample| sample.is_cut).count();
    if cut > 0 {
        let bound = if test == Test::Prompt { "its speed is an upper bound" } else { "its speed is that until then" };
        let left_out = if cut == collected.samples.len() { bound } else { "it is in no figure" };
        notes.push(format!(
            "Cut off: {} took more than 2.5 times as long as the fastest setting and did not run to the end; {left_out}.",
            counted(cut, "repetition")
        ));
    }
    notes
}

/// Note that a setting left the race: short, so that cases with the same outcome share a line. The figures are in the
/// conditions.
fn dropped_note(dropped: Dropped) -> String {
    let why = match dropped.reason {
        DropReason::LateFrames { .. } => "too many late frames",
        DropReason::Slower { .. } => "too slow",
    };
    format!("Dropped after {}: {why}.", counted(dropped.after_rounds, "round"))
}

/// The figure that led to the drop, in percent.
fn dropped_for(dropped: Dropped) -> Value {
    match dropped.reason {
        DropReason::LateFrames { at_least } => json!({ "late_frames_at_least_percent": 100.0 * at_least }),
        DropReason::Slower { at_most } => json!({ "speed_at_most_percent_of_leader": 100.0 * at_most }),
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
    let of_case = |(key, collected): (&Key, &CaseSamples)| {
        let samples = &collected.samples;
        let (quantity, samples_ns) = match key.group.test {
            Test::Prompt => ("ttft", samples.iter().filter_map(|sample| sample.ttft_ns).collect()),
            Test::Generation => ("itl", samples.iter().flat_map(|sample| sample.inter_token_ns.clone()).collect()),
        };
        let began_ns = samples.first().map_or(0, |sample| sample.began_ns);
        let ended_ns = samples.last().map_or(0, |sample| sample.ended_ns);
        CaseHistogram::total(path(plan, *key), quantity, samples_ns, (began_ns, ended_ns))
    };
    result.cases.iter().map(of_case).collect()
}

#[cfg(test)]
mod tests {
    use super::super::planted::{plan, swept};
    use super::*;

    #[test]
    fn case_has_mean_frames_and_conditions() {
        let plan = plan("--sweep 2 --under-load render --priority low");
        let result = swept(&plan, Competition::Render, |_| (50.0, 4, None));
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
        let histograms = histograms(&plan, &result);
        assert_eq!((histograms[1].quantity, histograms[1].parts[0].samples_ns.len()), ("itl", 80));
        assert_eq!(histograms[1].parts[0].start.as_nanos(), 1_000);
    }

    #[test]
    fn interrupted_case_is_partial_and_dropped_one_states_why() {
        let plan = plan("--sweep 1,2 --under-load none --depth 0");
        let out = Dropped { reason: DropReason::LateFrames { at_least: 0.123 }, after_rounds: 3 };
        let result = swept(&plan, Competition::Idle, |settings| (50.0, 0, (settings.threads == 2).then_some(out)));
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
        let mut result = swept(&plan, Competition::Idle, |_| (50.0, 0, None));
        for case in result.cases.values_mut() {
            case.samples.iter_mut().skip(1).for_each(|sample| sample.is_cut = true);
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
            case.samples[0].is_cut = true;
        }
        let all = cases(&plan, &result, None);
        assert_eq!(all[0].metric("avg_ts").unwrap().status, MetricStatus::Partial);
        assert!(all[0].notes[0].ends_with("its speed is an upper bound."), "a prompt: {:?}", all[0].notes);
        assert!(all[1].notes[0].ends_with("its speed is that until then."), "generation: {:?}", all[1].notes);
    }
}
