//! What model, bridge and render load cost each other: the same work alone and beside the others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::closed::closed_loop;
use super::round_trips::{End, LoopContext, RoundTrips, clear_up};
use super::turn::{Prompt, Speaker, SpeakerError};
use super::variants::wait_until;
use crate::bridge::{Client, Message};
use crate::clock::{Clock, nanos};

/// How long a model talks when nothing else says when to end.
const TALKS_FOR: Duration = Duration::from_millis(500);

/// Fewest tokens behind a speed.
const FEWEST_TOKENS: usize = 4;

/// A command comes so long after the reply to the one before, at a random moment, in nanoseconds: each is alone, as the application's
/// are, and meets the frame anywhere. (Two within a frame would meet Nagle's algorithm on the bridge's side.)
const PAUSE_NS: std::ops::Range<u64> = 5_000_000..45_000_000;

/// Commands of a cell.
const COMMANDS: usize = 20;

/// What one cell yielded.
#[derive(Debug, Default)]
pub struct CellSample {
    /// Tokens a second, if the model talked.
    pub tokens_per_s: Option<f64>,
    /// Round trips of applied commands, if the bridge was asked.
    pub trips: Option<RoundTrips>,
    /// When it began and ended, on the clock of the run.
    pub span_ns: (u64, u64),
}

impl CellSample {
    /// The mean round trip in nanoseconds, of a case that ended as planned.
    #[must_use]
    pub fn latency_ns(&self) -> Option<f64> {
        let trips = self.trips.as_ref().filter(|trips| matches!(trips.end, End::Complete))?;
        let n = trips.latency_ns.len();
        (n > 0 && trips.lost + trips.surplus == 0).then(|| trips.latency_ns.iter().sum::<u64>() as f64 / n as f64)
    }
}

/// Lets the model talk, the bridge be asked, or both at once.
///
/// # Errors
/// Those of the speaker. What becomes of the commands is in the sample.
pub fn measure_cell(
    speaker: Option<(&mut dyn Speaker<'_>, &Prompt)>,
    bridge: Option<(&mut Client, &mut Message, bool)>,
    seed: u64,
    (clock, stop): (&Clock, &AtomicBool),
) -> Result<CellSample, SpeakerError> {
    let began_ns = clock.now_ns();
    let is_asked = bridge.is_some();
    let asked = AtomicBool::new(false);
    let (tokens_per_s, trips) = thread::scope(|scope| {
        let asking = bridge.map(|(client, message, ids)| {
            let asked = &asked;
            scope.spawn(move || {
                let bench = LoopContext { clock, stop, replies: &AtomicU64::new(0), ids };
                let trips = lone_commands(client, message, seed, bench);
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
    Ok(CellSample { tokens_per_s, trips, span_ns: (began_ns, clock.now_ns()) })
}

/// Commands that come alone.
fn lone_commands(client: &mut Client, message: &mut Message, seed: u64, bench: LoopContext<'_>) -> RoundTrips {
    let mut random = StdRng::seed_from_u64(seed);
    let mut all = RoundTrips::new(COMMANDS);
    for _ in 0..COMMANDS {
        if let Err(error) = wait_until(bench.clock.now_ns() + random.random_range(PAUSE_NS), bench) {
            all.end_for(error);
            break;
        }
        all.append(closed_loop(client, message, 1, bench));
        if !matches!(all.end, End::Complete) {
            break;
        }
    }
    clear_up(client, &mut all, bench);
    all
}

/// Talks until it is enough: tokens a second, the first token and the prompt left out.
fn talk(
    speaker: &mut dyn Speaker<'_>,
    prompt: &Prompt,
    clock: &Clock,
    stop: &AtomicBool,
    enough: impl Fn(u64) -> bool,
) -> Result<Option<f64>, SpeakerError> {
    let mut moments_ns = Vec::with_capacity(LONGEST_TALK);
    // The user's wish to end, or our own: the speaker knows only one.
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

/// Tokens that a cell's context has room for.
pub const LONGEST_TALK: usize = 1_024;
