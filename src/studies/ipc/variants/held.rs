//! Held replies over all rounds of a way.

use super::samples::StrategySamples;
use crate::measure::{HeldReplies, ModeResult, OpenRoundTrips, held_replies};

/// The messages of one round of an open loop in sending order, in nanoseconds; empty for other loops.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_field_names)] // Named by their unit.
pub(super) struct MessageSeries {
    pub(super) due_ns: Vec<u64>,
    pub(super) lateness_ns: Vec<u64>,
    pub(super) latency_ns: Vec<u64>,
}

impl MessageSeries {
    pub(super) fn of(driven: &ModeResult) -> Self {
        if driven.due_ns.is_empty() {
            return Self::default();
        }
        Self {
            due_ns: driven.due_ns.clone(),
            lateness_ns: driven.lateness_ns.clone(),
            latency_ns: driven.latency_ns.clone(),
        }
    }

    /// Appends `other`, as if it had begun one mean gap after the last reply: the time between rounds has no meaning.
    fn append(&mut self, other: &Self) {
        let (Some(first_ns), Some(last_ns)) = (other.due_ns.first(), other.due_ns.last()) else { return };
        let ended_ns = self.due_ns.iter().zip(&self.latency_ns).map(|(due_ns, latency_ns)| due_ns + latency_ns).max();
        let gap_ns = (last_ns - first_ns) / (other.due_ns.len() as u64 - 1).max(1);
        let begins_ns = ended_ns.map_or(0, |ended_ns| ended_ns + gap_ns);
        self.due_ns.extend(other.due_ns.iter().map(|due_ns| begins_ns + (due_ns - first_ns)));
        self.lateness_ns.extend(&other.lateness_ns);
        self.latency_ns.extend(&other.latency_ns);
    }
}

/// The held replies of a way, if any.
pub(super) fn held(samples: &StrategySamples) -> Option<HeldReplies> {
    let mut all = MessageSeries::default();
    samples.good().for_each(|round| all.append(&round.messages));
    let MessageSeries { due_ns, lateness_ns, latency_ns } = &all;
    held_replies(OpenRoundTrips { due_ns, lateness_ns, latency_ns })
}

#[cfg(test)]
mod tests {
    use super::super::round::StrategySample;
    use super::*;
    use crate::measure::planted::{at_frames, nagled, ready};

    /// Six rounds of 50 messages each; 17 per second make batches.
    fn rounds(nagle: bool) -> StrategySamples {
        let round = |seed: u64| {
            let ready: Vec<(u64, u64)> = ready(50.0, seed, at_frames(16_667_000)).into_iter().take(50).collect();
            let arrived =
                if nagle { nagled(&ready, 40_000_000) } else { ready.iter().map(|(_, at)| at + 60_000).collect() };
            let messages = MessageSeries {
                due_ns: ready.iter().map(|(sent_ns, _)| sent_ns + seed * 3_600_000_000_000).collect(),
                lateness_ns: vec![0; ready.len()],
                latency_ns: arrived.iter().zip(&ready).map(|(arrived_ns, (sent_ns, _))| arrived_ns - sent_ns).collect(),
            };
            Some(StrategySample { messages, ..StrategySample::default() })
        };
        StrategySamples { rounds: (1..=6).map(round).collect(), ..StrategySamples::default() }
    }

    #[test]
    fn held_replies_are_found_across_distant_rounds() {
        let found = held(&rounds(true)).expect("the planted pattern");
        assert_eq!(found.is_held.len(), 300);
        assert!(found.share() > 0.2, "{}", found.share());
        assert_eq!(held(&rounds(false)), None);
    }

    #[test]
    fn short_rounds_are_judged_together() {
        let mut samples = rounds(true);
        for sample in samples.rounds.iter_mut().flatten() {
            for series in
                [&mut sample.messages.due_ns, &mut sample.messages.lateness_ns, &mut sample.messages.latency_ns]
            {
                series.truncate(12);
            }
        }
        let alone = StrategySamples { rounds: samples.rounds[..1].to_vec(), ..StrategySamples::default() };
        assert_eq!(held(&alone), None);
        assert!(held(&samples).is_some());
    }

    #[test]
    fn no_held_replies_without_an_open_loop() {
        let samples = StrategySamples {
            rounds: vec![Some(StrategySample { latency_ns: vec![1; 100], ..StrategySample::default() }), None],
            ..StrategySamples::default()
        };
        assert_eq!(held(&samples), None);
    }
}
