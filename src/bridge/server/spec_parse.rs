//! Text form of a bridge specification: `fps=30,received-delay=5ms,drop-every=10`.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use super::error::BridgeSpecError;
use super::spec::{BridgeSpec, FrameRate};
use crate::bridge::Dialect;
use crate::clock::nanos;

/// A key of the text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecKey {
    /// Name, before the `=`.
    pub name: &'static str,
    /// Accepted values.
    pub wants: &'static str,
    /// Description in one line.
    pub help: &'static str,
}

const fn key(name: &'static str, wants: &'static str, help: &'static str) -> SpecKey {
    SpecKey { name, wants, help }
}

const DURATION: &str = "a duration such as 250us, 5ms or 1.5s";
const COUNT: &str = "a whole number of at least 1";

impl BridgeSpec {
    /// All keys, in the order in which they are formatted.
    pub const KEYS: &'static [SpecKey] = &[
        key("dialect", "stock, batch, instrumented, founding or public-api", "protocol dialect (default stock)"),
        key(
            "fps",
            "a number above 0 and at most 1000, or unpaced",
            "frame rate of the main thread, in frames per second (default 60)",
        ),
        key(
            "nodelay",
            "on or off",
            "TCP_NODELAY on each connection (default off for stock and batch, as in Unity; otherwise on)",
        ),
        key("received-delay", DURATION, "the socket thread is blocked for this long before each of its replies"),
        key("applied-delay", DURATION, "the main thread delays each of its replies by this long"),
        key("parse-delay", DURATION, "the socket thread takes this long to parse each message"),
        key("queue-delay", DURATION, "messages stay in the queue this long after the start of their frame"),
        key("apply-delay", DURATION, "the main thread takes this long to apply each command"),
        key("capacity", "a number above 0", "maximum throughput, in messages per second"),
        key(
            "queue-capacity",
            COUNT,
            "maximum number of messages waiting for the main thread (default 65536; instrumented only)",
        ),
        key("jitter", DURATION, "adds a uniform random time from 0 to this to each delay"),
        key("frame-jitter", DURATION, "delays the start of each frame by a uniform random time from 0 to this"),
        key(
            "delayed-ack",
            DURATION,
            "received replies are sent in two parts, this far apart unless a message arrives in between",
        ),
        key(
            "timer-tick",
            DURATION,
            "all waits end on ticks of a timer with this period, and each received reply waits for a tick",
        ),
        key("drop-every", COUNT, "every Nth reply is not sent"),
        key("garble-every", COUNT, "every Nth reply is a line that is not JSON"),
        key("duplicate-every", COUNT, "every Nth reply is sent twice"),
        key("stall-after", COUNT, "after N replies, the bridge stalls with the connection open"),
        key("stall-for", DURATION, "duration of the stall (default: forever)"),
        key("close-after", COUNT, "after N replies, sends half a line and closes the connection, once"),
        key("slow-reader", COUNT, "maximum read rate from the socket, in bytes per second"),
        key("pause-main-after", COUNT, "after N messages, the main thread stops, as in Unity without focus"),
        key("silent", "true or false", "accepts connections but sends nothing, not even the greeting"),
        key("seed", "a whole number", "seed for the random times (default 0)"),
    ];

    pub(super) fn key_names() -> String {
        let names: Vec<&str> = Self::KEYS.iter().map(|key| key.name).collect();
        names.join(", ")
    }

    pub(super) fn refused(name: &str, value: &dyn Display, cause: impl Into<String>) -> BridgeSpecError {
        let (value, cause) = (value.to_string(), cause.into());
        match Self::KEYS.iter().find(|key| key.name == name) {
            Some(key) => BridgeSpecError::Value { key: key.name, value, cause, wants: key.wants },
            None => BridgeSpecError::Key { key: name.to_owned(), value },
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BridgeSpecError> {
        let refuse = |cause: String| Self::refused(name, &value, cause);
        let duration = || duration_of(value).map_err(refuse);
        let count = || value.parse::<u64>().map_err(|source| refuse(source.to_string()));
        match name {
            "dialect" => self.dialect = Dialect::named(value).map_err(|_| refuse("there is no such dialect".into()))?,
            "fps" if value == "unpaced" => self.fps = FrameRate::Unpaced,
            "fps" => self.fps = FrameRate::Paced(value.parse().map_err(|_| refuse("it is not a number".into()))?),
            "nodelay" => {
                self.nodelay = match value {
                    "on" => Some(true),
                    "off" => Some(false),
                    _ => return Err(refuse("it is neither".into())),
                }
            }
            "received-delay" => self.received_delay = duration()?,
            "applied-delay" => self.applied_delay = duration()?,
            "parse-delay" => self.parse_delay = duration()?,
            "queue-delay" => self.queue_delay = duration()?,
            "apply-delay" => self.apply_delay = duration()?,
            "capacity" => self.capacity = Some(value.parse().map_err(|_| refuse("it is not a number".into()))?),
            "queue-capacity" => self.queue_capacity = Some(count()?),
            "delayed-ack" => self.delayed_ack = duration()?,
            "timer-tick" => self.timer_tick = duration()?,
            "jitter" => self.jitter = duration()?,
            "frame-jitter" => self.frame_jitter = duration()?,
            "drop-every" => self.drop_every = Some(count()?),
            "garble-every" => self.garble_every = Some(count()?),
            "duplicate-every" => self.duplicate_every = Some(count()?),
            "stall-after" => self.stall_after = Some(count()?),
            "stall-for" => self.stall_for = Some(duration()?),
            "close-after" => self.close_after = Some(count()?),
            "slow-reader" => self.slow_reader = Some(count()?),
            "pause-main-after" => self.pause_main_after = Some(count()?),
            "silent" => self.silent = value.parse().map_err(|_| refuse("it is neither".into()))?,
            "seed" => self.seed = count()?,
            _ => return Err(BridgeSpecError::Key { key: name.to_owned(), value: value.to_owned() }),
        }
        Ok(())
    }
}

impl FromStr for BridgeSpec {
    type Err = BridgeSpecError;

    /// Parses comma-separated `key=value` pairs; omitted keys keep their defaults, and an empty text is the default.
    fn from_str(text: &str) -> Result<Self, BridgeSpecError> {
        let mut spec = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| BridgeSpecError::Shape { part: part.to_owned() })?;
            let (name, value) = (name.trim(), value.trim());
            spec.set(name, value)?;
            if seen.contains(&name) {
                return Err(BridgeSpecError::Twice { key: name.to_owned(), value: value.to_owned() });
            }
            seen.push(name);
        }
        spec.validate()?;
        Ok(spec)
    }
}

impl Display for BridgeSpec {
    /// The canonical text: dialect, frame rate and `nodelay` always, then all values that differ from the default, in
    /// the order of [`BridgeSpec::KEYS`]. Parsing it gives the same bridge.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dialect={}", self.dialect.name)?;
        match self.fps {
            FrameRate::Paced(fps) => write!(f, ",fps={fps}")?,
            FrameRate::Unpaced => write!(f, ",fps=unpaced")?,
        }
        write!(f, ",nodelay={}", if self.sets_nodelay() { "on" } else { "off" })?;
        let timed = |duration: Duration| (!duration.is_zero()).then(|| duration_text(duration));
        let counted = |count: Option<u64>| count.map(|count| count.to_string());
        let parts = [
            ("received-delay", timed(self.received_delay)),
            ("applied-delay", timed(self.applied_delay)),
            ("parse-delay", timed(self.parse_delay)),
            ("queue-delay", timed(self.queue_delay)),
            ("apply-delay", timed(self.apply_delay)),
            ("capacity", self.capacity.map(|rate| rate.to_string())),
            ("queue-capacity", counted(self.queue_capacity)),
            ("jitter", timed(self.jitter)),
            ("frame-jitter", timed(self.frame_jitter)),
            ("delayed-ack", timed(self.delayed_ack)),
            ("timer-tick", timed(self.timer_tick)),
            ("drop-every", counted(self.drop_every)),
            ("garble-every", counted(self.garble_every)),
            ("duplicate-every", counted(self.duplicate_every)),
            ("stall-after", counted(self.stall_after)),
            ("stall-for", self.stall_for.map(duration_text)),
            ("close-after", counted(self.close_after)),
            ("slow-reader", counted(self.slow_reader)),
            ("pause-main-after", counted(self.pause_main_after)),
            ("silent", self.silent.then(|| "true".to_owned())),
            ("seed", (self.seed != 0).then(|| self.seed.to_string())),
        ];
        parts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .try_for_each(|(name, value)| write!(f, ",{name}={value}"))
    }
}

fn duration_of(text: &str) -> Result<Duration, String> {
    let signed: SignedDuration = text.parse().map_err(|source: jiff::Error| source.to_string())?;
    let duration = Duration::try_from(signed).map_err(|_| "it is negative".to_owned())?;
    // Times are nanoseconds in 64 bits; half of that range leaves space to add one to any of them.
    if duration.as_nanos() > u128::from(u64::MAX / 2) {
        return Err("it is longer than 292 years".to_owned());
    }
    Ok(duration)
}

/// The duration in the largest unit that gives a whole number, so that it parses back exactly.
fn duration_text(duration: Duration) -> String {
    let ns = nanos(duration);
    let (unit_ns, unit) = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")]
        .into_iter()
        .find(|(unit_ns, _)| ns.is_multiple_of(*unit_ns))
        .unwrap_or((1, "ns"));
    format!("{}{unit}", ns / unit_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> BridgeSpec {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn empty_text_is_the_default() {
        assert_eq!(parsed(""), BridgeSpec::default());
        assert_eq!(parsed("  "), BridgeSpec::default());
        assert_eq!(BridgeSpec::default().to_string(), "dialect=stock,fps=60,nodelay=off");
    }

    #[test]
    fn every_key_round_trips() {
        let everything = "dialect=instrumented,fps=59.94,nodelay=off,received-delay=5ms,applied-delay=1500ms,\
                          parse-delay=1ms,queue-delay=2ms,apply-delay=3ms,capacity=512.5,queue-capacity=9,jitter=250us,\
                          frame-jitter=1ns,delayed-ack=40ms,timer-tick=15600us,drop-every=10,garble-every=11,duplicate-every=12,stall-after=13,stall-for=2s,\
                          close-after=14,slow-reader=4096,pause-main-after=15,silent=true,seed=42";
        let spec = parsed(everything);
        assert_eq!(spec.to_string(), everything);
        assert_eq!(spec.applied_delay, Duration::from_millis(1_500));
        for key in BridgeSpec::KEYS {
            assert!(everything.contains(&format!("{}=", key.name)), "{} is not in this test", key.name);
        }
    }

    #[test]
    fn durations_accept_common_notations() {
        assert_eq!(parsed("received-delay=1.5s").received_delay, Duration::from_millis(1_500));
        assert_eq!(parsed("timer-tick=15.6ms").timer_tick, Duration::from_micros(15_600));
        assert_eq!(parsed("received-delay=2 minutes").received_delay, Duration::from_secs(120));
        assert_eq!(parsed(" fps = unpaced , jitter = 0s ").to_string(), "dialect=stock,fps=unpaced,nodelay=off");
    }

    #[test]
    fn errors_name_key_value_and_cause() {
        let refusals = [
            ("speed=9", "key `speed` (of `speed=9`) is not known"),
            ("fps", "`fps` is not key=value"),
            ("fps=30,,seed=1", "`` is not key=value"),
            ("fps=0", "`fps=0`: it is not above 0 and at most 1000"),
            ("fps=fast", "`fps=fast`: it is not a number"),
            ("fps=30,fps=60", "key `fps` is given twice, the second time as `60`"),
            ("received-delay=5", "`received-delay=5`: "),
            ("received-delay=-5ms", "`received-delay=-5ms`: it is negative"),
            ("drop-every=0", "`drop-every=0`: it is below 1"),
            ("drop-every=-1", "`drop-every=-1`: "),
            ("capacity=many", "`capacity=many`: it is not a number"),
            ("queue-capacity=5", "`queue-capacity=5`: this dialect cannot say that a queue is full"),
            ("nodelay=true", "`nodelay=true`: it is neither\nhint: nodelay wants on or off"),
            ("silent=maybe", "`silent=maybe`: it is neither\nhint: silent wants true or false"),
            (
                "dialect=klingon",
                "`dialect=klingon`: there is no such dialect\nhint: dialect wants stock, batch, instrumented, founding or public-api",
            ),
            ("stall-for=1s", "`stall-for=1s`: there is no stall-after"),
            ("fps=unpaced,frame-jitter=1ms", "`frame-jitter=1ms`: it is not shorter than a frame"),
        ];
        for (text, expected) in refusals {
            let refused = text.parse::<BridgeSpec>().unwrap_err().with_hint();
            assert!(refused.contains(expected), "{text}: {refused}");
            if !text.starts_with("fps=30,fps") {
                assert!(refused.contains("keys are dialect, fps, nodelay, received-delay"), "{text}: {refused}");
            }
        }
    }
}
