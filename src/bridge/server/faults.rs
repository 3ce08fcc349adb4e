//! Fault injection: what happens to a reply, determined by counting.

use super::spec::BridgeSpec;
use crate::clock::nanos;

/// Sent in place of a garbled reply: a line that is neither JSON nor UTF-8.
pub(super) const GARBLED_LINE: &[u8] = b"\xFF{garbled\n";

/// What happens to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not decided yet: the bridge is stalled, and the reply is handled after that time.
    Wait { until_ns: u64 },
    /// The reply is lost.
    Drop,
    /// Half of it is sent and the connection is closed.
    Cut,
    /// It is sent `times` times, garbled or not.
    Send { garbled: bool, times: u8 },
}

impl Fate {
    /// Without fault injection.
    pub(super) const HONEST: Self = Self::Send { garbled: false, times: 1 };
}

/// Counts replies and decides what happens to each.
#[derive(Debug)]
pub(super) struct Faults {
    drop_every: Option<u64>,
    garble_every: Option<u64>,
    duplicate_every: Option<u64>,
    stall_after: Option<u64>,
    stall_ns: u64,
    close_after: Option<u64>,
    replies: u64,
    stalled_until_ns: u64,
}

impl Faults {
    /// `None` if no reply of this bridge ever gets anything but [`Fate::HONEST`].
    pub(super) fn of(spec: &BridgeSpec) -> Option<Self> {
        let counts = [spec.drop_every, spec.garble_every, spec.duplicate_every, spec.stall_after, spec.close_after];
        counts.iter().any(Option::is_some).then(|| Self {
            drop_every: spec.drop_every,
            garble_every: spec.garble_every,
            duplicate_every: spec.duplicate_every,
            stall_after: spec.stall_after,
            stall_ns: spec.stall_for.map_or(u64::MAX, nanos),
            close_after: spec.close_after,
            replies: 0,
            stalled_until_ns: 0,
        })
    }

    /// End of the stall, if the bridge is stalled now.
    pub(super) fn stalled_until_ns(&self, now_ns: u64) -> Option<u64> {
        (now_ns < self.stalled_until_ns).then_some(self.stalled_until_ns)
    }

    /// What happens to the next reply; it counts unless it has to wait.
    pub(super) fn next(&mut self, now_ns: u64) -> Fate {
        if let Some(until_ns) = self.stalled_until_ns(now_ns) {
            return Fate::Wait { until_ns };
        }
        let cut = self.close_after == Some(self.replies);
        self.replies += 1;
        if self.stall_after == Some(self.replies) {
            self.stalled_until_ns = now_ns.saturating_add(self.stall_ns);
        }
        let falls_on = |every: Option<u64>| every.is_some_and(|every| self.replies.is_multiple_of(every));
        if cut {
            Fate::Cut
        } else if falls_on(self.drop_every) {
            Fate::Drop
        } else {
            Fate::Send {
                garbled: falls_on(self.garble_every),
                times: if falls_on(self.duplicate_every) { 2 } else { 1 },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Fate = Fate::HONEST;
    const GARBLED: Fate = Fate::Send { garbled: true, times: 1 };
    const DOUBLED: Fate = Fate::Send { garbled: false, times: 2 };

    fn fates(spec: &str, count: usize) -> Vec<Fate> {
        let mut faults = Faults::of(&spec.parse().unwrap()).unwrap();
        (0..count).map(|_| faults.next(0)).collect()
    }

    #[test]
    fn no_faults_without_injection() {
        assert!(Faults::of(&"received-delay=1ms,pause-main-after=3".parse().unwrap()).is_none());
    }

    #[test]
    fn every_nth_reply_gets_its_fault() {
        assert_eq!(fates("drop-every=3", 6), [SENT, SENT, Fate::Drop, SENT, SENT, Fate::Drop]);
        assert_eq!(fates("garble-every=2", 4), [SENT, GARBLED, SENT, GARBLED]);
        assert_eq!(fates("duplicate-every=2,drop-every=4", 4), [SENT, DOUBLED, SENT, Fate::Drop]);
        assert_eq!(fates("duplicate-every=1,garble-every=1", 1), [Fate::Send { garbled: true, times: 2 }]);
        assert_eq!(fates("close-after=2", 5), [SENT, SENT, Fate::Cut, SENT, SENT]);
    }

    #[test]
    fn stall_happens_once_and_ends() {
        let mut faults = Faults::of(&"stall-after=2,stall-for=10ns".parse().unwrap()).unwrap();
        assert_eq!([faults.next(100), faults.next(101)], [SENT, SENT]);
        assert_eq!(faults.stalled_until_ns(102), Some(111));
        assert_eq!(faults.next(110), Fate::Wait { until_ns: 111 });
        assert_eq!([faults.next(111), faults.next(111), faults.next(111)], [SENT; 3]);
        assert_eq!(faults.stalled_until_ns(111), None);
    }

    #[test]
    fn endless_stall_never_ends() {
        assert_eq!(fates("stall-after=1", 2), [SENT, Fate::Wait { until_ns: u64::MAX }]);
    }
}
