//! The cases of the record: one per quantity.

use serde_json::{Value, json};

use super::super::memory::{vram_missing, vram_over_time};
use super::super::study::{CaseHistogram, StopReason};
use super::samples::LaunchSamples;
use super::scene;
use crate::launch::MeasuredCall;
use crate::measure::{average, latency_metrics};
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::Summary;

const FIRST_TOKEN: &str = "first_token";
const CALL: &str = "call";

/// All cases, in reading order.
pub(super) fn cases(samples: &LaunchSamples, _: Option<StopReason>) -> Vec<Case> {
    let speeds = samples.each(|call| call.tokens_per_s);
    let tokens: Vec<f64> = samples.each(|call| (call.tokens > 0).then_some(call.tokens as f64));
    let generation = vec![
        average("avg_ts", "tokens/s", &speeds, Direction::Higher),
        average("tokens", "tokens", &tokens, Direction::None),
        largest("tokens_max", &tokens),
    ];
    let mut call = latency_metrics(&Summary::of(&samples.each(|call| Some(call.total_ns))), true);
    // How long a reply takes depends on how long it is.
    for metric in &mut call {
        metric.direction = Direction::None;
    }
    call.extend(counts(samples));
    vec![
        case(samples, FIRST_TOKEN, "From the call to its first token.", first_token(samples)),
        case(
            samples,
            "generation",
            "From the first token of a reply to its last; what the application does with each token is included.",
            generation,
        ),
        case(
            samples,
            "prompt",
            "reused: tokens of the prompt that llama.cpp kept from the call before. speed: of those that were computed, and the \
             sampling of the first token.",
            prompt(samples),
        ),
        case(samples, CALL, "From the call to its end.", call),
        memory_case(samples),
        scene_case(samples),
    ]
}

/// Memory of the process that calls the model, and of the GPU.
fn memory_case(samples: &LaunchSamples) -> Case {
    let note = "Of the process that calls the model: its pages that are in memory.";
    let mut case = case(samples, "memory", note, memory(samples));
    case.notes.extend(samples.vram_by.clone());
    case.notes.extend(vram_missing(&samples.vram));
    case
}

/// Figures of the avatar's process.
fn scene_case(samples: &LaunchSamples) -> Case {
    let metrics = scene::metrics(&samples.scene, &samples.calls);
    Case { notes: scene::notes(&samples.scene), ..case(samples, "scene", "", metrics) }
}

/// The histograms of all durations.
pub(super) fn histograms(samples: &LaunchSamples) -> Vec<CaseHistogram> {
    let of =
        |case: &str, samples_ns| CaseHistogram::total(case.into(), "latency", samples_ns, (0, samples.duration_ns));
    vec![of(FIRST_TOKEN, samples.each(|call| call.first_token_ns)), of(CALL, samples.each(|call| Some(call.total_ns)))]
}

fn case(samples: &LaunchSamples, path: &str, note: &str, metrics: Vec<Metric>) -> Case {
    let mut notes = vec![note.to_owned()];
    if samples.in_force.len() > 1 {
        notes.push("The parameters changed during the measurement; the figures are of all of them together.".into());
    }
    Case {
        path: path.into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: samples.duration_ns as f64 / 1e9,
        conditions: conditions(samples),
        notes,
        metrics,
        histograms: Vec::new(),
    }
}

/// Settings that llama.cpp ran with: one set of parameters, or a list.
fn conditions(samples: &LaunchSamples) -> Value {
    match samples.in_force.as_slice() {
        [] => json!({"in_force": null}),
        [only] => json!({"in_force": only}),
        several => json!({"in_force": several}),
    }
}

fn first_token(samples: &LaunchSamples) -> Vec<Metric> {
    latency_metrics(&Summary::of(&samples.each(|call| call.first_token_ns)), true)
}

fn prompt(samples: &LaunchSamples) -> Vec<Metric> {
    let number = |quantity: fn(&MeasuredCall) -> Option<u64>| -> Vec<f64> {
        samples.each(|call| quantity(call).map(|value| value as f64))
    };
    let shares: Vec<f64> = samples.each(|call| {
        let prompt = call.prompt_tokens.filter(|tokens| *tokens > 0)?;
        Some(100.0 * call.reused_tokens? as f64 / prompt as f64)
    });
    let speeds: Vec<f64> = samples.each(|call| {
        let (tokens, time_ns) = (call.evaluated_tokens?, call.prompt_ns.filter(|time| *time > 0)?);
        Some(tokens as f64 * 1e9 / time_ns as f64)
    });
    vec![
        average("prompt_tokens", "tokens", &number(|call| call.prompt_tokens), Direction::None),
        largest("prompt_tokens_max", &number(|call| call.prompt_tokens)),
        average("reused_tokens", "tokens", &number(|call| call.reused_tokens), Direction::None),
        average("reused_share", "%", &shares, Direction::None),
        average("prompt_speed", "tokens/s", &speeds, Direction::Higher),
    ]
}

/// The largest of some numbers of tokens.
fn largest(name: &str, tokens: &[f64]) -> Metric {
    let n = tokens.len() as u64;
    match tokens.iter().copied().reduce(f64::max) {
        Some(most) => Metric::plain(name, "tokens", most, n, Direction::None),
        None => Metric::absent(name, "tokens", n, Direction::None, MetricStatus::TooFew),
    }
}

fn counts(samples: &LaunchSamples) -> [Metric; 4] {
    let n = samples.calls.len() as u64;
    let count = |name: &str, is_meant: fn(&MeasuredCall) -> bool, direction| {
        let value = samples.calls.iter().filter(|call| is_meant(call)).count();
        Metric::plain(name, "count", value as f64, n, direction)
    };
    [
        count("calls", |_| true, Direction::None),
        count("failed", |call| call.state == "failed", Direction::Lower),
        count("closed_early", |call| call.state == "closed", Direction::None),
        count("does_not_fit", |call| call.does_not_fit, Direction::Lower),
    ]
}

fn memory(samples: &LaunchSamples) -> Vec<Metric> {
    let n = samples.resident_bytes.len() as u64;
    let resident = match samples.resident_bytes.iter().max() {
        Some(most) => Metric::plain("resident_max", "bytes", *most as f64, n, Direction::Lower),
        None => Metric::absent("resident_max", "bytes", 0, Direction::Lower, MetricStatus::NotMeasured),
    };
    std::iter::once(resident).chain(vram_over_time(&samples.vram.iter().collect::<Vec<_>>())).collect()
}

#[cfg(test)]
pub(super) mod planted {
    use super::*;

    /// Calls of 40 prompt tokens, of which 30 are reused: the first token after 1, 2, 3… ms, then 10 tokens a second.
    pub(in super::super) fn samples(calls: u64) -> LaunchSamples {
        let mut samples = LaunchSamples { duration_ns: 60_000_000_000, ..LaunchSamples::default() };
        for at in 1..=calls {
            let call = json!({"event": "call", "pid": 7, "kind": "create_completion", "state": "complete", "tokens": 11,
                "prompt_tokens": 40, "reused_tokens": 30, "evaluated_tokens": 10, "first_token_ns": at * 1_000_000,
                "prompt_ns": 1_000_000, "tokens_per_s": 10.0, "total_ns": at * 1_000_000 + 1_000_000_000,
                "in_force": {"n_threads": 1}});
            samples.add(serde_json::from_value(call).unwrap());
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quantity_is_a_case_with_the_effective_parameters() {
        let mut samples = planted::samples(5);
        samples.resident_bytes = vec![5, 9, 7];
        let cases = cases(&samples, None);
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(paths, ["first_token", "generation", "prompt", "call", "memory", "scene"]);
        let figure = |case: usize, name: &str| cases[case].metric(name).and_then(|metric| metric.value);
        assert_eq!((figure(0, "mean"), figure(1, "avg_ts"), figure(1, "tokens")), (Some(3.0), Some(10.0), Some(11.0)));
        assert_eq!((figure(2, "reused_share"), figure(2, "prompt_speed")), (Some(75.0), Some(10_000.0)));
        assert_eq!(
            (figure(3, "calls"), figure(3, "failed"), figure(4, "resident_max")),
            (Some(5.0), Some(0.0), Some(9.0))
        );
        assert_eq!(cases[0].conditions, json!({"in_force": {"n_threads": 1}}));
        assert_eq!(cases[0].notes.len(), 1);
        assert_eq!(histograms(&samples)[0].parts[0].samples_ns.len(), 5);
    }

    #[test]
    fn figures_need_calls_and_changed_parameters_are_noted() {
        let none = cases(&LaunchSamples::default(), None);
        let speed = none[1].metric("avg_ts").unwrap();
        assert_eq!((speed.value, speed.status), (None, MetricStatus::TooFew));
        assert_eq!(none[4].metric("resident_max").unwrap().status, MetricStatus::NotMeasured);
        let mut changed = planted::samples(2);
        let mut call = changed.calls[0].clone();
        call.in_force.insert("n_threads".into(), 6.into());
        changed.add(call);
        let cases = cases(&changed, None);
        assert!(cases[0].conditions["in_force"].is_array() && cases[0].notes.len() == 2);
    }
}
