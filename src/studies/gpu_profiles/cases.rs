//! From measured placements to the cases of the record.

use serde_json::json;

use super::super::study::{CaseHistogram, StopReason};
use super::gpu_watch::gpu_metrics;
use super::study::PreparedSweep;
use super::sweep::{PlacementSamples, PlacementSweepResult};
use crate::clock::ms;
use crate::measure::{TokenSample, TokenTest, average, token_metrics};
use crate::plan::{GpuProfilesPlan, RoundLimit};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};

/// The tests of each placement.
const TESTS: [TokenTest; 2] = [TokenTest::Prompt, TokenTest::Generation];

/// The cases so far: each placement's memory and load, then its prompt and its generation.
pub(super) fn cases(
    plan: &GpuProfilesPlan,
    prepared: &PreparedSweep,
    result: &PlacementSweepResult,
    end: Option<StopReason>,
) -> Vec<Case> {
    let memory = result.placements.iter().map(|placement| (placement, memory(plan, prepared, placement)));
    let of_test = |test| result.measured().map(move |placement| (placement, speed(plan, placement, test)));
    let cases = memory.chain(TESTS.into_iter().flat_map(of_test));
    cases.map(|(placement, case)| with_end(case, plan, placement, end)).collect()
}

/// Memory and load time of the placement.
fn memory(plan: &GpuProfilesPlan, prepared: &PreparedSweep, placement: &PlacementSamples) -> Case {
    let samples = &placement.samples;
    Case {
        path: format!("placement/ngl={}", placement.n_gpu_layers),
        state: CaseState::Ok,
        reason: None,
        duration_s: samples.iter().map(|sample| sample.measured.ready_ns as f64 / 1e9).sum(),
        conditions: json!({
            "n_gpu_layers": placement.n_gpu_layers,
            "n_ctx": plan.first_context().n_ctx,
            "load_cache": "warm",
            "status": status(placement),
            "error": placement.failed.as_ref().or(placement.skipped.as_ref()),
            "budget": prepared.budget,
            "projection": placement.projection,
            "held": samples.last().map(|sample| &sample.measured.held),
        }),
        notes: Vec::new(),
        metrics: if samples.is_empty() { Vec::new() } else { memory_metrics(placement) },
        histograms: Vec::new(),
    }
}

/// One word for a row.
fn status(placement: &PlacementSamples) -> &'static str {
    match (&placement.skipped, &placement.failed) {
        (Some(_), _) => "skipped",
        (_, Some(_)) => "failed",
        _ if placement.samples.is_empty() => "not measured",
        _ => "ok",
    }
}

/// The same case with its state: skipped, failed, short of samples, or as planned.
fn with_end(mut case: Case, plan: &GpuProfilesPlan, placement: &PlacementSamples, end: Option<StopReason>) -> Case {
    let n = placement.samples.len();
    let lacks_rounds = !matches!(plan.rounds, RoundLimit::Repetitions(rounds) if n >= rounds as usize);
    let (state, reason) = match (&placement.skipped, &placement.failed) {
        (Some(why), _) => (CaseState::NotMeasured, why.clone()),
        (_, Some(why)) if n == 0 => (CaseState::Failed, why.clone()),
        (_, Some(why)) => (CaseState::Lossy, why.clone()),
        _ if end == Some(StopReason::Budget) && n == 0 => {
            (CaseState::NotMeasured, "the budget was used up before it was measured".into())
        }
        _ if end.is_some_and(StopReason::cuts_off) && lacks_rounds => {
            return case.cut_off(format!("interrupted after {}", counted(n, "measurement")));
        }
        _ => return case,
    };
    if state == CaseState::Lossy {
        case.metrics.iter_mut().for_each(Metric::mark_partial);
    }
    Case { state, reason: Some(reason), ..case }
}

fn memory_metrics(placement: &PlacementSamples) -> Vec<Metric> {
    let measured: Vec<_> = placement.samples.iter().map(|sample| &sample.measured).collect();
    let loads: Vec<f64> = measured.iter().map(|outcome| ms(outcome.load_ns)).collect();
    let held = measured.last().map(|outcome| &outcome.held);
    let bytes = |name: &str, bytes: Option<u64>| match bytes {
        Some(bytes) => Metric::plain(name, "bytes", bytes as f64, 1, Direction::Lower),
        None => Metric::absent(name, "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
    };
    let seen: Vec<_> = placement.samples.iter().map(|sample| &sample.seen).collect();
    let generated: Vec<_> = measured.iter().map(|outcome| &outcome.generation).map(generated).collect();
    let mut metrics = vec![
        average("load", "ms", &loads, Direction::Lower),
        bytes("vram_projected", placement.projection.as_ref().map(|projection| projection.on_devices().total_bytes())),
        bytes("vram_buffers", held.map(|held| held.on_devices().total_bytes())),
        projection_error(placement),
        bytes("vram_delta", measured.iter().filter_map(|outcome| outcome.device_delta_bytes()).max()),
        bytes("host_buffers", held.map(|held| held.host.total_bytes())),
        bytes("rss_anon", measured.iter().filter_map(|outcome| outcome.rss_anon_bytes).max()),
    ];
    metrics.extend(gpu_metrics(&seen, &generated));
    metrics
}

/// Tokens and seconds of a generation.
fn generated(sample: &TokenSample) -> (usize, f64) {
    (sample.tokens, sample.elapsed_ns as f64 / 1e9)
}

/// Error of the projected device memory, in percent of the memory held by ggml's buffers.
fn projection_error(placement: &PlacementSamples) -> Metric {
    let absent = |status| Metric::absent("projection_error", "%", 0, Direction::None, status);
    let held = placement.samples.last().map(|sample| sample.measured.held.on_devices().total_bytes());
    match error_percent(placement) {
        Some(percent) => Metric::plain("projection_error", "%", percent, 1, Direction::None),
        None if held == Some(0) => absent(MetricStatus::NotMeasured),
        None => absent(MetricStatus::Unsupported),
    }
}

/// The same as a number; `None` if nothing was placed on a device.
pub(super) fn error_percent(placement: &PlacementSamples) -> Option<f64> {
    let projected = placement.projection.as_ref()?.on_devices().total_bytes();
    let held = placement.samples.last()?.measured.held.on_devices().total_bytes();
    (held > 0).then(|| 100.0 * (projected as f64 / held as f64 - 1.0))
}

fn speed_path(plan: &GpuProfilesPlan, placement: &PlacementSamples, test: TokenTest) -> String {
    let tokens = match test {
        TokenTest::Prompt => plan.n_prompt,
        TokenTest::Generation => plan.n_gen,
    };
    format!("idle/{}{tokens}/ngl={}", test.word(), placement.n_gpu_layers)
}

fn speed(plan: &GpuProfilesPlan, placement: &PlacementSamples, test: TokenTest) -> Case {
    let samples = placement.of_test(test);
    let (n_prompt, n_gen) = match test {
        TokenTest::Prompt => (plan.n_prompt, 0),
        TokenTest::Generation => (0, plan.n_gen),
    };
    Case {
        path: speed_path(plan, placement, test),
        state: CaseState::Ok,
        reason: None,
        duration_s: samples.iter().map(|sample| sample.elapsed_ns as f64 / 1e9).sum(),
        conditions: json!({
            "load": "idle",
            "test": test.word(),
            "n_prompt": n_prompt,
            "n_gen": n_gen,
            "n_depth": 0,
            "n_gpu_layers": placement.n_gpu_layers,
            "n_threads": plan.n_threads,
            "n_threads_batch": plan.n_threads,
            "test_time": placement.samples.first().map(|sample| sample.began),
            "samples_ns": samples.iter().map(|sample| sample.elapsed_ns).collect::<Vec<_>>(),
            "samples_ts": samples.iter().map(TokenSample::tokens_per_s).collect::<Vec<_>>(),
        }),
        notes: Vec::new(),
        metrics: token_metrics(&samples),
        histograms: Vec::new(),
    }
}

/// The histograms of all measured placements: time to the first token, and inter-token latency.
pub(super) fn histograms(plan: &GpuProfilesPlan, result: &PlacementSweepResult) -> Vec<CaseHistogram> {
    let of_test = |(placement, test): (&PlacementSamples, TokenTest)| {
        let samples = placement.of_test(test);
        let (quantity, samples_ns) = match test {
            TokenTest::Prompt => ("ttft", samples.iter().filter_map(|sample| sample.ttft_ns).collect()),
            TokenTest::Generation => ("itl", samples.iter().flat_map(|sample| sample.inter_token_ns.clone()).collect()),
        };
        let began_ns = placement.samples.first().map_or(0, |sample| sample.test(test).1);
        let last = placement.samples.last().map(|sample| sample.test(test));
        let ended_ns = last.map_or(0, |(sample, began_ns)| began_ns + sample.elapsed_ns);
        CaseHistogram::total(speed_path(plan, placement, test), quantity, samples_ns, (began_ns, ended_ns))
    };
    result.measured().flat_map(|placement| TESTS.map(|test| of_test((placement, test)))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::planted;
    use super::*;

    fn case<'a>(cases: &'a [Case], path: &str) -> &'a Case {
        cases.iter().find(|case| case.path == path).unwrap()
    }

    fn state<'a>(cases: &'a [Case], path: &str) -> (CaseState, Option<&'a str>) {
        let case = case(cases, path);
        (case.state, case.reason.as_deref())
    }

    #[test]
    fn placement_case_has_memory_and_speeds() {
        let (plan, prepared) = (planted::plan(2), planted::prepared());
        let cases = cases(&plan, &prepared, &planted::result(2), Some(StopReason::Planned));
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "placement/ngl=0",
                "placement/ngl=2",
                "placement/ngl=4",
                "idle/pp16/ngl=0",
                "idle/pp16/ngl=2",
                "idle/tg8/ngl=0",
                "idle/tg8/ngl=2"
            ]
        );
        let value = |path: &str, name: &str| case(&cases, path).metric(name).unwrap().value;
        // 220 bytes were projected; the buffers hold 200.
        assert_eq!(value("placement/ngl=2", "vram_projected"), Some(220.0));
        assert_eq!(value("placement/ngl=2", "vram_buffers"), Some(200.0));
        assert!((value("placement/ngl=2", "projection_error").unwrap() - 10.0).abs() < 1e-9);
        assert_eq!((value("placement/ngl=0", "load"), value("placement/ngl=0", "rss_anon")), (Some(50.0), Some(7.0)));
        let nothing = case(&cases, "placement/ngl=0").metric("projection_error").unwrap();
        assert_eq!((nothing.value, nothing.status), (None, MetricStatus::NotMeasured));
        // 8 tokens in 80 ms, and in 40 ms with two layers.
        assert_eq!((value("idle/tg8/ngl=0", "avg_ts"), value("idle/tg8/ngl=2", "avg_ts")), (Some(100.0), Some(200.0)));
        let skipped = "skipped: it needs 4 of 3";
        assert_eq!(state(&cases, "placement/ngl=4"), (CaseState::NotMeasured, Some(skipped)));
        assert_eq!(case(&cases, "placement/ngl=4").conditions["status"], "skipped");
        assert_eq!(state(&cases, "placement/ngl=2"), (CaseState::Ok, None));
    }

    #[test]
    fn failure_keeps_earlier_rounds_as_partial() {
        let (plan, prepared) = (planted::plan(3), planted::prepared());
        let mut result = planted::result(2);
        result.placements[1].failed = Some("no memory".into());
        let lossy = cases(&plan, &prepared, &result, Some(StopReason::Planned));
        for path in ["placement/ngl=2", "idle/pp16/ngl=2", "idle/tg8/ngl=2"] {
            assert_eq!(state(&lossy, path), (CaseState::Lossy, Some("no memory")), "{path}");
            assert_eq!(case(&lossy, path).metrics[0].status, MetricStatus::Partial, "{path}");
        }
        result.placements[1].samples.clear();
        let failed = cases(&plan, &prepared, &result, Some(StopReason::Planned));
        assert_eq!(state(&failed, "placement/ngl=2"), (CaseState::Failed, Some("no memory")));
        assert_eq!(case(&failed, "placement/ngl=2").conditions["status"], "failed");
        assert!(case(&failed, "placement/ngl=2").metrics.is_empty());
    }

    #[test]
    fn interruption_marks_placements_with_missing_rounds() {
        let (plan, prepared) = (planted::plan(2), planted::prepared());
        let mut result = planted::result(2);
        result.placements[1].samples.pop();
        let cut = cases(&plan, &prepared, &result, Some(StopReason::Interrupted));
        assert_eq!(state(&cut, "placement/ngl=0"), (CaseState::Ok, None));
        let after = (CaseState::Interrupted, Some("interrupted after 1 measurement"));
        for path in ["placement/ngl=2", "idle/tg8/ngl=2"] {
            assert_eq!(state(&cut, path), after, "{path}");
            assert_eq!(case(&cut, path).metrics[0].status, MetricStatus::Partial, "{path}");
        }
        // During the measurement, nothing counts as cut off.
        assert_eq!(state(&cases(&plan, &prepared, &result, None), "placement/ngl=2"), (CaseState::Ok, None));
    }

    #[test]
    fn exhausted_budget_leaves_placements_unmeasured() {
        let mut result = planted::result(1);
        result.placements[1].samples.clear();
        let cases = cases(&planted::plan(2), &planted::prepared(), &result, Some(StopReason::Budget));
        let reason = Some("the budget was used up before it was measured");
        assert_eq!(state(&cases, "placement/ngl=2"), (CaseState::NotMeasured, reason));
        assert_eq!(case(&cases, "placement/ngl=2").conditions["status"], "not measured");
    }

    #[test]
    fn histograms_start_with_their_tests() {
        let histograms = histograms(&planted::plan(2), &planted::result(2));
        let paths: Vec<(&str, &str)> =
            histograms.iter().map(|histogram| (histogram.case.as_str(), histogram.quantity)).collect();
        assert_eq!(paths[..2], [("idle/pp16/ngl=0", "ttft"), ("idle/tg8/ngl=0", "itl")]);
        let part = &histograms[1].parts[0];
        // The first round's generation began after 0.2 s, the second's after 1.2 s; both took 80 ms.
        assert_eq!((part.start, part.duration), (Duration::from_millis(200), Duration::from_millis(1_080)));
        assert_eq!(part.samples_ns, [10_000_000; 16]);
    }
}
