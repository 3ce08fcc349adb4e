//! Chrome's trace event JSON, which <https://ui.perfetto.dev> opens: where the time of turns, starts and round trips goes.

use std::ops::Range;

use serde_json::{Value, json};

use super::super::error::ReportError;
use super::super::round_trip::RoundTrip;
use super::{Exporter, Format, RunPage};
use crate::record::{Case, Run, TurnStage, Waterfall};
use crate::text;

/// As trace events.
pub(super) struct Trace;

impl Exporter<RunPage<'_>> for Trace {
    fn format(&self) -> Format {
        Format::Trace
    }

    fn help(&self) -> &'static str {
        "Chrome's trace event JSON for ui.perfetto.dev, for runs of pipeline, warmup and ipc --breakdown"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        let run = page.run;
        let mut events = Events::default();
        for case in run.cases.iter().filter(|case| case.state.has_figures()) {
            add_turns(&mut events, run, case);
            add_starts(&mut events, run, case);
        }
        for trip in RoundTrip::all(run) {
            add_round_trip(&mut events, run, &trip);
        }
        if events.all.is_empty() {
            return Err(ReportError::lacks(run, "no turns, starts or stages of round trips, which a trace shows"));
        }
        let trace = json!({
            "displayTimeUnit": "ms",
            "otherData": {
                "tool": format!("workly-perf {}", run.build.version),
                "run_id": run.run_id,
                "started": run.started,
                "simulated": run.simulated,
                "about": "Times on the axis are durations in a row: the record has no pauses between turns and between starts.",
            },
            "traceEvents": events.all,
        });
        Ok(format!("{trace:#}\n"))
    }
}

/// One stage of a span.
struct Stage {
    name: String,
    ms: f64,
}

impl Stage {
    fn new(name: &str, ms: f64) -> Self {
        Self { name: name.into(), ms }
    }
}

/// A span that consists of stages. What they leave of it is a stage of its own, `rest`.
struct Span {
    name: String,
    whole_ms: f64,
    stages: Vec<Stage>,
    about: Value,
}

/// A row of the trace: the process of a case, and a thread in it.
#[derive(Clone, Copy)]
struct Track {
    pid: usize,
    tid: usize,
}

/// The events. Times are whole nanoseconds until they are written, so that a stage ends exactly where the next begins.
#[derive(Default)]
struct Events {
    all: Vec<Value>,
    processes: usize,
}

impl Events {
    /// The rows of a case, with these names.
    fn tracks<const N: usize>(&mut self, run: &Run, case: &str, names: [&str; N]) -> [Track; N] {
        self.processes += 1;
        let pid = self.processes;
        let parts = run.simulated_parts();
        let mark = if parts.is_empty() { String::new() } else { format!(" (SIMULATED: {parts})") };
        self.name(Track { pid, tid: 0 }, "process_name", &json!({ "name": text::line(&(case.to_owned() + &mark)) }));
        self.name(Track { pid, tid: 0 }, "process_sort_index", &json!({ "sort_index": pid }));
        let mut tid = 0;
        names.map(|name| {
            tid += 1;
            self.name(Track { pid, tid }, "thread_name", &json!({ "name": name }));
            Track { pid, tid }
        })
    }

    fn name(&mut self, track: Track, what: &str, args: &Value) {
        // Names have no time, but some readers require one.
        self.all.push(json!({ "ph": "M", "name": what, "pid": track.pid, "tid": track.tid, "ts": 0, "args": args }));
    }

    fn slice(&mut self, track: Track, name: &str, ns: Range<u64>, args: &Value) {
        self.all.push(json!({
            "ph": "X", "name": text::line(name), "pid": track.pid, "tid": track.tid,
            "ts": ns.start as f64 / 1e3, "dur": ns.end.saturating_sub(ns.start) as f64 / 1e3, "args": args,
        }));
    }

    /// A span with its stages below it. Returns its end.
    fn span(&mut self, track: Track, from_ns: u64, span: &Span) -> u64 {
        let whole_ns = ns(span.whole_ms);
        let to_ns = from_ns.saturating_add(whole_ns);
        self.slice(track, &span.name, from_ns..to_ns, &span.about);
        let mut begin_ns = from_ns;
        for (stage, end_ns) in span.stages.iter().zip(ends(&span.stages, whole_ns)) {
            let end_ns = from_ns.saturating_add(end_ns);
            self.slice(track, &stage.name, begin_ns..end_ns, &json!({ "recorded_ms": stage.ms }));
            begin_ns = end_ns;
        }
        if begin_ns < to_ns {
            self.slice(track, "rest", begin_ns..to_ns, &json!({}));
        }
        to_ns
    }
}

/// Where each stage ends: the rounded sum of all up to it, so that rounding errors do not add up. A stage of negative length,
/// which the error of a clock's offset may cause, is empty; the next one is as much shorter.
fn ends(stages: &[Stage], whole_ns: u64) -> Vec<u64> {
    let (mut sum_ms, mut end_ns) = (0.0, 0);
    let mut ends: Vec<u64> = stages
        .iter()
        .map(|stage| {
            sum_ms += stage.ms;
            end_ns = ns(sum_ms).clamp(end_ns, whole_ns.max(end_ns));
            end_ns
        })
        .collect();
    // Stages that add up to the whole may miss it by a rounding error.
    if let Some(last) = ends.last_mut().filter(|last| whole_ns - **last <= 1) {
        *last = whole_ns;
    }
    ends
}

/// Milliseconds in whole nanoseconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Saturates.
fn ns(ms: f64) -> u64 {
    (ms * 1e6).round().max(0.0) as u64
}

/// The turns of a case, one after another: until the expression shows, and the reply beside that.
fn add_turns(events: &mut Events, run: &Run, case: &Case) {
    let Some(turns) = Waterfall::of(case) else { return };
    let [reaction, reply] = events.tracks(run, &case.path, ["until the expression shows", "the reply"]);
    let mut from_ns = 0;
    for (at, turn) in turns.iter().enumerate() {
        let stages =
            TurnStage::ALL.into_iter().filter_map(|stage| Some(Stage::new(stage.word(), turn.stage_ms(stage)?)));
        let span = Span {
            name: format!("turn {}", at + 1),
            whole_ms: turn.whole_ms().unwrap_or(0.0),
            stages: stages.collect(),
            about: json!({
                "visible_ms": turn.visible_ms, "prompt_tokens": turn.prompt_tokens, "reply_tokens": turn.reply_tokens,
                "expression": turn.expression, "bridge": turn.bridge,
            }),
        };
        let mut to_ns = events.span(reaction, from_ns, &span);
        if let (Some(first_ms), Some(last_ms)) = (turn.ttft_ms, turn.ttlt_ms) {
            let (first_ns, last_ns) = (from_ns.saturating_add(ns(first_ms)), from_ns.saturating_add(ns(last_ms)));
            events.slice(reply, "generation", first_ns..last_ns, &json!({ "tokens": turn.reply_tokens }));
            to_ns = to_ns.max(last_ns);
        }
        from_ns = to_ns;
    }
}

/// The mean start of a kind in its stages, and each start.
fn add_starts(events: &mut Events, run: &Run, case: &Case) {
    let Some(readiness) = case.conditions["readiness"].as_str() else { return };
    let ms = |name: &str| case.metric(name).and_then(|metric| metric.value);
    let (Some(wait_ms), Some(ttft_ms), Some(reply_ms)) = (ms("wait"), ms("ttft"), ms("reply")) else { return };
    // What is ready before the question is no part of the wait.
    let waits_for = |stage: &str| match stage {
        "load" => ["cold", "cached"].contains(&readiness),
        _ => ["cold", "cached", "loaded"].contains(&readiness),
    };
    let mut stages: Vec<Stage> = ["load", "context"]
        .into_iter()
        .filter(|stage| waits_for(stage))
        .filter_map(|stage| Some(Stage::new(stage, ms(stage)?)))
        .collect();
    stages.push(Stage::new("first_token", ttft_ms));
    stages.push(Stage::new("reply", reply_ms - ttft_ms));
    let n = case.metric("wait").map_or(0, |metric| metric.n);
    let [mean, each] = events.tracks(run, &case.path, ["mean start", "every start"]);
    events.span(mean, 0, &Span { name: "wait".into(), whole_ms: wait_ms, stages, about: json!({ "mean_of": n }) });
    let mut from_ns: u64 = 0;
    let waits = case.conditions["samples_ns"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    for (at, wait_ns) in waits.enumerate() {
        let to_ns = from_ns.saturating_add(wait_ns);
        events.slice(each, &format!("start {}", at + 1), from_ns..to_ns, &json!({}));
        from_ns = to_ns;
    }
}

/// The mean round trip with one kind of reply, in its parts.
fn add_round_trip(events: &mut Events, run: &Run, trip: &RoundTrip<'_>) {
    let span = Span {
        name: "round trip".into(),
        whole_ms: trip.whole.mean_ms,
        stages: trip.parts.iter().map(|part| Stage::new(part.name, part.mean_ms)).collect(),
        about: json!({ "mean_of": trip.whole.mean.n }),
    };
    let [mean] = events.tracks(run, trip.reply, ["mean round trip"]);
    events.span(mean, 0, &span);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::run;
    use crate::record::{Direction, Metric};

    /// Names, starts and durations in nanoseconds of the slices.
    fn slices(run: &Run) -> Vec<(String, u64, u64)> {
        let page = RunPage { run, width: 80, detail: crate::report::Detail::Figures, distributions: &Vec::new };
        let trace: Value = serde_json::from_str(&Trace.export(&page).unwrap()).unwrap();
        let events = trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let of = |value: &Value| (value.as_f64().unwrap() * 1e3).round() as u64;
        events.map(|event| (event["name"].as_str().unwrap().to_owned(), of(&event["ts"]), of(&event["dur"]))).collect()
    }

    fn named(name: &str, from_ns: u64, ns: u64) -> (String, u64, u64) {
        (name.into(), from_ns, ns)
    }

    #[test]
    fn stages_of_a_turn_add_up_and_turns_follow_each_other() {
        let mut run = run();
        run.cases.truncate(1);
        // A third of a nanosecond each: rounded one by one, they would miss the whole.
        let third = 1e-6 / 3.0;
        run.cases[0].conditions = json!({ "waterfalls": [
            { "stages_ms": { "prompt_build": 1.0 + third, "first_token": 2.0 + third, "reply": 3.0 + third },
              "ttft_ms": 3.0, "ttlt_ms": 10.0 },
            { "stages_ms": { "prompt_build": 0.5 } },
        ] });
        let expected = [
            named("turn 1", 0, 6_000_001),
            named("prompt_build", 0, 1_000_000),
            named("first_token", 1_000_000, 2_000_001),
            named("reply", 3_000_001, 3_000_000),
            named("generation", 3_000_000, 7_000_000),
            named("turn 2", 10_000_000, 500_000),
            named("prompt_build", 10_000_000, 500_000),
        ];
        assert_eq!(slices(&run), expected);
    }

    #[test]
    fn negative_stage_is_empty_and_a_remainder_is_named() {
        let mut run = run();
        let mean = |path: &str, ms: f64| {
            let mut case = run.cases[0].clone();
            case.path = format!("applied/breakdown/{path}");
            case.metrics = vec![Metric::plain("mean", "ms", ms, 9, Direction::Lower)];
            case
        };
        run.cases = vec![mean("whole", 1.0), mean("write", 0.3), mean("network_out", -0.1), mean("parse", 0.5)];
        let expected = [
            named("round trip", 0, 1_000_000),
            named("write", 0, 300_000),
            named("network_out", 300_000, 0),
            named("parse", 300_000, 400_000),
            named("rest", 700_000, 300_000),
        ];
        assert_eq!(slices(&run), expected);
    }

    #[test]
    fn record_without_stages_is_named() {
        let run = run();
        let error = Trace
            .export(&RunPage { run: &run, width: 80, detail: crate::report::Detail::Figures, distributions: &Vec::new })
            .unwrap_err()
            .to_string();
        let expected = format!(
            "the run {} of `ipc` has no turns, starts or stages of round trips, which a trace shows",
            run.run_id
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn extreme_durations_saturate() {
        let mut run = run();
        run.cases.truncate(1);
        run.cases[0].conditions = json!({ "waterfalls": [
            { "stages_ms": { "prompt_build": 1e300, "reply": 1e300 }, "ttft_ms": -5.0, "ttlt_ms": 1e300 },
            { "stages_ms": { "reply": 1.0 } },
        ] });
        assert_eq!(slices(&run).len(), 6);
    }
}
