//! One way in one round: what is sent, and the resulting figures.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::ipc_context::IpcContext;
use super::held::MessageSeries;
use super::messages;
use crate::bridge::{BridgeError, Codec, Message, SendOptions, Wire};
use crate::clock::{ms, nanos};
use crate::measure::{
    ApplicationSources, Barrier, BatchFill, Batches, CaseEnd, CommandOutcome, Load, MessageCounts, ModeResult,
    SendMode, ask_applied, batch_fills, codec_cost, fire, fire_and_forget, measure_case, pipelined, react, request,
    wait_until,
};
use crate::plan::{MessageShape, SendStrategy, VariantsPlan};

/// Random pause between reactions, in nanoseconds: 5 ms to more than two frames.
const PAUSE_NS: std::ops::Range<u64> = 5_000_000..45_000_000;

/// Commands per reaction in a round: a reaction takes up to as many frames as it has commands.
const COMMANDS_A_REACTION: usize = 10;

/// Result of one round of one way.
#[derive(Debug, Clone, Default)]
pub(super) struct StrategySample {
    /// Per command (or per reaction): from its arrival to its reply, in nanoseconds.
    pub(super) latency_ns: Vec<u64>,
    /// Other figures of the round, by name.
    pub(super) figures: Vec<(&'static str, f64)>,
    /// Per message of an open loop, to detect held replies.
    pub(super) messages: MessageSeries,
}

/// Runs one way once.
pub(super) fn measure(
    bridge: &mut IpcContext<'_>,
    (study, watch): (&VariantsPlan, &ApplicationSources),
    way: SendStrategy,
    seed: u64,
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let load = Load::Poisson { rate_per_s: study.offered_per_s };
    let arrivals_ns = load.schedule_ns(bridge.plan.messages, seed);
    match way {
        SendStrategy::Batch(size) => batches(bridge, size, nanos(study.window), &arrivals_ns, done),
        SendStrategy::Mode(mode) => waiting(bridge, mode, &arrivals_ns, done),
        SendStrategy::Tcp(tcp) => handed_over(bridge, tcp.sending, &arrivals_ns, done),
        SendStrategy::Codec(codec, shape) => coded(bridge, codec, shape, seed, done),
        SendStrategy::AppReaction => app_reactions(bridge, watch, seed, done),
        SendStrategy::Reaction(mode, count) => {
            let mut each = Vec::new();
            for part in messages::reaction(bridge.plan, count) {
                each.push(messages::single(bridge.plan, &part, Some("applied")));
            }
            reactions(bridge, &mut each, mode == SendMode::Request, seed, done)
        }
        SendStrategy::ReactionBatch(count) => {
            let parts = messages::reaction(bridge.plan, count);
            let message = messages::batch(bridge.plan, &parts).ok_or_else(no_such_command)?;
            reactions(bridge, &mut [message], false, seed, done)
        }
    }
}

fn no_such_command() -> BridgeError {
    BridgeError::Refused { message: "the dialect has no such command".into() }
}

/// Commands answered per second.
fn rate(commands: usize, duration_ns: u64) -> (&'static str, f64) {
    ("rate_applied", commands as f64 / (duration_ns.max(1) as f64 / 1e9))
}

fn mean_ms(samples_ns: impl ExactSizeIterator<Item = u64>) -> f64 {
    let count = samples_ns.len().max(1) as f64;
    samples_ns.map(ms).sum::<f64>() / count
}

fn batches(
    bridge: &mut IpcContext<'_>,
    size: u32,
    window_ns: u64,
    arrivals_ns: &[u64],
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let plan = bridge.plan;
    let part = messages::applied(plan).ok_or_else(no_such_command)?;
    let mut by_count: Vec<Message> = match size {
        1 => vec![messages::single(plan, &part, None)],
        _ => (1..=size as usize).filter_map(|count| messages::batch(plan, &vec![part.clone(); count])).collect(),
    };
    if by_count.is_empty() {
        return Err(no_such_command());
    }
    let fills = batch_fills(arrivals_ns, size as usize, window_ns);
    let due_ns: Vec<u64> = fills.iter().map(|fill| fill.due_ns).collect();
    let bytes: usize = fills.iter().map(|fill| by_count[fill.commands.len() - 1].size_bytes()).sum();
    let (client, loop_context) = bridge.loop_context(done);
    let mut lines = Batches { by_count: &mut by_count, fills: &fills };
    let driven = pipelined(client, &mut lines, &due_ns, loop_context)?;
    let waits_ns = waits(&fills, arrivals_ns);
    let round_trip = mean_ms(driven.latency_ns.iter().copied());
    Ok(StrategySample {
        messages: MessageSeries::of(&driven),
        latency_ns: per_command(&fills, &waits_ns, &driven),
        figures: vec![
            ("fill_wait_mean", mean_ms(waits_ns.iter().copied())),
            ("round_trip_mean", round_trip),
            rate(arrivals_ns.len(), driven.duration_ns + waits_ns.first().copied().unwrap_or(0)),
            ("commands_per_message", arrivals_ns.len() as f64 / fills.len().max(1) as f64),
            ("bytes_per_command", bytes as f64 / arrivals_ns.len().max(1) as f64),
        ],
    })
}

/// How long each command waited for its batch to be sent.
fn waits(fills: &[BatchFill], arrivals_ns: &[u64]) -> Vec<u64> {
    let of = |fill: &BatchFill| -> Vec<u64> {
        arrivals_ns[fill.commands.clone()].iter().map(|at_ns| fill.due_ns.saturating_sub(*at_ns)).collect()
    };
    fills.iter().flat_map(of).collect()
}

/// From each command's arrival to the reply to its batch.
fn per_command(fills: &[BatchFill], waits_ns: &[u64], driven: &ModeResult) -> Vec<u64> {
    let replies = fills.iter().zip(&driven.latency_ns);
    let trips_ns = replies.flat_map(|(fill, trip_ns)| std::iter::repeat_n(*trip_ns, fill.commands.len()));
    trips_ns.zip(waits_ns).map(|(trip_ns, wait_ns)| trip_ns + wait_ns).collect()
}

fn waiting(
    bridge: &mut IpcContext<'_>,
    mode: SendMode,
    arrivals_ns: &[u64],
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let plan = bridge.plan;
    let part = messages::applied(plan).ok_or_else(no_such_command)?;
    let mut message = messages::single(plan, &part, None);
    let (commands, answers) = (arrivals_ns.len(), plan.bridge.dialect.chooses_ack);
    let (mut silent, mut stats) = (messages::single(plan, &part, Some("none")), messages::stats(plan));
    let (client, loop_context) = bridge.loop_context(done);
    let driven = match mode {
        SendMode::Request => request(client, &mut message, arrivals_ns, loop_context)?,
        SendMode::Pipelined => pipelined(client, &mut message, arrivals_ns, loop_context)?,
        SendMode::FireAndForget => {
            let barrier = if answers { Barrier::Stats(&mut stats) } else { Barrier::Same };
            let (driven, delivery) = fire_and_forget(client, &mut silent, arrivals_ns, barrier, loop_context)?;
            let delivered = usize::try_from(delivery.delivered).unwrap_or(usize::MAX);
            let mut figures = vec![
                ("write_mean", mean_ms(driven.write_ns.iter().copied())),
                ("delivered", 100.0 * delivery.delivered as f64 / commands.max(1) as f64),
            ];
            if let Some(drain_ns) = delivery.drain_ns {
                figures.extend([rate(delivered, driven.duration_ns), ("drain", ms(drain_ns))]);
            }
            return Ok(StrategySample { figures, ..StrategySample::default() });
        }
    };
    let figures = vec![rate(commands, driven.duration_ns)];
    Ok(StrategySample { messages: MessageSeries::of(&driven), latency_ns: driven.latency_ns, figures })
}

fn handed_over(
    bridge: &mut IpcContext<'_>,
    sending: SendOptions,
    arrivals_ns: &[u64],
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let part = messages::received(bridge.plan).ok_or_else(no_such_command)?;
    let mut message = messages::single(bridge.plan, &part, None);
    let (client, loop_context) = bridge.loop_context(done);
    client.set_sending(sending)?;
    let driven = pipelined(client, &mut message, arrivals_ns, loop_context);
    client.set_sending(SendOptions::default())?;
    let driven = driven?;
    Ok(StrategySample { messages: MessageSeries::of(&driven), latency_ns: driven.latency_ns, figures: Vec::new() })
}

fn coded(
    bridge: &mut IpcContext<'_>,
    codec: Codec,
    shape: MessageShape,
    seed: u64,
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let plan = bridge.plan;
    let cost = codec_cost(codec, &messages::shaped(plan, shape), &bridge.clock);
    let figures = vec![
        ("bytes", messages::shaped_bytes(plan, shape, codec) as f64),
        ("bytes_compact", cost.bytes as f64),
        ("encode", cost.encode_ns / 1e3),
        ("decode", cost.decode_ns / 1e3),
    ];
    if !shape.is_harmless() && !bridge.connection.is_embedded() {
        return Ok(StrategySample { figures, ..StrategySample::default() });
    }
    let mut message = messages::encoded(plan, shape, codec);
    let messages = plan.messages;
    let (client, loop_context) = bridge.loop_context(done);
    if client.wire() != Wire::prefixed(codec) {
        client.negotiate(Wire::prefixed(codec), loop_context.stop)?;
    }
    let trips = measure_case(client, &mut message, Load::Closed, MessageCounts::measured(messages), seed, loop_context);
    match trips.end {
        CaseEnd::Complete if trips.latency_ns.len() == messages => {
            Ok(StrategySample { latency_ns: trips.latency_ns, figures, ..StrategySample::default() })
        }
        CaseEnd::Interrupted => Err(BridgeError::Interrupted),
        CaseEnd::Broken(error) => Err(error),
        CaseEnd::Complete => Err(BridgeError::Refused { message: trips.first_fault.unwrap_or_default() }),
    }
}

/// The application's way: one expression at a random time without waiting. The bridge's report about it is read
/// afterwards.
fn app_reactions(
    bridge: &mut IpcContext<'_>,
    watch: &ApplicationSources,
    seed: u64,
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let plan = bridge.plan;
    let (command, data) = messages::received(plan).ok_or_else(no_such_command)?;
    let mut body = plan.bridge.dialect.body(&command, &data);
    let ack = ask_applied(plan.bridge.dialect, &command, &mut body);
    let mut message = Message::new(plan.bridge.dialect, &body, Wire::LINES, 0);
    let mut random = StdRng::seed_from_u64(seed);
    let count = (plan.messages / COMMANDS_A_REACTION).max(1);
    let (client, loop_context) = bridge.loop_context(done);
    let mut fired = Vec::with_capacity(count);
    for _ in 0..count {
        let at_ns = loop_context.clock.now_ns() + random.random_range(PAUSE_NS);
        wait_until(at_ns, loop_context)?;
        fired.push((at_ns, fire(client, &mut message, ack, watch, (loop_context.clock, loop_context.stop))?));
        done.fetch_add(1, Ordering::Relaxed);
    }
    let since = |of: fn(&CommandOutcome) -> Option<u64>| -> Vec<u64> {
        fired.iter().filter_map(|(at_ns, fired)| Some(of(fired)?.saturating_sub(*at_ns))).collect()
    };
    let latency_ns = since(|fired| fired.applied_ns);
    let latest_ns = since(|fired| fired.latest_ns.filter(|_| fired.applied_ns.is_none()));
    let mut figures = vec![("received_mean", mean_ms(since(|fired| Some(fired.received_ns)).into_iter()))];
    if !latest_ns.is_empty() {
        figures.push(("applied_latest_mean", mean_ms(latest_ns.into_iter())));
    }
    Ok(StrategySample { latency_ns, figures, ..StrategySample::default() })
}

fn reactions(
    bridge: &mut IpcContext<'_>,
    messages: &mut [Message],
    in_turn: bool,
    seed: u64,
    done: &AtomicU64,
) -> Result<StrategySample, BridgeError> {
    let mut random = StdRng::seed_from_u64(seed);
    let count = (bridge.plan.messages / COMMANDS_A_REACTION).max(1);
    let (client, loop_context) = bridge.loop_context(done);
    let mut sample = StrategySample::default();
    let mut frames = Vec::new();
    let mut held = 0;
    for _ in 0..count {
        let at_ns = loop_context.clock.now_ns() + random.random_range(PAUSE_NS);
        let reaction = react(client, messages, in_turn, at_ns, loop_context)?;
        sample.latency_ns.push(reaction.latency_ns);
        frames.extend(reaction.frames);
        held += usize::from(reaction.is_held);
    }
    if messages.len() > 1 && !in_turn {
        sample.figures.push(("held_back", 100.0 * held as f64 / count as f64));
    }
    if frames.len() == count {
        sample.figures.push(("frames", frames.iter().sum::<u64>() as f64 / count as f64));
    }
    Ok(sample)
}
