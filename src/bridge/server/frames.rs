//! Frame start times on a fixed grid, so that lateness does not accumulate.

use super::delay::Delay;
use super::spec::BridgeSpec;

/// The frame grid.
#[derive(Debug)]
pub(super) struct FrameGrid {
    period_ns: Option<f64>,
    origin_ns: u64,
    number: u64,
    jitter: Delay,
}

impl FrameGrid {
    /// A grid whose first frame starts one period after `origin_ns`.
    pub(super) fn new(spec: &BridgeSpec, origin_ns: u64) -> Self {
        Self { period_ns: spec.fps.period_ns(), origin_ns, number: 0, jitter: Delay::frame(spec) }
    }

    /// Start of the next frame; `None` if there are no frames. Missed frames are skipped, as on a display.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn next_start_ns(&mut self, now_ns: u64) -> Option<u64> {
        let period_ns = self.period_ns?;
        let elapsed_ns = now_ns.saturating_sub(self.origin_ns);
        self.number = (self.number + 1).max((elapsed_ns as f64 / period_ns).ceil() as u64);
        let on_grid_ns = self.origin_ns + (self.number as f64 * period_ns).round() as u64;
        Some(on_grid_ns + self.jitter.next_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(spec: &str, origin_ns: u64) -> FrameGrid {
        FrameGrid::new(&spec.parse().unwrap(), origin_ns)
    }

    #[test]
    fn late_frames_stay_on_the_grid() {
        let mut frames = frames("fps=60", 500);
        let mut now_ns = 500;
        for number in 1..=60_000_u64 {
            let start_ns = frames.next_start_ns(now_ns).unwrap();
            let expected_ns = 500 + (number * 1_000_000_000 + 30) / 60;
            assert_eq!(start_ns, expected_ns);
            now_ns = start_ns + number % 1_000_000;
        }
    }

    #[test]
    fn missed_frames_are_skipped() {
        let mut frames = frames("fps=100", 0);
        assert_eq!(frames.next_start_ns(0), Some(10_000_000));
        assert_eq!(frames.next_start_ns(34_000_000), Some(40_000_000));
        assert_eq!(frames.next_start_ns(40_000_000), Some(50_000_000));
    }

    #[test]
    fn frame_jitter_does_not_accumulate() {
        let mut frames = frames("fps=100,frame-jitter=3ms", 0);
        let mut now_ns = 0;
        for number in 1..=1_000_u64 {
            now_ns = frames.next_start_ns(now_ns).unwrap();
            let late_ns = now_ns - number * 10_000_000;
            assert!(late_ns <= 3_000_000, "{late_ns}");
        }
    }

    #[test]
    fn no_frames_without_a_rate() {
        assert_eq!(frames("fps=unpaced", 0).next_start_ns(7), None);
    }
}
