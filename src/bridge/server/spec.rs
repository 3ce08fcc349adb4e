//! What an embedded bridge is told to be: its dialect, its frame rate, and how it lies.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::error::SpecError;
use crate::bridge::{Dialect, ReplyForm};
use crate::clock::nanos;

/// The highest frame rate that can be asked for, in frames a second.
const HIGHEST_FPS: f64 = 1_000.0;

/// Messages that may wait for the main thread unless told otherwise: above what a second of any client that we know sends.
pub(super) const QUEUE_CAPACITY: u64 = 65_536;

/// How much unused capacity is kept for a burst, in nanoseconds: as much as a thread may be woken late, so that
/// a bridge on a busy machine still reaches its capacity.
pub(super) const CREDIT_NS: u64 = 20_000_000;

/// When the main thread looks at its queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FrameRate {
    /// Once a frame, at that many frames a second.
    Paced(f64),
    /// As soon as something is queued: no frame to wait for.
    Unpaced,
}

impl FrameRate {
    /// The length of a frame in nanoseconds; `None` when unpaced.
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

/// An embedded bridge in full. The default is an honest stock bridge at 60 frames a second.
///
/// `N` counts replies over the bridge's life, whoever the client; the greeting is not one. Lost replies count as well: with
/// `drop_every` 10, replies 10, 20, 30… are the lost ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BridgeSpec {
    /// What it speaks; only the name is recorded.
    #[serde(serialize_with = "dialect_name")]
    pub dialect: &'static Dialect,
    /// When the main thread applies what is queued.
    pub fps: FrameRate,
    /// Whether replies are sent with `TCP_NODELAY`; as the dialect's bridge does when absent, see [`BridgeSpec::sets_nodelay`].
    pub nodelay: Option<bool>,
    /// Time the socket thread spends on each of its replies, counted from when it would have sent it. The next message is
    /// read after that, so the thread answers at most 1/delay messages a second.
    #[serde(rename = "received_delay_ns", serialize_with = "duration_ns")]
    pub received_delay: Duration,
    /// Time the main thread lets pass before each of its replies, counted from when it would have sent it. Replies of one frame
    /// wait side by side, not in turn; the next frame begins after the last of them.
    #[serde(rename = "applied_delay_ns", serialize_with = "duration_ns")]
    pub applied_delay: Duration,
    /// Time the socket thread spends on understanding each message.
    #[serde(rename = "parse_delay_ns", serialize_with = "duration_ns")]
    pub parse_delay: Duration,
    /// Time that messages stay in the queue after the begin of the frame that takes them. Those of one frame wait side by side.
    #[serde(rename = "queue_delay_ns", serialize_with = "duration_ns")]
    pub queue_delay: Duration,
    /// Time the main thread spends on carrying out each command, one after the other.
    #[serde(rename = "apply_delay_ns", serialize_with = "duration_ns")]
    pub apply_delay: Duration,
    /// Messages a second that the socket thread takes on average; 20 ms worth of them at once after a rest.
    #[serde(rename = "capacity_per_s")]
    pub capacity: Option<f64>,
    /// Messages that may wait for the main thread; one more is refused. 65,536 when absent, in a dialect that can
    /// say so; without bound in others.
    pub queue_capacity: Option<u64>,
    /// Each delay grows by a time drawn uniformly from 0 to this, in either thread, from `seed`.
    #[serde(rename = "jitter_ns", serialize_with = "duration_ns")]
    pub jitter: Duration,
    /// Each frame starts later than its place on the grid by a time drawn uniformly from 0 to this, from `seed`.
    #[serde(rename = "frame_jitter_ns", serialize_with = "duration_ns")]
    pub frame_jitter: Duration,
    /// Each reply of the socket thread goes out in two pieces, the second when the client's next message comes or after this
    /// time: what Nagle's algorithm makes of two small writes, and a client that delays its acknowledgement so long.
    #[serde(rename = "delayed_ack_ns", serialize_with = "duration_ns")]
    pub delayed_ack: Duration,
    /// Every wait of either thread but that for a frame ends on a tick of this period, and the socket thread waits for one
    /// before each reply, as a loop that sleeps between two looks does.
    #[serde(rename = "timer_tick_ns", serialize_with = "duration_ns")]
    pub timer_tick: Duration,
    /// Every Nth reply is not sent.
    pub drop_every: Option<u64>,
    /// Every Nth reply is a line that is neither JSON nor UTF-8.
    pub garble_every: Option<u64>,
    /// Every Nth reply is sent twice.
    pub duplicate_every: Option<u64>,
    /// After the Nth reply both threads stand still, and the connection stays open.
    pub stall_after: Option<u64>,
    /// How long they stand still, once; for ever when absent.
    #[serde(rename = "stall_for_ns", serialize_with = "maybe_duration_ns")]
    pub stall_for: Option<Duration>,
    /// In place of the reply after the Nth comes half a line, then the connection is closed. Happens once: the next client is
    /// served normally.
    pub close_after: Option<u64>,
    /// At most so many bytes a second are taken from the socket; a message is handled once its last byte is due.
    #[serde(rename = "slow_reader_bytes_per_s")]
    pub slow_reader: Option<u64>,
    /// The first N messages are handled normally; what later ones queue stays queued, as in a Unity without focus: received
    /// replies flow on, applied ones stop.
    pub pause_main_after: Option<u64>,
    /// Connections are accepted and read, and nothing is ever sent, no greeting either.
    pub silent: bool,
    /// Where the jitters start from.
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
    /// Whether the bridge does anything that an honest one would not. Dialect, frame rate, `nodelay`, the queue's capacity and
    /// the seed are no lies.
    #[must_use]
    pub fn lies(&self) -> bool {
        let Self { dialect, fps, nodelay, queue_capacity, seed, .. } = *self;
        *self != Self { dialect, fps, nodelay, queue_capacity, seed, ..Self::default() }
    }

    /// Whether each connection gets `TCP_NODELAY`. Unless told otherwise, the dialects of the bridge that ships (bare replies)
    /// leave it off, as that bridge does: small replies then wait for the acknowledgement of the one before. The others set it.
    #[must_use]
    pub fn sets_nodelay(&self) -> bool {
        self.nodelay.unwrap_or(self.dialect.replies.form != ReplyForm::Bare)
    }

    /// Messages that may wait for the main thread.
    #[must_use]
    pub fn queue_bound(&self) -> u64 {
        if self.dialect.stamps { self.queue_capacity.unwrap_or(QUEUE_CAPACITY) } else { u64::MAX }
    }

    /// Checks what the types leave open: the frame rate is above 0 and at most 1,000, every N is at least 1, the capacity is
    /// above 0, `stall_for` has a `stall_after`, a bounded queue a dialect that can say that it is full, and `frame_jitter` has
    /// a frame that is longer.
    pub fn validate(&self) -> Result<(), SpecError> {
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
    fn the_default_is_honest() {
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
    fn the_bridge_that_ships_leaves_nagle_on_and_the_others_do_not() {
        let sets = |text: &str| text.parse::<BridgeSpec>().unwrap().sets_nodelay();
        assert!(!sets("") && !sets("dialect=batch"));
        assert!(sets("dialect=instrumented") && sets("dialect=founding") && sets("dialect=public-api"));
        assert!(sets("nodelay=on") && !sets("nodelay=off,dialect=instrumented"));
    }

    #[test]
    fn the_record_carries_units() {
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
    fn values_that_mean_nothing_are_refused() {
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
