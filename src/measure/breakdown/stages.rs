//! The parts of one round trip. Pure; the durations add up to the whole round trip.

use super::clocks::Clocks;
use super::exchange::Exchange;

/// A part of a round trip, in the order in which a message passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTripStage {
    /// The client serialises the message.
    Serialise,
    /// The client hands the message to the operating system.
    Write,
    /// Network, until the bridge has read the message.
    NetworkOut,
    /// The bridge parses the message.
    Parse,
    /// Wait for the frame that takes the message.
    FrameWait,
    /// Wait in the queue after that frame begins; the whole wait if there are no frames.
    Queue,
    /// The bridge applies the command, and those taken from the queue before it.
    Apply,
    /// The bridge builds the reply.
    Reply,
    /// Network, until the client has read the reply.
    NetworkBack,
    /// The client parses the reply.
    ParseReply,
}

impl RoundTripStage {
    /// All parts, in order.
    pub const ALL: [Self; 10] = [
        Self::Serialise,
        Self::Write,
        Self::NetworkOut,
        Self::Parse,
        Self::FrameWait,
        Self::Queue,
        Self::Apply,
        Self::Reply,
        Self::NetworkBack,
        Self::ParseReply,
    ];

    /// Name in paths.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Serialise => "serialise",
            Self::Write => "write",
            Self::NetworkOut => "network_out",
            Self::Parse => "parse",
            Self::FrameWait => "frame_wait",
            Self::Queue => "queue",
            Self::Apply => "apply",
            Self::Reply => "reply",
            Self::NetworkBack => "network_back",
            Self::ParseReply => "parse_reply",
        }
    }

    /// Whether the part depends on the offset between the two clocks and so has its error.
    #[must_use]
    pub fn spans_clocks(self) -> bool {
        matches!(self, Self::Write | Self::NetworkOut | Self::NetworkBack)
    }
}

/// Durations of the parts of a round trip with timestamps, in nanoseconds; parts that it did not pass are left out. The
/// sum is exactly `parsed_ns - begin_ns`. Parts that span both clocks may be negative by as much as the clock error.
#[must_use]
pub fn stages_of(exchange: &Exchange, clocks: &Clocks) -> Option<Vec<(RoundTripStage, i64)>> {
    let stamps = exchange.stamps?;
    let ours = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let within = |from_ns: u64, to_ns: u64| ours(to_ns) - ours(from_ns);
    let there_ns = clocks.ours_ns(stamps.received_ns);
    // If the write returns after the bridge has read the message, only the time before that counts as network.
    let written_ns = ours(exchange.written_ns).min(there_ns);
    let in_bridge_ns = within(stamps.received_ns, stamps.replied_ns);
    let mut parts = vec![
        (RoundTripStage::Serialise, within(exchange.begin_ns, exchange.write_ns)),
        (RoundTripStage::Write, written_ns - ours(exchange.write_ns)),
        (RoundTripStage::NetworkOut, there_ns - written_ns),
        (RoundTripStage::Parse, within(stamps.received_ns, stamps.parsed_ns)),
    ];
    let mut last_ns = stamps.parsed_ns;
    if let (Some(dequeued_ns), Some(applied_ns)) = (stamps.dequeued_ns, stamps.applied_ns) {
        if let Some(frame_ns) = stamps.frame_ns {
            let begun_ns = frame_ns.clamp(last_ns, dequeued_ns.max(last_ns));
            parts.push((RoundTripStage::FrameWait, within(last_ns, begun_ns)));
            last_ns = begun_ns;
        }
        parts.push((RoundTripStage::Queue, within(last_ns, dequeued_ns)));
        parts.push((RoundTripStage::Apply, within(dequeued_ns, applied_ns)));
        last_ns = applied_ns;
    }
    parts.extend([
        (RoundTripStage::Reply, within(last_ns, stamps.replied_ns)),
        (RoundTripStage::NetworkBack, ours(exchange.arrived_ns) - there_ns - in_bridge_ns),
        (RoundTripStage::ParseReply, within(exchange.arrived_ns, exchange.parsed_ns)),
    ]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::super::clocks::{clocks, tests::exchanges};
    use super::*;

    #[test]
    fn parts_sum_to_the_round_trip() {
        for (offset_ns, ppm) in [(0, 0.0), (7_000_000_000, 120.0)] {
            let mut exchanges = exchanges(offset_ns, ppm, 200);
            for (index, exchange) in exchanges.iter_mut().enumerate() {
                let stamps = exchange.stamps.as_mut().unwrap();
                match index % 3 {
                    // A frame in between, a frame that began before parsing ended, and a *received* reply.
                    0 => stamps.frame_ns = Some(stamps.parsed_ns + 1_500_000),
                    1 => stamps.frame_ns = Some(stamps.received_ns - 10),
                    _ => (stamps.dequeued_ns, stamps.applied_ns) = (None, None),
                }
            }
            let clocks = clocks(&exchanges).unwrap();
            for exchange in &exchanges {
                let parts = stages_of(exchange, &clocks).unwrap();
                let sum: i64 = parts.iter().map(|part| part.1).sum();
                assert_eq!(sum, i64::try_from(exchange.parsed_ns - exchange.begin_ns).unwrap(), "{parts:?}");
                for (part, ns) in parts {
                    assert!(ns >= 0 || part.spans_clocks(), "{part:?}: {ns}");
                }
            }
        }
    }

    #[test]
    fn each_part_has_its_planted_duration() {
        let exchanges = exchanges(1_000_000, 0.0, 100);
        let clocks = clocks(&exchanges).unwrap();
        let parts = stages_of(&exchanges[0], &clocks).unwrap();
        let ns = |wanted: RoundTripStage| parts.iter().find(|part| part.0 == wanted).map(|part| part.1);
        assert_eq!(ns(RoundTripStage::Serialise), Some(1_000));
        assert_eq!((ns(RoundTripStage::Parse), ns(RoundTripStage::FrameWait)), (Some(1_000_000), None));
        assert_eq!(
            (ns(RoundTripStage::Queue), ns(RoundTripStage::Apply), ns(RoundTripStage::Reply)),
            (Some(2_000_000), Some(3_000_000), Some(1_000_000))
        );
        assert_eq!(ns(RoundTripStage::ParseReply), Some(2_000));
    }
}
