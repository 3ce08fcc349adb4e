//! The share of late frames and its interval, from counted frames.

/// The normal quantile of one-sided 99 %.
const SURE: f64 = 2.326_347_9;

/// That of one-sided 80 %.
const LIKELY: f64 = 0.841_621_2;

/// Number of frames and of late frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Number of frames.
    pub total: u64,
    /// Frames whose work ended after their deadline.
    pub late: u64,
    /// Runs of consecutive late frames. One stall makes several frames late, which then are not evidence of several.
    pub bursts: u64,
}

impl FrameCounts {
    /// Late frames with others between them.
    #[must_use]
    pub fn apart(total: u64, late: u64) -> Self {
        Self { total, late, bursts: late }
    }

    /// Share of late frames, from 0 to 1; 0 if there were no frames.
    #[must_use]
    pub fn late_share(self) -> f64 {
        self.late as f64 / self.total.max(1) as f64
    }

    /// Share of late frames in percent; `None` if there were no frames.
    #[must_use]
    pub fn late_percent(self) -> Option<f64> {
        (self.total > 0).then(|| 100.0 * self.late_share())
    }

    /// Whether the share is within a limit, as far as the frames can tell: its lower bound of one-sided 80 % is. Of thirty frames, one late
    /// frame may be chance.
    #[must_use]
    pub fn keeps(self, limit: f64) -> bool {
        self.interval_at(LIKELY).0 <= limit
    }

    /// The frames of settings, each with those of the others of its kind, unless their shares surely differ: their 99 % intervals are apart.
    #[must_use]
    pub fn shared<K: PartialEq>(settings: &[(K, Self)]) -> Vec<Self> {
        let intervals: Vec<(f64, f64)> = settings.iter().map(|(_, frames)| frames.interval()).collect();
        let may_be_equal = |one: usize, other: usize| {
            let ((low, high), (others_low, others_high)) = (intervals[one], intervals[other]);
            others_low <= high && low <= others_high
        };
        let with_others = |at: usize| {
            let of_kind = settings.iter().enumerate().filter(|(_, (kind, _))| *kind == settings[at].0);
            of_kind.filter(|(other, _)| may_be_equal(at, *other)).map(|(_, (_, frames))| *frames).sum()
        };
        (0..settings.len()).map(with_others).collect()
    }

    /// [Wilson's interval](Self::interval_at) of the share, 99 % on either side.
    pub(super) fn interval(self) -> (f64, f64) {
        self.interval_at(SURE)
    }

    /// Wilson's interval of the share at a normal quantile; the complete range if nothing was counted. A burst counts as one
    /// late frame, and the frames in proportion: their number divided by the mean length of a burst.
    ///
    /// Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22 (1927).
    fn interval_at(self, z: f64) -> (f64, f64) {
        if self.total == 0 {
            return (0.0, 1.0);
        }
        let independent = if self.late == 0 { 1.0 } else { self.bursts as f64 / self.late as f64 };
        let (n, share, square) = (self.total as f64 * independent, self.late_share(), z * z);
        let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
        let half = z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
        ((centre - half).max(0.0), (centre + half).min(1.0))
    }
}

impl std::ops::AddAssign for FrameCounts {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.late += other.late;
        self.bursts += other.bursts;
    }
}

impl std::ops::Add for FrameCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::iter::Sum for FrameCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| sum + counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_s_interval_by_hand() {
        // 3 of 100 at z 2.3263: centre 0.0541, half 0.0456.
        let (low, high) = FrameCounts::apart(100, 3).interval();
        assert!((low - 0.0086).abs() < 1e-4 && (high - 0.0997).abs() < 1e-4, "{low} {high}");
        assert_eq!(FrameCounts::default().interval(), (0.0, 1.0));
    }

    #[test]
    fn one_late_frame_of_few_does_not_break_the_limit() {
        // By hand at z 0.8416, the lower bounds: 1.5 % of 1 in 30, 6.3 % of 3 in 30, 2.3 % of 9 in 300.
        let keeps =
            [(30, 1), (30, 3), (300, 9), (300, 6)].map(|(total, late)| FrameCounts::apart(total, late).keeps(0.02));
        assert_eq!(keeps, [true, false, false, true]);
    }

    #[test]
    fn settings_of_a_kind_share_their_frames_unless_they_surely_differ() {
        let [few, same, many] = [(60, 3), (200, 1), (200, 120)].map(|(total, late)| FrameCounts::apart(total, late));
        let shared = FrameCounts::shared(&[("low", few), ("normal", same), ("low", same), ("low", many)]);
        // 3 of 60 alone break a limit of 1.5 %; with the 1 of 200 they may keep it. 120 of 200 are something else.
        assert_eq!(shared, [FrameCounts::apart(260, 4), same, FrameCounts::apart(260, 4), many]);
        assert_eq!((few.keeps(0.015), shared[0].keeps(0.015)), (false, true));
    }

    #[test]
    fn frames_of_one_burst_are_one_piece_of_evidence() {
        // 3 of 33 frames: apart they surely exceed 1.5 %; in one burst they are 1 of 11 (centre 0.2258, half 0.2131).
        assert!(FrameCounts::apart(33, 3).interval().0 > 0.025);
        let (low, high) = FrameCounts { total: 33, late: 3, bursts: 1 }.interval();
        assert!((low - 0.0127).abs() < 1e-3 && (high - 0.4389).abs() < 1e-3, "{low} {high}");
    }
}
