//! Specification of an embedded bridge: dialect, frame rate, and injected faults.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::error::BridgeSpecError;
use crate::bridge::{Dialect, ReplyForm};
use crate::clock::nanos;

/// Highest accepted frame rate, in frames per second.
const HIGHEST_FPS: f64 = 1_000.0;

/// Default capacity of the queue, in messages: more than any known client sends in a second.
pub(super) const QUEUE_CAPACITY: u64 = 65_536;

/// Unused capacity kept for a burst, in nanoseconds: as much as a thread may be woken late, so that the bridge reaches
/// its capacity on a busy machine, too.
pub(super) const CREDIT_NS: u64 = 20_000_000;

/// When the main thread checks its queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FrameRate {
    /// Once per frame, at this many frames per second.
    Paced(f64),
    /// As soon as something is queued, without frames.
    Unpaced,
}

impl FrameRate {
    /// Frame length in nanoseconds; `None` if unpaced.
    #[must_use]
    pub fn period_ns(self) -> Option<f64> {
        match self {
            Self::Paced(fps) => Some(1e9 / fps),
            Self::Unpaced => None,
        }
    }
}

impl Serialize for FrameRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Paced(fps) => serializer.serialize_f64(*fps),
            Self::Unpaced => serializer.serialize_str("unpaced"),
        }
    }
}

/// A complete embedded bridge. The default is a stock bridge at 60 frames per second without fault injection.
///
/// `N` counts replies over the bridge's life across all clients, without the greeting. Lost replies count as well: with
/// `drop_every` 10, replies 10, 20, 30… are lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BridgeSpec {
    /// Its dialect; only the name is recorded.
    #[serde(serialize_with = "dialect_name")]
    pub dialect: &'static Dialect,
    /// When the main thread applies queued commands.
    pub fps: FrameRate,
    /// Whether replies are sent with `TCP_NODELAY`; absent means as in the dialect's bridge, see
    /// [`BridgeSpec::sets_nodelay`].
    pub nodelay: Option<bool>,
    /// Time the socket thread spends on each of its replies, before sending it. The next message is read afterwards, so
    /// the thread answers at most 1/delay messages per second.
    #[serde(rename = "received_delay_ns", serialize_with = "duration_ns")]
    pub received_delay: Duration,
    /// Delay of each *applied* reply by the main thread. Replies of one frame wait in parallel; the next frame begins
    /// after the last of them.
    #[serde(rename = "applied_delay_ns", serialize_with = "duration_ns")]
    pub applied_delay: Duration,
    /// Time the socket thread spends on parsing each message.
    #[serde(rename = "parse_delay_ns", serialize_with = "duration_ns")]
    pub parse_delay: Duration,
    /// Time that messages stay in the queue after the start of the frame that takes them; those of one frame wait in
    /// parallel.
    #[serde(rename = "queue_delay_ns", serialize_with = "duration_ns")]
    pub queue_delay: Duration,
    /// Time the main thread spends on applying each command, one after the other.
    #[serde(rename = "apply_delay_ns", serialize_with = "duration_ns")]
    pub apply_delay: Duration,
    /// Messages per second that the socket thread accepts on average; 20 ms worth of them at once after a pause.
    #[serde(rename = "capacity_per_s")]
    pub capacity: Option<f64>,
    /// Capacity of the main thread's queue; further messages are refused. Absent means 65,536 in a dialect that can
    /// report it, otherwise unlimited.
    pub queue_capacity: Option<u64>,
    /// Each delay of either thread is extended by a uniform random time from 0 to this, from `seed`.
    #[serde(rename = "jitter_ns", serialize_with = "duration_ns")]
    pub jitter: Duration,
    /// Each frame starts late by a uniform random time from 0 to this, from `seed`.
    #[serde(rename = "frame_jitter_ns", serialize_with = "duration_ns")]
    pub frame_jitter: Duration,
    /// Each reply of the socket thread is sent in two pieces, the second with the client's next message or after this
    /// time: the effect of Nagle's algorithm on two small writes, with a client that delays its acknowledgements by
    /// this time.
    #[serde(rename = "delayed_ack_ns", serialize_with = "duration_ns")]
    pub delayed_ack: Duration,
    /// Every wait of either thread except for frames ends on a tick of this period, and the socket thread waits for one
    /// before each reply, as a loop with sleeps does.
    #[serde(rename = "timer_tick_ns", serialize_with = "duration_ns")]
    pub timer_tick: Duration,
    /// Every Nth reply is not sent.
    pub drop_every: Option<u64>,
    /// Every Nth reply is a line that is neither JSON nor UTF-8.
    pub garble_every: Option<u64>,
    /// Every Nth reply is sent twice.
    pub duplicate_every: Option<u64>,
    /// After the Nth reply both threads stall, and the connection stays open.
    pub stall_after: Option<u64>,
    /// Length of the stall, which happens once; endless if absent.
    #[serde(rename = "stall_for_ns", serialize_with = "maybe_duration_ns")]
    pub stall_for: Option<Duration>,
    /// Instead of the reply after the Nth, half a line is sent and the connection is closed. Happens once: the next
    /// client is served normally.
    pub close_after: Option<u64>,
    /// Maximum bytes per second taken from the socket; a message is handled once its last byte is due.
    #[serde(rename = "slow_reader_bytes_per_s")]
    pub slow_reader: Option<u64>,
    /// The first N messages are handled normally; later ones stay queued, as in a Unity without focus: *received*
    /// replies continue, *applied* ones stop.
    pub pause_main_after: Option<u64>,
    /// Connections are accepted and read, but nothing is ever sent, not even a greeting.
    pub silent: bool,
    /// Random seed of the jitters.
    pub seed: u64,
}

impl Default for BridgeSpec {
    fn default() -> Self {
        Self {
            dialect: Dialect::stock(),
            fps: FrameRate::Paced(60.0),
            nodelay: None,
            received_delay: Duration::ZERO,
            applied_delay: Duration::ZERO,
            parse_delay: Duration::ZERO,
            queue_delay: Duration::ZERO,
            apply_delay: Duration::ZERO,
            capacity: None,
            queue_capacity: None,
            jitter: Duration::ZERO,
            frame_jitter: Duration::ZERO,
            delayed_ack: Duration::ZERO,
            timer_tick: Duration::ZERO,
            drop_every: None,
            garble_every: None,
            duplicate_every: None,
            stall_after: None,
            stall_for: None,
            close_after: None,
            slow_reader: None,
            pause_main_after: None,
            silent: false,
            seed: 0,
        }
    }
}

impl BridgeSpec {
    /// Whether any fault is injected. Dialect, frame rate, `nodelay`, the queue's capacity and the seed are not faults.
    #[must_use]
    pub fn lies(&self) -> bool {
        let Self { dialect, fps, nodelay, queue_capacity, seed, .. } = *self;
        *self != Self { dialect, fps, nodelay, queue_capacity, seed, ..Self::default() }
    }

    /// Whether connections get `TCP_NODELAY`. By default, the dialects of the stock bridge (empty replies) leave it
    /// off, as that bridge does, so that small replies wait for the acknowledgement of the previous one. The others set
    /// it.
    #[must_use]
    pub fn sets_nodelay(&self) -> bool {
        self.nodelay.unwrap_or(self.dialect.replies.form != ReplyForm::Bare)
    }

    /// Capacity of the queue, in messages.
    #[must_use]
    pub fn queue_bound(&self) -> u64 {
        if self.dialect.stamps { self.queue_capacity.unwrap_or(QUEUE_CAPACITY) } else { u64::MAX }
    }

    /// Checks the values beyond their types: the frame rate is above 0 and at most 1,000, every N is at least 1, the
    /// capacity is above 0, `stall_for` needs `stall_after`, a bounded queue needs a dialect that can report overflow,
    /// and `frame_jitter` must be shorter than the frame.
    pub fn validate(&self) -> Result<(), BridgeSpecError> {
        if let FrameRate::Paced(fps) = self.fps
            && !(fps > 0.0 && fps <= HIGHEST_FPS)
        {
            return Err(Self::refused("fps", &fps, "it is not above 0 and at most 1000"));
        }
        let counts = [
            ("drop-every", self.drop_every),
            ("garble-every", self.garble_every),
            ("duplicate-every", self.duplicate_every),
            ("stall-after", self.stall_after),
            ("close-after", self.close_after),
            ("slow-reader", self.slow_reader),
            ("pause-main-after", self.pause_main_after),
            ("queue-capacity", self.queue_capacity),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(Self::refused(key, &0, "it is below 1"));
        }
        if let Some(capacity) = self.capacity
            && !(capacity > 0.0 && capacity.is_finite())
        {
            return Err(Self::refused("capacity", &capacity, "it is not above 0"));
        }
        if let Some(bound) = self.queue_capacity
            && !self.dialect.stamps
        {
            return Err(Self::refused("queue-capacity", &bound, "this dialect cannot say that a queue is full"));
        }
        if let Some(stall) = self.stall_for
            && self.stall_after.is_none()
        {
            return Err(Self::refused("stall-for", &format_args!("{stall:?}"), "there is no stall-after"));
        }
        let frame_ns = self.fps.period_ns().unwrap_or(0.0);
        if !self.frame_jitter.is_zero() && nanos(self.frame_jitter) as f64 >= frame_ns {
            let jitter = format!("{:?}", self.frame_jitter);
            return Err(Self::refused("frame-jitter", &jitter, "it is not shorter than a frame"));
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn dialect_name<S: Serializer>(dialect: &&'static Dialect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&dialect.name)
}

fn duration_ns<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(nanos(*duration))
}

#[allow(clippy::ref_option)]
fn maybe_duration_ns<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(nanos).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_injects_no_faults() {
        let spec = BridgeSpec::default();
        assert_eq!(spec.validate(), Ok(()));
        assert!(!spec.lies());
        let other = BridgeSpec { dialect: Dialect::instrumented(), fps: FrameRate::Unpaced, seed: 7, ..spec };
        assert!(!other.lies());
        assert!(!BridgeSpec { nodelay: Some(true), ..other.clone() }.lies());
        assert!(BridgeSpec { silent: true, ..other.clone() }.lies());
        assert!(BridgeSpec { received_delay: Duration::from_nanos(1), ..other }.lies());
    }

    #[test]
    fn stock_bridge_leaves_nagle_on_and_others_disable_it() {
        let sets = |text: &str| text.parse::<BridgeSpec>().unwrap().sets_nodelay();
        assert!(!sets("") && !sets("dialect=batch"));
        assert!(sets("dialect=instrumented") && sets("dialect=founding") && sets("dialect=public-api"));
        assert!(sets("nodelay=on") && !sets("nodelay=off,dialect=instrumented"));
    }

    #[test]
    fn recorded_values_have_units() {
        let spec = BridgeSpec {
            applied_delay: Duration::from_millis(5),
            stall_after: Some(3),
            stall_for: Some(Duration::from_secs(1)),
            ..BridgeSpec::default()
        };
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(json["dialect"], "stock");
        assert_eq!(json["fps"], 60.0);
        assert_eq!(json["applied_delay_ns"], 5_000_000);
        assert_eq!(json["stall_for_ns"], 1_000_000_000);
        assert!(json["drop_every"].is_null());
        let unpaced = BridgeSpec { fps: FrameRate::Unpaced, ..BridgeSpec::default() };
        assert_eq!(serde_json::to_value(&unpaced).unwrap()["fps"], "unpaced");
    }

    #[test]
    fn invalid_values_are_rejected() {
        let honest = BridgeSpec::default;
        let minute = Duration::from_secs(60);
        let refused = [
            BridgeSpec { fps: FrameRate::Paced(0.0), ..honest() },
            BridgeSpec { fps: FrameRate::Paced(f64::NAN), ..honest() },
            BridgeSpec { fps: FrameRate::Paced(1_000.5), ..honest() },
            BridgeSpec { drop_every: Some(0), ..honest() },
            BridgeSpec { slow_reader: Some(0), ..honest() },
            BridgeSpec { capacity: Some(0.0), ..honest() },
            BridgeSpec { capacity: Some(f64::INFINITY), ..honest() },
            BridgeSpec { queue_capacity: Some(9), ..honest() },
            BridgeSpec { queue_capacity: Some(0), dialect: Dialect::instrumented(), ..honest() },
            BridgeSpec { stall_for: Some(minute), ..honest() },
            BridgeSpec { frame_jitter: minute, ..honest() },
            BridgeSpec { frame_jitter: Duration::from_nanos(1), fps: FrameRate::Unpaced, ..honest() },
        ];
        for spec in refused {
            assert!(spec.validate().is_err(), "{spec:?}");
        }
    }
}
