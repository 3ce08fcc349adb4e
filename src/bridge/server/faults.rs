//! Fault injection: what happens to a reply, determined by counting.

use super::spec::BridgeSpec;
use crate::clock::nanos;

/// Sent in place of a garbled reply: a line that is neither JSON nor UTF-8.
pub(super) const GARBLED_LINE: &[u8] = b"\xFF{garbled\n";

/// What happens to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyFault {
    /// Not decided yet: the bridge is stalled, and the reply is handled after that time.
    Wait { until_ns: u64 },
    /// The reply is lost.
    Drop,
    /// Half of it is sent and the connection is closed.
    Cut,
    /// It is sent `times` times, garbled or not.
    Send { garbled: bool, times: u8 },
}

impl ReplyFault {
    /// Without fault injection.
    pub(super) const NO_FAULT: Self = Self::Send { garbled: false, times: 1 };
}

/// Counts replies and decides what happens to each.
#[derive(Debug)]
pub(super) struct FaultInjector {
    drop_every: Option<u64>,
    garble_every: Option<u64>,
    duplicate_every: Option<u64>,
    stall_after: Option<u64>,
    stall_ns: u64,
    close_after: Option<u64>,
    replies: u64,
    stalled_until_ns: u64,
}

impl FaultInjector {
    /// `None` if no reply of this bridge ever gets anything but [`ReplyFault::NO_FAULT`].
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
    pub(super) fn next(&mut self, now_ns: u64) -> ReplyFault {
        if let Some(until_ns) = self.stalled_until_ns(now_ns) {
            return ReplyFault::Wait { until_ns };
        }
        let cut = self.close_after == Some(self.replies);
        self.replies += 1;
        if self.stall_after == Some(self.replies) {
            self.stalled_until_ns = now_ns.saturating_add(self.stall_ns);
        }
        let falls_on = |every: Option<u64>| every.is_some_and(|every| self.replies.is_multiple_of(every));
        if cut {
            ReplyFault::Cut
        } else if falls_on(self.drop_every) {
            ReplyFault::Drop
        } else {
            ReplyFault::Send {
                garbled: falls_on(self.garble_every),
                times: if falls_on(self.duplicate_every) { 2 } else { 1 },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: ReplyFault = ReplyFault::NO_FAULT;
    const GARBLED: ReplyFault = ReplyFault::Send { garbled: true, times: 1 };
    const DOUBLED: ReplyFault = ReplyFault::Send { garbled: false, times: 2 };

    fn faults_of(spec: &str, count: usize) -> Vec<ReplyFault> {
        let mut faults = FaultInjector::of(&spec.parse().unwrap()).unwrap();
        (0..count).map(|_| faults.next(0)).collect()
    }

    #[test]
    fn no_faults_without_injection() {
        assert!(FaultInjector::of(&"received-delay=1ms,pause-main-after=3".parse().unwrap()).is_none());
    }

    #[test]
    fn every_nth_reply_gets_its_fault() {
        assert_eq!(faults_of("drop-every=3", 6), [SENT, SENT, ReplyFault::Drop, SENT, SENT, ReplyFault::Drop]);
        assert_eq!(faults_of("garble-every=2", 4), [SENT, GARBLED, SENT, GARBLED]);
        assert_eq!(faults_of("duplicate-every=2,drop-every=4", 4), [SENT, DOUBLED, SENT, ReplyFault::Drop]);
        assert_eq!(faults_of("duplicate-every=1,garble-every=1", 1), [ReplyFault::Send { garbled: true, times: 2 }]);
        assert_eq!(faults_of("close-after=2", 5), [SENT, SENT, ReplyFault::Cut, SENT, SENT]);
    }

    #[test]
    fn stall_happens_once_and_ends() {
        let mut faults = FaultInjector::of(&"stall-after=2,stall-for=10ns".parse().unwrap()).unwrap();
        assert_eq!([faults.next(100), faults.next(101)], [SENT, SENT]);
        assert_eq!(faults.stalled_until_ns(102), Some(111));
        assert_eq!(faults.next(110), ReplyFault::Wait { until_ns: 111 });
        assert_eq!([faults.next(111), faults.next(111), faults.next(111)], [SENT; 3]);
        assert_eq!(faults.stalled_until_ns(111), None);
    }

    #[test]
    fn endless_stall_never_ends() {
        assert_eq!(faults_of("stall-after=1", 2), [SENT, ReplyFault::Wait { until_ns: u64::MAX }]);
    }
}
