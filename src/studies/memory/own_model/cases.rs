//! The steps and the conversation as cases of the record.

use serde_json::json;

use super::super::super::study::StopReason;
use super::super::gpu_memory::{self, GpuMemory};
use super::super::leak_metrics::growth;
use super::life_cycle::{ConversationSamples, ConversationTurn, LifeCycleStep};
use super::projected::ProjectedMemory;
use crate::advise::{LeakJudgement, LeakRule};
use crate::clock::ms;
use crate::host::ProcessMemory;
use crate::plan::ConversationPlan;
use crate::plural::{counted, verb_for};
use crate::record::{Case, CaseState, Direction, Fact, Metric, MetricStatus, Timeline, TimelineSeries};

type StepFigure = (&'static str, fn(&ProcessMemory) -> &Fact<u64>);

/// Readings of a step, besides its growth.
const READINGS: [StepFigure; 6] = [
    ("anonymous", |memory| &memory.anonymous_bytes),
    ("file_backed", |memory| &memory.file_backed_bytes),
    ("pss", |memory| &memory.proportional_bytes),
    ("private", |memory| &memory.private_bytes),
    ("committed", |memory| &memory.committed_bytes),
    ("peak_resident", |memory| &memory.peak_resident_bytes),
];

/// Projection and measurement of the same memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProjectedAndMeasured {
    /// Projected memory of the machine: weights of every kind and the KV cache, in bytes.
    pub(super) projected_bytes: f64,
    /// Growth of anonymous and file-backed memory, in bytes.
    pub(super) measured_bytes: f64,
}

/// Compares the growth from the backend to the context with the projection. `None` if memory could not be read.
///
/// Neither includes compute buffers, which are reserved for the largest batch but only touched as far as prompts need
/// them, so that their projection is an upper bound. Neither includes device memory.
pub(super) fn reconciled(steps: &[LifeCycleStep], projected: &ProjectedMemory) -> Option<ProjectedAndMeasured> {
    let taken = |name: &str| {
        let memory = &steps.iter().find(|step| step.name == name)?.memory;
        Some(*memory.anonymous_bytes.value()? as f64 + *memory.file_backed_bytes.value()? as f64)
    };
    Some(ProjectedAndMeasured {
        projected_bytes: (projected.weights_bytes + projected.mapped_bytes + projected.kv_bytes) as f64,
        measured_bytes: taken("context")? - taken("backend")?,
    })
}

/// Growth of GPU memory from the backend to the context, in bytes, and the figure used: that of the process if the
/// driver reports it, otherwise that of all programs.
pub(super) fn device_growth(steps: &[LifeCycleStep]) -> Option<(&'static str, f64)> {
    let at = |name: &str| steps.iter().find(|step| step.name == name)?.gpu.as_ref();
    let (before, after) = (at("backend")?, at("context")?);
    gpu_memory::NAMES.into_iter().zip(gpu_memory::READINGS).find_map(|(name, reading)| {
        let after = *reading(after).value()? as f64;
        // A process that the driver did not list before had no memory there.
        let before = match reading(before) {
            Fact::NotMeasured => 0.0,
            fact => *fact.value()? as f64,
        };
        Some((name, after - before))
    })
}

/// The cases of the steps, then of the conversation.
pub(super) fn cases(
    plan: &ConversationPlan,
    steps: &[LifeCycleStep],
    projected: &ProjectedMemory,
    data: &ConversationSamples,
    end: Option<StopReason>,
) -> Vec<Case> {
    let mut cases = step_cases(steps, &data.turns, projected);
    cases.push(conversation_case(plan, data, end));
    cases
}

/// One case per step: memory after it, its growth, and the projection.
fn step_cases<'a>(steps: &'a [LifeCycleStep], turns: &'a [ConversationTurn], projected: &ProjectedMemory) -> Vec<Case> {
    let replies = ["first reply", "second reply"];
    let all = steps.iter().map(|step| (step.name, step.took_ns, &step.memory, step.gpu.as_ref()));
    let reply =
        |(name, turn): (&'static str, &'a ConversationTurn)| (name, turn.elapsed_ns, &turn.memory, turn.gpu.as_ref());
    let all = all.chain(replies.into_iter().zip(turns).map(reply));
    let mut before: Option<&ProcessMemory> = None;
    let mut cases = Vec::new();
    for (place, (name, took_ns, memory, vram)) in all.enumerate() {
        let mut metrics: Vec<Metric> =
            READINGS.iter().map(|(metric, reading)| figure(metric, reading(memory), Direction::Lower)).collect();
        metrics.insert(0, projection(name, projected));
        metrics.insert(1, grown(before, memory));
        metrics.splice(2..2, gpu_memory::metrics(vram));
        metrics.push(Metric::plain("took", "ms", ms(took_ns), 1, Direction::Lower));
        cases.push(Case {
            path: format!("step/{}-{}", place + 1, name.replace(' ', "-")),
            state: CaseState::Ok,
            reason: None,
            duration_s: took_ns as f64 / 1e9,
            conditions: json!({ "step": name }),
            notes: buffers(name).into_iter().chain(gpu_memory::reasons(vram)).collect(),
            metrics,
            histograms: Vec::new(),
        });
        before = Some(memory);
    }
    cases
}

/// How to read the compute buffers.
fn buffers(step: &str) -> Option<String> {
    (step == "first reply").then(|| {
        "The projection for this step is the compute buffers: they are reserved for the largest batch, and prompts use \
         only the part they need."
            .into()
    })
}

fn figure(name: &str, fact: &Fact<u64>, direction: Direction) -> Metric {
    match fact {
        Fact::Value(bytes) => Metric::plain(name, "bytes", *bytes as f64, 1, direction),
        _ => Metric::absent(name, "bytes", 0, direction, MetricStatus::Unsupported),
    }
}

fn grown(before: Option<&ProcessMemory>, now: &ProcessMemory) -> Metric {
    let before = before.and_then(|memory| memory.anonymous_bytes.value());
    match (before, now.anonymous_bytes.value()) {
        (Some(before), Some(now)) => Metric::plain("grown", "bytes", *now as f64 - *before as f64, 1, Direction::Lower),
        _ => Metric::absent("grown", "bytes", 0, Direction::Lower, MetricStatus::NotMeasured),
    }
}

/// llama.cpp's projection for a step, in process memory: weights that are not memory-mapped, the KV cache, and, for the
/// first reply, the compute buffers, which are used as far as its prompt needs them.
fn projection(step: &str, projected: &ProjectedMemory) -> Metric {
    let bytes = match step {
        "model" => Some(projected.weights_bytes),
        "context" => Some(projected.kv_bytes),
        "first reply" => Some(projected.compute_bytes),
        _ => None,
    };
    match bytes {
        Some(bytes) => Metric::plain("projected", "bytes", bytes as f64, 1, Direction::None),
        None => Metric::absent("projected", "bytes", 0, Direction::None, MetricStatus::NotMeasured),
    }
}

/// Anonymous memory by message.
fn by_message(data: &ConversationSamples) -> Vec<(f64, f64)> {
    data.turns.iter().zip(1_u32..).filter_map(|(turn, at)| Some((f64::from(at), anonymous(turn)?))).collect()
}

fn anonymous(turn: &ConversationTurn) -> Option<f64> {
    turn.memory.anonymous_bytes.value().map(|bytes| *bytes as f64)
}

/// The leak verdict on growth per message.
pub(super) fn judge(plan: &ConversationPlan, data: &ConversationSamples) -> LeakJudgement {
    plan.leak.rule.judge(&by_message(data))
}

/// The conversation: growth per message and per token, and how it went.
fn conversation_case(plan: &ConversationPlan, data: &ConversationSamples, end: Option<StopReason>) -> Case {
    let turns = &data.turns;
    let mut tokens = 0.0;
    let by_token: Vec<(f64, f64)> = turns
        .iter()
        .filter_map(|turn| {
            tokens += (turn.n_prompt + turn.n_gen) as f64;
            Some((tokens, anonymous(turn)?))
        })
        .collect();
    let rule = plan.leak.rule;
    let judgement = judge(plan, data);
    let a_token = LeakRule { threshold: rule.threshold / (tokens / turns.len().max(1) as f64).max(1.0), ..rule };
    let mut metrics =
        vec![growth("growth", "message", &judgement), growth("growth_a_token", "token", &a_token.judge(&by_token))];
    metrics.extend(of_turns(turns));
    let gpu: Vec<&GpuMemory> = turns.iter().filter_map(|turn| turn.gpu.as_ref()).collect();
    metrics.extend(gpu_memory::over_time(&gpu));
    let mut case = Case {
        path: "conversation".into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: turns.iter().map(|turn| turn.elapsed_ns as f64 / 1e9).sum(),
        conditions: json!({
            "messages": turns.len(),
            "template": data.template,
            "tokens": tokens,
            "leak": judgement,
        }),
        notes: forgotten(data.forgotten).into_iter().chain(gpu_memory::reasons(gpu)).collect(),
        metrics,
        histograms: Vec::new(),
    };
    timeline(data).keep(&mut case);
    let messages = counted(turns.len(), "message");
    match end {
        Some(StopReason::Interrupted) => case.cut_off(format!("interrupted after {messages}")),
        Some(StopReason::Failed) => case.cut_off(format!("ended by an error after {messages}")),
        _ => case,
    }
}

fn forgotten(messages: u64) -> Option<String> {
    (messages > 0).then(|| {
        format!(
            "The context was too small: {} {} forgotten before {} time; a larger --n-ctx keeps more.",
            counted(messages, "message"),
            verb_for(&messages, "was", "were"),
            verb_for(&messages, "its", "their")
        )
    })
}

fn of_turns(turns: &[ConversationTurn]) -> Vec<Metric> {
    let n = turns.len() as u64;
    let extreme =
        |name: &str, values: Vec<f64>, unit: &str, pick: fn(f64, f64) -> f64| match values.into_iter().reduce(pick) {
            Some(value) => Metric::plain(name, unit, value, n, Direction::Lower),
            None => Metric::absent(name, unit, 0, Direction::Lower, MetricStatus::TooFew),
        };
    let anonymous =
        || turns.iter().filter_map(|turn| turn.memory.anonymous_bytes.value()).map(|bytes| *bytes as f64).collect();
    let prompts = turns.iter().map(|turn| turn.n_prompt as f64).collect();
    vec![
        extreme("anonymous_min", anonymous(), "bytes", f64::min),
        extreme("anonymous_max", anonymous(), "bytes", f64::max),
        extreme("prompt_max", prompts, "tokens", f64::max),
    ]
}

fn timeline(data: &ConversationSamples) -> Timeline {
    let of = |name: &str, unit: &str, value: &dyn Fn(&ConversationTurn) -> Option<f64>| TimelineSeries {
        name: name.into(),
        unit: unit.into(),
        values: data.turns.iter().map(value).collect(),
    };
    let mut series: Vec<TimelineSeries> = READINGS
        .iter()
        .filter(|(name, _)| *name != "peak_resident")
        .map(|(name, reading)| of(name, "bytes", &|turn| reading(&turn.memory).value().map(|bytes| *bytes as f64)))
        .collect();
    for (name, reading) in gpu_memory::NAMES.into_iter().zip(gpu_memory::READINGS) {
        series.push(of(name, "bytes", &|turn| reading(turn.gpu.as_ref()?).value().map(|bytes| *bytes as f64)));
    }
    series.push(of("prompt", "tokens", &|turn| Some(turn.n_prompt as f64)));
    series.push(of("ttft", "ms", &|turn| Some(ms(turn.ttft_ns))));
    series.push(of("reply", "ms", &|turn| Some(ms(turn.elapsed_ns))));
    series.retain(|series| series.values.iter().any(Option::is_some));
    Timeline { along: "message".into(), at: (1..=data.turns.len()).map(|at| at as f64).collect(), series }
}

#[cfg(test)]
#[path = "cases_tests.rs"]
mod tests;
