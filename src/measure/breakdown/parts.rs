//! The parts of one round trip. Pure: moments in, durations out, and the durations sum to the whole.

use super::clocks::Clocks;
use super::exchange::Exchange;

/// A part of a round trip, in the order in which a message passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// This program makes the message.
    Serialise,
    /// It hands it to the operating system.
    Write,
    /// It is on its way to the bridge, until the bridge has read it.
    NetworkOut,
    /// The bridge understands it.
    Parse,
    /// It waits for the frame that takes it.
    FrameWait,
    /// It waits in the queue beyond the begin of that frame; all of its wait where there are no frames.
    Queue,
    /// The bridge carries it out, and what it took from the queue before it.
    Apply,
    /// The bridge makes the reply.
    Reply,
    /// The reply is on its way, until this program has read it.
    NetworkBack,
    /// This program understands it.
    ParseReply,
}

impl Part {
    /// Every part, in order.
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

    /// Its name, as in paths.
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

    /// Whether it rests on the offset between the two clocks, and shares its error.
    #[must_use]
    pub fn spans_clocks(self) -> bool {
        matches!(self, Self::Write | Self::NetworkOut | Self::NetworkBack)
    }
}

/// The parts of a stamped round trip, in nanoseconds, those that it did not pass left out. Their sum is exactly
/// `parsed_ns - begin_ns`. Those that span both clocks may be off by their error, and so below 0.
#[must_use]
pub fn parts(exchange: &Exchange, clocks: &Clocks) -> Option<Vec<(Part, i64)>> {
    let stamps = exchange.stamps?;
    let ours = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let within = |from_ns: u64, to_ns: u64| ours(to_ns) - ours(from_ns);
    let there_ns = clocks.ours_ns(stamps.received_ns);
    // Of a write that returns after the bridge has read, only the part before that belongs to the message's way.
    let written_ns = ours(exchange.written_ns).min(there_ns);
    let in_bridge_ns = within(stamps.received_ns, stamps.replied_ns);
    let mut parts = vec![
        (Part::Serialise, within(exchange.begin_ns, exchange.write_ns)),
        (Part::Write, written_ns - ours(exchange.write_ns)),
        (Part::NetworkOut, there_ns - written_ns),
        (Part::Parse, within(stamps.received_ns, stamps.parsed_ns)),
    ];
    let mut last_ns = stamps.parsed_ns;
    if let (Some(dequeued_ns), Some(applied_ns)) = (stamps.dequeued_ns, stamps.applied_ns) {
        if let Some(frame_ns) = stamps.frame_ns {
            let begun_ns = frame_ns.clamp(last_ns, dequeued_ns.max(last_ns));
            parts.push((Part::FrameWait, within(last_ns, begun_ns)));
            last_ns = begun_ns;
        }
        parts.push((Part::Queue, within(last_ns, dequeued_ns)));
        parts.push((Part::Apply, within(dequeued_ns, applied_ns)));
        last_ns = applied_ns;
    }
    parts.extend([
        (Part::Reply, within(last_ns, stamps.replied_ns)),
        (Part::NetworkBack, ours(exchange.arrived_ns) - there_ns - in_bridge_ns),
        (Part::ParseReply, within(exchange.arrived_ns, exchange.parsed_ns)),
    ]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::super::clocks::{clocks, tests::exchanges};
    use super::*;

    #[test]
    fn the_parts_of_every_message_sum_to_its_round_trip() {
        for (offset_ns, ppm) in [(0, 0.0), (7_000_000_000, 120.0)] {
            let mut exchanges = exchanges(offset_ns, ppm, 200);
            for (index, exchange) in exchanges.iter_mut().enumerate() {
                let stamps = exchange.stamps.as_mut().unwrap();
                match index % 3 {
                    // A frame between, a frame that had begun before the message was understood, and a received reply.
                    0 => stamps.frame_ns = Some(stamps.parsed_ns + 1_500_000),
                    1 => stamps.frame_ns = Some(stamps.received_ns - 10),
                    _ => (stamps.dequeued_ns, stamps.applied_ns) = (None, None),
                }
            }
            let clocks = clocks(&exchanges).unwrap();
            for exchange in &exchanges {
                let parts = parts(exchange, &clocks).unwrap();
                let sum: i64 = parts.iter().map(|part| part.1).sum();
                assert_eq!(sum, i64::try_from(exchange.parsed_ns - exchange.begin_ns).unwrap(), "{parts:?}");
                for (part, ns) in parts {
                    assert!(ns >= 0 || part.spans_clocks(), "{part:?}: {ns}");
                }
            }
        }
    }

    #[test]
    fn each_part_is_what_it_was_made_of() {
        let exchanges = exchanges(1_000_000, 0.0, 100);
        let clocks = clocks(&exchanges).unwrap();
        let parts = parts(&exchanges[0], &clocks).unwrap();
        let ns = |wanted: Part| parts.iter().find(|part| part.0 == wanted).map(|part| part.1);
        assert_eq!(ns(Part::Serialise), Some(1_000));
        assert_eq!((ns(Part::Parse), ns(Part::FrameWait)), (Some(1_000_000), None));
        assert_eq!(
            (ns(Part::Queue), ns(Part::Apply), ns(Part::Reply)),
            (Some(2_000_000), Some(3_000_000), Some(1_000_000))
        );
        assert_eq!(ns(Part::ParseReply), Some(2_000));
    }
}
