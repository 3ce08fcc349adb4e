//! From measured placements to the cases of the record.

use std::time::Duration;

use serde_json::json;

use super::command::Known;
use super::gpu_watch::gpu_metrics;
use super::sweep::{Ended, Outcome, Placed, Swept};
use crate::clock::ms;
use crate::measure::{Test, TokenSample, average, token_metrics};
use crate::plan::GpuProfilesPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, HlogPart, Metric, MetricStatus, RecordError};
use crate::stats::histogram_of;
use crate::studies::Recorder;

/// The cases so far: each placement's memory and load, then its prompt and its generation.
pub(super) fn cases(plan: &GpuProfilesPlan, known: &Known, swept: &Swept) -> Vec<Case> {
    let placements = swept.placed.iter().map(|placed| placement(plan, known, placed, swept.ended));
    let measured = || swept.placed.iter().filter(|placed| !placed.outcomes.is_empty());
    let tests = [Test::Prompt, Test::Generation];
    let speeds =
        tests.into_iter().flat_map(|test| measured().map(move |placed| speed(plan, placed, test, swept.ended)));
    placements.chain(speeds).collect()
}

/// What the placement took, and how long it took to be there.
fn placement(plan: &GpuProfilesPlan, known: &Known, placed: &Placed, ended: Ended) -> Case {
    let (state, reason) = state(placed, ended);
    Case {
        path: format!("placement/ngl={}", placed.n_gpu_layers),
        state,
        reason,
        duration_s: placed.outcomes.iter().map(|outcome| outcome.measured.ready_ns as f64 / 1e9).sum(),
        conditions: json!({
            "n_gpu_layers": placed.n_gpu_layers,
            "n_ctx": plan.first_context().n_ctx,
            "load_cache": "warm",
            "status": status(placed),
            "error": placed.failed.as_ref().or(placed.skipped.as_ref()),
            "budget": known.budget,
            "projection": placed.projection,
            "held": placed.outcomes.last().map(|outcome| &outcome.measured.held),
        }),
        notes: Vec::new(),
        metrics: if placed.outcomes.is_empty() { Vec::new() } else { memory_metrics(placed) },
        histograms: Vec::new(),
    }
}

/// One word for a row.
fn status(placed: &Placed) -> &'static str {
    match (&placed.skipped, &placed.failed) {
        (Some(_), _) => "skipped",
        (_, Some(_)) => "failed",
        _ if placed.outcomes.is_empty() => "not measured",
        _ => "ok",
    }
}

fn state(placed: &Placed, ended: Ended) -> (CaseState, Option<String>) {
    match (&placed.skipped, &placed.failed) {
        (Some(why), _) => (CaseState::NotMeasured, Some(why.clone())),
        (_, Some(why)) if placed.outcomes.is_empty() => (CaseState::Failed, Some(why.clone())),
        (_, Some(why)) => (CaseState::Lossy, Some(why.clone())),
        _ if ended == Ended::Budget && placed.outcomes.is_empty() => {
            (CaseState::NotMeasured, Some("the budget was spent before its turn".into()))
        }
        _ if ended == Ended::Interrupted => (
            CaseState::Interrupted,
            Some(format!("interrupted after {}", counted(placed.outcomes.len(), "measurement"))),
        ),
        _ => (CaseState::Ok, None),
    }
}

fn memory_metrics(placed: &Placed) -> Vec<Metric> {
    let outcomes: Vec<_> = placed.outcomes.iter().map(|outcome| &outcome.measured).collect();
    let loads: Vec<f64> = outcomes.iter().map(|outcome| ms(outcome.load_ns)).collect();
    let held = outcomes.last().map(|outcome| &outcome.held);
    let bytes = |name: &str, bytes: Option<u64>| match bytes {
        Some(bytes) => Metric::plain(name, "bytes", bytes as f64, 1, Direction::Lower),
        None => Metric::absent(name, "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
    };
    let seen: Vec<_> = placed.outcomes.iter().map(|outcome| &outcome.seen).collect();
    let generated: Vec<_> = outcomes.iter().map(|outcome| &outcome.generation).map(generated).collect();
    let mut metrics = vec![
        average("load", "ms", &loads, Direction::Lower),
        bytes("vram_projected", placed.projection.as_ref().map(|foreseen| foreseen.on_devices().total_bytes())),
        bytes("vram_buffers", held.map(|held| held.on_devices().total_bytes())),
        projection_error(placed),
        bytes("vram_delta", outcomes.iter().filter_map(|outcome| outcome.device_delta_bytes()).max()),
        bytes("host_buffers", held.map(|held| held.host.total_bytes())),
        bytes("rss_anon", outcomes.iter().filter_map(|outcome| outcome.rss_anon_bytes).max()),
    ];
    metrics.extend(gpu_metrics(&seen, &generated));
    metrics
}

/// Tokens and seconds of a generation.
fn generated(sample: &TokenSample) -> (usize, f64) {
    (sample.tokens, sample.elapsed_ns as f64 / 1e9)
}

/// By how much the projection of the devices' memory was off, in per cent of what ggml's buffers hold there.
fn projection_error(placed: &Placed) -> Metric {
    let absent = |status| Metric::absent("projection_error", "%", 0, Direction::None, status);
    let held = placed.outcomes.last().map(|outcome| outcome.measured.held.on_devices().total_bytes());
    match error_percent(placed) {
        Some(percent) => Metric::plain("projection_error", "%", percent, 1, Direction::None),
        None if held == Some(0) => absent(MetricStatus::NotMeasured),
        None => absent(MetricStatus::Unsupported),
    }
}

/// The same as a number; `None` where nothing was placed on a device.
pub(super) fn error_percent(placed: &Placed) -> Option<f64> {
    let foreseen = placed.projection.as_ref()?.on_devices().total_bytes();
    let held = placed.outcomes.last()?.measured.held.on_devices().total_bytes();
    (held > 0).then(|| 100.0 * (foreseen as f64 / held as f64 - 1.0))
}

fn speed(plan: &GpuProfilesPlan, placed: &Placed, test: Test, ended: Ended) -> Case {
    let samples = samples(placed, test);
    let (n_prompt, n_gen) = match test {
        Test::Prompt => (plan.n_prompt, 0),
        Test::Generation => (0, plan.n_gen),
    };
    let mut metrics = token_metrics(&samples);
    let (state, reason) = state(placed, ended);
    if ended == Ended::Interrupted {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = MetricStatus::Partial;
        }
    }
    Case {
        path: format!("idle/{}{}/ngl={}", test.word(), n_prompt + n_gen, placed.n_gpu_layers),
        state,
        reason,
        duration_s: samples.iter().map(|sample| sample.elapsed_ns as f64 / 1e9).sum(),
        conditions: json!({
            "load": "idle",
            "test": test.word(),
            "n_prompt": n_prompt,
            "n_gen": n_gen,
            "n_depth": 0,
            "n_gpu_layers": placed.n_gpu_layers,
            "n_threads": plan.n_threads,
            "n_threads_batch": plan.n_threads,
            "test_time": placed.outcomes.first().map(|outcome| outcome.began),
            "samples_ns": samples.iter().map(|sample| sample.elapsed_ns).collect::<Vec<_>>(),
            "samples_ts": samples.iter().map(TokenSample::tokens_per_s).collect::<Vec<_>>(),
        }),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}

/// The samples of one test, one a round.
pub(super) fn samples(placed: &Placed, test: Test) -> Vec<TokenSample> {
    let sample = |outcome: &Outcome| match test {
        Test::Prompt => outcome.measured.prompt.clone(),
        Test::Generation => outcome.measured.generation.clone(),
    };
    placed.outcomes.iter().map(sample).collect()
}

/// Writes the histograms of all measured placements: time to the first token, and inter-token latency.
pub(super) fn write_histograms(
    recorder: &mut Recorder,
    plan: &GpuProfilesPlan,
    swept: &Swept,
) -> Result<(), RecordError> {
    for placed in swept.placed.iter().filter(|placed| !placed.outcomes.is_empty()) {
        for (test, quantity, tokens) in [(Test::Prompt, "ttft", plan.n_prompt), (Test::Generation, "itl", plan.n_gen)] {
            let samples = samples(placed, test);
            let samples_ns: Vec<u64> = match test {
                Test::Prompt => samples.iter().filter_map(|sample| sample.ttft_ns).collect(),
                Test::Generation => samples.iter().flat_map(|sample| sample.inter_token_ns.iter().copied()).collect(),
            };
            let histogram = histogram_of(&samples_ns);
            let duration = Duration::from_nanos(samples.iter().map(|sample| sample.elapsed_ns).sum());
            let parts = [HlogPart { tag: None, histogram: &histogram, start: Duration::ZERO, duration }];
            let path = format!("idle/{}{tokens}/ngl={}", test.word(), placed.n_gpu_layers);
            let Some(at) = recorder.run.cases.iter().position(|case| case.path == path) else { continue };
            let files = recorder.histograms(&recorder.run.cases[at], quantity, &parts)?;
            recorder.run.cases[at].histograms = vec![files];
        }
    }
    Ok(())
}
