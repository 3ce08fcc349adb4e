//! How model, bridge and render load slow each other down: the same work alone and in parallel.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::closed::closed_loop;
use super::round_trips::{CaseEnd, LoopContext, RoundTrips, clear_up};
use super::turn::{Prompt, Speaker, SpeakerError};
use super::variants::wait_until;
use crate::bridge::{Client, Message};
use crate::clock::{Clock, nanos};

/// How long a model generates if nothing else ends the cell.
const TALKS_FOR: Duration = Duration::from_millis(500);

/// Minimum tokens for a speed.
const FEWEST_TOKENS: usize = 4;

/// Random pause after each reply, in nanoseconds, so that each command is alone, as the application's are, and meets
/// every phase of a frame. (Two commands within a frame would trigger Nagle's algorithm at the bridge.)
const PAUSE_NS: std::ops::Range<u64> = 5_000_000..45_000_000;

/// Commands per cell.
const COMMANDS: usize = 20;

/// Result of one cell.
#[derive(Debug, Default)]
pub struct ContentionSample {
    /// Tokens per second, if the model ran.
    pub tokens_per_s: Option<f64>,
    /// Round trips of *applied* commands, if the bridge was used.
    pub trips: Option<RoundTrips>,
    /// Start and end on the run's clock.
    pub span_ns: (u64, u64),
}

impl ContentionSample {
    /// Mean round trip in nanoseconds; `None` unless the case ended as planned.
    #[must_use]
    pub fn latency_ns(&self) -> Option<f64> {
        let trips = self.trips.as_ref().filter(|trips| matches!(trips.end, CaseEnd::Complete))?;
        let n = trips.latency_ns.len();
        (n > 0 && trips.lost + trips.surplus == 0).then(|| trips.latency_ns.iter().sum::<u64>() as f64 / n as f64)
    }
}

/// Runs the model, the bridge commands, or both at once.
///
/// # Errors
/// Those of the speaker. Failed commands are part of the sample.
pub fn measure_cell(
    speaker: Option<(&mut dyn Speaker<'_>, &Prompt)>,
    bridge: Option<(&mut Client, &mut Message, bool)>,
    seed: u64,
    (clock, stop): (&Clock, &AtomicBool),
) -> Result<ContentionSample, SpeakerError> {
    let began_ns = clock.now_ns();
    let is_asked = bridge.is_some();
    let asked = AtomicBool::new(false);
    let (tokens_per_s, trips) = thread::scope(|scope| {
        let asking = bridge.map(|(client, message, ids)| {
            let asked = &asked;
            scope.spawn(move || {
                let loop_context = LoopContext { clock, stop, replies: &AtomicU64::new(0), ids };
                let trips = lone_commands(client, message, seed, loop_context);
                asked.store(true, Ordering::Relaxed);
                trips
            })
        });
        let enough =
            |elapsed_ns: u64| if is_asked { asked.load(Ordering::Relaxed) } else { elapsed_ns >= nanos(TALKS_FOR) };
        let spoken = speaker.map(|(speaker, prompt)| talk(speaker, prompt, clock, stop, enough)).transpose();
        let trips = asking.and_then(|asking| asking.join().ok());
        spoken.map(|spoken| (spoken.flatten(), trips))
    })?;
    Ok(ContentionSample { tokens_per_s, trips, span_ns: (began_ns, clock.now_ns()) })
}

/// Sends lone commands.
fn lone_commands(client: &mut Client, message: &mut Message, seed: u64, loop_context: LoopContext<'_>) -> RoundTrips {
    let mut random = StdRng::seed_from_u64(seed);
    let mut all = RoundTrips::new(COMMANDS);
    for _ in 0..COMMANDS {
        if let Err(error) = wait_until(loop_context.clock.now_ns() + random.random_range(PAUSE_NS), loop_context) {
            all.end_for(error);
            break;
        }
        all.append(closed_loop(client, message, 1, loop_context));
        if !matches!(all.end, CaseEnd::Complete) {
            break;
        }
    }
    clear_up(client, &mut all, loop_context);
    all
}

/// Generates until told to stop; returns tokens per second, excluding the prompt and the first token.
fn talk(
    speaker: &mut dyn Speaker<'_>,
    prompt: &Prompt,
    clock: &Clock,
    stop: &AtomicBool,
    enough: impl Fn(u64) -> bool + Sync,
) -> Result<Option<f64>, SpeakerError> {
    let mut moments_ns = Vec::with_capacity(LONGEST_TALK);
    // Combines the user's interruption and our own end: the speaker watches one flag.
    let ends = AtomicBool::new(false);
    let answered = speaker.answer(prompt, LONGEST_TALK, &ends, &mut |said| {
        if said.is_some() {
            moments_ns.push(clock.now_ns());
            let elapsed_ns = moments_ns[moments_ns.len() - 1] - moments_ns[0];
            let is_enough = moments_ns.len() >= FEWEST_TOKENS && enough(elapsed_ns);
            ends.store(is_enough || stop.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    });
    match answered {
        Err(error) if !error.is_stop() || stop.load(Ordering::Relaxed) => return Err(error),
        _ => {}
    }
    let span_ns = moments_ns.last().zip(moments_ns.first()).map_or(0, |(last, first)| last - first);
    Ok((span_ns > 0).then(|| (moments_ns.len() - 1) as f64 * 1e9 / span_ns as f64))
}

/// Tokens reserved in the context for a cell.
pub const LONGEST_TALK: usize = 1_024;
