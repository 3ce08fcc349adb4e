//! One command as the application sends it: written once, without waiting for a reply.
//!
//! To learn when the command took effect, the reply is read afterwards, when that delays nothing. Depending on the
//! dialect it confirms that the command was applied, or only that it was received. In the second case, the time of
//! application comes from the embedded bridge's own log, or is known only within bounds.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use super::load::Load;
use super::round_trips::{CaseEnd, LoopContext, MessageCounts, measure_case};
use crate::bridge::server::AppliedLog;
use crate::bridge::{Ack, BridgeError, Client, Dialect, Message, PendingMessages, Reply};
use crate::clock::Clock;
use crate::stats::nearest_rank;

/// Exchanges used to measure the frame period: warm-up, then measured.
const FRAMES: MessageCounts = MessageCounts { warm_up: 2, messages: 15 };

/// Source of the time at which a command was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliedBy {
    /// A reply sent once the command is applied; late by its network time.
    Reply,
    /// The log of the bridge in this process: exact.
    Account,
    /// None: the reply only means *received*. While frames continue, the command is applied within one frame after
    /// that.
    Bounds,
}

/// Sources other than replies for the time of application.
#[derive(Debug, Clone, Default)]
pub struct ApplicationSources {
    /// The log of a bridge in this process.
    pub applied_log: Option<AppliedLog>,
    /// Frame length in nanoseconds, if it could be measured.
    pub frame_ns: Option<u64>,
}

impl ApplicationSources {
    /// The source for a command whose reply means `ack`.
    #[must_use]
    pub fn applied_by(&self, ack: Ack) -> AppliedBy {
        match (ack, &self.applied_log) {
            (Ack::Applied, _) => AppliedBy::Reply,
            (Ack::Received, Some(_)) => AppliedBy::Account,
            (Ack::Received, None) => AppliedBy::Bounds,
        }
    }
}

/// Outcome of one command. Times are nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The write is about to begin.
    pub began_ns: u64,
    /// The bridge had read the command: from the timestamps in the reply, from the bridge's log if the reply came after
    /// the command was applied, otherwise from the reply's arrival.
    pub received_ns: u64,
    /// The command had been applied; `None` if only bounds are known.
    pub applied_ns: Option<u64>,
    /// Latest time at which it was applied; `None` if the frame length is unknown.
    pub latest_ns: Option<u64>,
}

/// Requests a reply after application if the dialect supports that. Returns what the reply to `command` then means.
pub fn ask_applied(dialect: &Dialect, command: &str, body: &mut Map<String, Value>) -> Ack {
    if dialect.chooses_ack {
        body.insert("ack".into(), "applied".into());
        return Ack::Applied;
    }
    dialect.command(command).map_or(Ack::Received, |command| command.ack)
}

/// Writes the message, whose reply means `ack`, and continues at once; then reads the reply.
///
/// # Errors
/// Those of a write, and [`BridgeError::NoReply`] if no reply came, which the application would not have
/// noticed.
pub fn fire(
    client: &mut Client,
    message: &mut Message,
    ack: Ack,
    watch: &ApplicationSources,
    (clock, stop): (&Clock, &AtomicBool),
) -> Result<CommandOutcome, BridgeError> {
    let number = client.number(1);
    let line = message.line(number);
    let before = watch.applied_log.as_ref().map(AppliedLog::count);
    let began_ns = clock.now_ns();
    client.send(line, stop)?;
    let deadline = Instant::now() + client.timeout();
    let reply = client.receive_for(&mut PendingMessages::for_one(number), deadline, stop)?.reply;
    let arrived_ns = clock.now_ns();
    if ack == Ack::Applied {
        let applied_ns = Some(arrived_ns);
        return Ok(CommandOutcome {
            began_ns,
            received_ns: received(&reply, arrived_ns),
            applied_ns,
            latest_ns: applied_ns,
        });
    }
    let told = match watch.applied_log.as_ref().zip(before) {
        Some((applied_log, before)) => {
            let waited = client.timeout();
            let message = || format!("the command was received but not applied within {waited:?}");
            let moments = applied_log.next_after(before, deadline, stop);
            Some(moments.ok_or_else(|| BridgeError::Refused { message: message() })?)
        }
        None => None,
    };
    let applied_ns = told.map(|moments| clock.reading(moments.applied));
    let received_ns = match told {
        // A reply that arrives after the command was applied was held back or met a frame on its way: it does not tell
        // when the command arrived.
        Some(moments) if clock.reading(moments.applied) < arrived_ns => clock.reading(moments.received).max(began_ns),
        _ => arrived_ns,
    };
    Ok(CommandOutcome {
        began_ns,
        received_ns,
        applied_ns,
        latest_ns: applied_ns.or_else(|| Some(arrived_ns + watch.frame_ns?)),
    })
}

/// When the bridge had read the message according to the reply's timestamps; otherwise its arrival. Late by the reply's
/// network time.
fn received(reply: &Reply, arrived_ns: u64) -> u64 {
    let between = reply.replied_ns.zip(reply.received_ns).and_then(|(replied, received)| replied.checked_sub(received));
    arrived_ns.saturating_sub(between.unwrap_or(0))
}

/// The frame length, as the median round trip of a client that sends on each *applied* reply and so gets one per frame.
/// `None` if replies are missing; the connection is then replaced. `message` must be one that is answered after it is
/// applied.
pub fn frame_period_ns(
    client: &mut Client,
    message: &mut Message,
    seed: u64,
    loop_context: LoopContext<'_>,
) -> Option<u64> {
    let quiet = LoopContext { replies: &AtomicU64::new(0), ..loop_context };
    let mut trips = measure_case(client, message, Load::Closed, FRAMES, seed, quiet);
    if !matches!(trips.end, CaseEnd::Complete) || trips.lost > 0 || trips.surplus > 0 || trips.latency_ns.is_empty() {
        // If this fails, the next command reports it.
        let _ = client.reconnect(loop_context.stop);
        return None;
    }
    trips.latency_ns.sort_unstable();
    Some(nearest_rank(&trips.latency_ns, 0.5))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bridge::server::EmbeddedBridge;

    fn fired(spec: &str, with_account: bool, frame_ns: Option<u64>) -> CommandOutcome {
        let bridge = EmbeddedBridge::start(spec.parse().unwrap(), 0).unwrap();
        let (stop, clock) = (AtomicBool::new(false), Clock::start());
        let dialect = bridge.spec().dialect;
        let mut client = Client::connect(&[bridge.address()], Duration::from_secs(5), &stop).unwrap();
        client.switch_dialect(dialect);
        let probe = dialect.probe(Ack::Received).unwrap();
        let mut body = dialect.body(&probe.command, &probe.data);
        let ack = ask_applied(dialect, &probe.command, &mut body);
        let mut message = Message::new(dialect, &body, client.wire(), 0);
        let watch = ApplicationSources { applied_log: with_account.then(|| bridge.applied_log()), frame_ns };
        fire(&mut client, &mut message, ack, &watch, (&clock, &stop)).unwrap()
    }

    #[test]
    fn embedded_stock_bridge_reports_when_the_command_was_applied() {
        // The *received* reply is delayed far beyond the frame; it must not affect the time of application.
        let fired = fired("fps=100,received-delay=200ms", true, None);
        let applied_ns = fired.applied_ns.unwrap();
        assert!(applied_ns >= fired.began_ns && applied_ns < fired.began_ns + 200_000_000, "{fired:?}");
        assert!(fired.received_ns < applied_ns && fired.latest_ns == Some(applied_ns), "{fired:?}");
    }

    #[test]
    fn frame_wait_is_not_counted_as_network_when_the_reply_is_held() {
        // The next frame is up to 100 ms away: of ten commands at random times, some wait for most of that.
        let waits = |_| {
            let fired = fired("fps=10,received-delay=200ms", true, None);
            fired.applied_ns.unwrap() - fired.received_ns
        };
        let longest_ns = (0..10).map(waits).max().unwrap();
        assert!(longest_ns > 10_000_000, "{longest_ns}");
    }

    #[test]
    fn external_stock_bridge_gives_bounds_only() {
        let bounded = fired("fps=60", false, Some(16_666_667));
        assert_eq!((bounded.applied_ns, bounded.latest_ns), (None, Some(bounded.received_ns + 16_666_667)));
        let open = fired("fps=60", false, None);
        assert_eq!((open.applied_ns, open.latest_ns), (None, None));
    }

    #[test]
    fn extended_bridge_replies_once_the_command_is_applied() {
        let fired = fired("dialect=instrumented,fps=unpaced,applied-delay=20ms", false, None);
        assert!(fired.applied_ns.unwrap() >= fired.began_ns + 20_000_000, "{fired:?}");
        assert!(fired.received_ns <= fired.applied_ns.unwrap(), "{fired:?}");
        assert_eq!(ApplicationSources::default().applied_by(Ack::Applied), AppliedBy::Reply);
    }

    #[test]
    fn frame_period_comes_from_a_frame_locked_client() {
        let bridge = EmbeddedBridge::start("fps=100".parse().unwrap(), 0).unwrap();
        let (stop, clock, replies) = (AtomicBool::new(false), Clock::start(), AtomicU64::new(0));
        let mut client = Client::connect(&[bridge.address()], Duration::from_secs(5), &stop).unwrap();
        let dialect = Dialect::stock();
        let mut message = Message::of(dialect, dialect.probe(Ack::Applied).unwrap(), Some(true), 0);
        let loop_context = LoopContext { clock: &clock, stop: &stop, replies: &replies, ids: false };
        let frame_ns = frame_period_ns(&mut client, &mut message, 1, loop_context).unwrap();
        // Shorter than the frame by timer error at most.
        assert!(frame_ns > 8_000_000, "{frame_ns}");
    }
}
