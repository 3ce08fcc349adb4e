//! When frames are due, and which slot comes next.

/// Due times of frames on an absolute grid: lateness does not carry over to later frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    origin_ns: u64,
    period_ns: f64,
    /// Whether frames follow each other without a pause: the next is due when the previous one has ended.
    saturated: bool,
}

/// One frame's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Number on the grid; unused if frames follow each other without a pause.
    index: u64,
    /// When it should start, in nanoseconds.
    pub(super) due_ns: u64,
    /// When its work must have ended, in nanoseconds.
    pub(super) deadline_ns: u64,
}

impl Pace {
    pub(super) fn new(origin_ns: u64, period_ns: f64, saturated: bool) -> Self {
        Self { origin_ns, period_ns, saturated }
    }

    pub(super) fn first(self) -> Slot {
        self.slot(0)
    }

    /// The slot after one whose work ended at `ended_ns`: the next on the grid or, after a late frame, the first in the
    /// future, as with vertical synchronisation. Slots in between show no new frame.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn next(self, slot: Slot, ended_ns: u64) -> Slot {
        if self.saturated {
            return Slot { index: slot.index, due_ns: ended_ns, deadline_ns: ended_ns + self.period_ns as u64 };
        }
        let passed = (ended_ns.saturating_sub(self.origin_ns) as f64 / self.period_ns) as u64;
        let mut index = passed.max(slot.index + 1);
        while self.at(index) < ended_ns {
            index += 1;
        }
        self.slot(index)
    }

    fn slot(self, index: u64) -> Slot {
        Slot { index, due_ns: self.at(index), deadline_ns: self.at(index + 1) }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn at(self, index: u64) -> u64 {
        self.origin_ns + (index as f64 * self.period_ns) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn punctual_frames_follow_the_grid() {
        let pace = Pace::new(5 * MS, 10e6, false);
        let first = pace.first();
        assert_eq!((first.due_ns, first.deadline_ns), (5 * MS, 15 * MS));
        assert_eq!(pace.next(first, 6 * MS).due_ns, 15 * MS);
        assert_eq!(pace.next(first, 15 * MS).due_ns, 15 * MS, "just in time");
    }

    #[test]
    fn late_frame_skips_to_the_next_future_slot() {
        let pace = Pace::new(0, 10e6, false);
        let first = pace.first();
        assert_eq!(pace.next(first, 10 * MS + 1).due_ns, 20 * MS);
        assert_eq!(pace.next(first, 47 * MS).due_ns, 50 * MS);
        assert_eq!(pace.next(first, 50 * MS).due_ns, 50 * MS);
    }

    #[test]
    fn fractional_period_does_not_drift() {
        let pace = Pace::new(0, 1e9 / 60.0, false);
        let mut slot = pace.first();
        for _ in 0..60 * 3600 {
            slot = pace.next(slot, slot.due_ns + 1);
        }
        assert!(slot.due_ns.abs_diff(3600 * 1000 * MS) <= 1, "{}", slot.due_ns);
    }

    #[test]
    fn saturated_load_never_pauses() {
        let pace = Pace::new(0, 10e6, true);
        let next = pace.next(pace.first(), 12 * MS);
        assert_eq!((next.due_ns, next.deadline_ns), (12 * MS, 22 * MS));
        assert_eq!(pace.next(next, 20 * MS).due_ns, 20 * MS);
    }
}
