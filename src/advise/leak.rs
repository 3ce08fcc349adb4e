//! Whether memory leaks: continuing growth, as opposed to growth that is freed, saturates or happens once.
//!
//! Memory always fluctuates. Allocators keep pages and free them in bulk, caches fill, contexts are recreated.
//! Therefore the
//! *floors* are judged: the least memory in each of a few blocks of messages, which fluctuation within a block does not
//! affect. A leak is a floor that rises in every part of the run.

use serde::Serialize;

use crate::stats::{Slope, theil_sen};

/// The share of the run that is discarded first: start-up, first uses, filling caches.
const FIRST_CUT: f64 = 0.2;
/// Where to look again for a steady state if growth has ended since, for example after a cache has filled.
const LATER_CUTS: [f64; 2] = [0.4, 0.6];
/// The numbers of blocks that the rest is divided into. The one with the narrowest interval is used: fluctuation over
/// several messages needs long blocks.
const BLOCKS: [usize; 4] = [16, 12, 8, 6];
/// How many of these divisions must agree on a leak, starting with the most blocks. With six blocks a single outlier
/// would have a veto.
const AGREEING: usize = 3;
/// Fewest messages per block: with fewer, the minimum is not a floor.
const FEWEST_IN_BLOCK: usize = 3;
/// Fewest messages for a verdict.
const FEWEST: usize = BLOCKS[BLOCKS.len() - 1] * FEWEST_IN_BLOCK;
/// The confidence level of a verdict. A false alarm costs more trust than a longer run costs time.
const CONFIDENCE: f64 = 0.995;
/// The share of the total slope that each third of the run must show.
const SUSTAINED: f64 = 0.3;

/// The verdict on the memory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakVerdict {
    /// It grows by more than the threshold, throughout the run.
    Leak,
    /// It does not grow by more than the threshold.
    NoLeak,
    /// The run is inconclusive.
    Inconclusive,
}

/// Why a run is inconclusive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InconclusiveReason {
    /// There are too few messages.
    TooShort,
    /// Fluctuation exceeds what the threshold amounts to within the run.
    TooNoisy,
    /// It grew, but not throughout the run: too little followed to show whether the growth ended.
    Unsteady,
    /// The message count did not advance: what the process did meanwhile is not in the points.
    CountStoodStill {
        /// How long it did not advance at the end, in seconds.
        still_s: f64,
        /// Duration of the run, in seconds.
        watched_s: f64,
    },
}

/// A verdict with its figures. Slopes are bytes per unit of x: a message, a token or a minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeakJudgement {
    /// The verdict.
    pub verdict: LeakVerdict,
    /// Why it is inconclusive; only with [`LeakVerdict::Inconclusive`].
    pub doubt: Option<InconclusiveReason>,
    /// Growth of the floors, in bytes, with its 95 % interval.
    pub slope: Option<RecordedSlope>,
    /// The smallest growth that this run excludes, in bytes: the upper end of the 99.5 % interval, but at least the
    /// grain over the length of the run.
    pub excluded: Option<f64>,
    /// The x from which memory was judged.
    pub since: f64,
    /// Number of points judged.
    pub n: usize,
    /// Blocks that they were divided into.
    pub blocks: usize,
    /// Approximately how much longer the run should be, in units of x; only with [`LeakVerdict::Inconclusive`].
    pub more: Option<f64>,
}

/// A slope as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RecordedSlope {
    /// Bytes per unit of x.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The criteria for a leak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeakRule {
    /// Growth that counts as a leak, in bytes per unit of x.
    pub threshold: f64,
    /// Fewest points discarded at the start: until a rolling conversation is full.
    pub warm_up: usize,
    /// The granularity of memory, in bytes: a page.
    pub grain: f64,
}

impl LeakRule {
    /// Judges points `(x, bytes)` in ascending order of x, each x once.
    #[must_use]
    pub fn judge(&self, points: &[(f64, f64)]) -> LeakJudgement {
        let n = points.len();
        let cut = |share: f64| self.cut(n, share);
        let first = self.part(&points[cut(FIRST_CUT)..]);
        if first.verdict != LeakVerdict::Inconclusive || first.doubt == Some(InconclusiveReason::TooShort) {
            return first;
        }
        // A later steady state clears it. A leak that only started there needs a longer run.
        let later = LATER_CUTS.into_iter().map(|share| self.part(&points[cut(share)..]));
        later.into_iter().find(|part| part.verdict == LeakVerdict::NoLeak).unwrap_or(first)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of a count.
    fn cut(&self, n: usize, share: f64) -> usize {
        ((n as f64 * share).ceil() as usize).max(self.warm_up).min(n)
    }

    /// Judges a part of the run as a whole.
    fn part(&self, points: &[(f64, f64)]) -> LeakJudgement {
        let since = points.first().map_or(0.0, |point| point.0);
        let span = points.last().map_or(0.0, |point| point.0) - since;
        let none = LeakJudgement {
            verdict: LeakVerdict::Inconclusive,
            doubt: Some(InconclusiveReason::TooShort),
            slope: None,
            excluded: None,
            since,
            n: points.len(),
            blocks: 0,
            more: Some(self.missing(points)),
        };
        if points.len() < FEWEST {
            return none;
        }
        let divided = divided(points);
        let Some(SegmentFloors { floors, slope: sure, low, high }) = narrowest(&divided) else { return none };
        let (floors, low, high) = (floors.as_slice(), *low, *high);
        let excluded = high.max(self.grain / span.max(f64::MIN_POSITIVE));
        let usual = theil_sen(floors, 0.95).and_then(|slope| Some((slope.value, slope.interval?)));
        let slope = usual.map(|(value, (low, high))| RecordedSlope { value, low, high });
        let is_sustained = is_sustained(floors, sure.value);
        // Independent of the block length: correlated neighbours would look like a slope in short blocks.
        let rises = divided.iter().take(AGREEING).all(|divided| divided.low > self.threshold);
        let (verdict, doubt) = if rises && is_sustained {
            (LeakVerdict::Leak, None)
        } else if excluded <= self.threshold {
            (LeakVerdict::NoLeak, None)
        } else if low > 0.0 && !is_sustained {
            (LeakVerdict::Inconclusive, Some(InconclusiveReason::Unsteady))
        } else {
            (LeakVerdict::Inconclusive, Some(InconclusiveReason::TooNoisy))
        };
        let more = doubt.map(|_| self.more(span, low, high));
        LeakJudgement { verdict, doubt, slope, excluded: Some(excluded), blocks: floors.len(), more, ..none }
    }

    /// Approximately how much longer the run should be. The interval of a slope narrows with the length of the run to
    /// the power of 3/2; it should become half as wide as the threshold. At least as long again, because whatever has
    /// to end may take as long as the run so far.
    fn more(&self, span: f64, low: f64, high: f64) -> f64 {
        let wanted = ((high - low) / self.threshold.max(f64::MIN_POSITIVE)).powf(2.0 / 3.0);
        let grain = self.grain / (self.threshold.max(f64::MIN_POSITIVE) * span.max(f64::MIN_POSITIVE));
        span * (wanted.max(grain).max(2.0) - 1.0)
    }

    /// How much is missing, in units of x, until there are enough points for a verdict.
    fn missing(&self, points: &[(f64, f64)]) -> f64 {
        let needed = (FEWEST as f64 / (1.0 - FIRST_CUT)).max((FEWEST + self.warm_up) as f64);
        let step = match points {
            [first, .., last] => (last.0 - first.0) / (points.len() - 1) as f64,
            _ => 1.0,
        };
        step * (needed - points.len() as f64).max(1.0)
    }
}

/// The floors of one division of the run, and their slope.
struct SegmentFloors {
    floors: Vec<(f64, f64)>,
    slope: Slope,
    low: f64,
    high: f64,
}

/// All divisions that the run is long enough for.
fn divided(points: &[(f64, f64)]) -> Vec<SegmentFloors> {
    let usable = BLOCKS.into_iter().filter(|blocks| points.len() / blocks >= FEWEST_IN_BLOCK);
    let floors = usable.filter_map(|blocks| {
        let floors = floors(points, blocks);
        let slope = theil_sen(&floors, CONFIDENCE)?;
        let (low, high) = slope.interval?;
        Some(SegmentFloors { floors, slope, low, high })
    });
    floors.collect()
}

/// The floors with the narrowest slope interval; among equals the first, which has the most blocks.
fn narrowest(divided: &[SegmentFloors]) -> Option<&SegmentFloors> {
    divided.iter().reduce(|best, next| if next.high - next.low < best.high - best.low { next } else { best })
}

/// The point of least memory in each block, the first among equals.
fn floors(points: &[(f64, f64)], blocks: usize) -> Vec<(f64, f64)> {
    let bounds: Vec<usize> = (0..=blocks).map(|block| block * points.len() / blocks).collect();
    bounds
        .windows(2)
        .filter_map(|bound| {
            points[bound[0]..bound[1]].iter().copied().reduce(|least, next| if next.1 < least.1 { next } else { least })
        })
        .collect()
}

/// Whether each third of the floors rises by a fair share of the total slope, including the last ones. One-time or
/// finished growth does not.
fn is_sustained(floors: &[(f64, f64)], slope: f64) -> bool {
    let last = floors.len() - 1;
    let bound = |third: usize| third * last / 3;
    let parts = [(bound(0), bound(1)), (bound(1), bound(2)), (bound(2), last), (last - 2, last)];
    parts.into_iter().all(|(from, to)| {
        let (from, to) = (floors[from], floors[to]);
        (to.1 - from.1) / (to.0 - from.0) > SUSTAINED * slope.max(0.0)
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;
    const BASE: f64 = 100.0 * MIB;
    const RULE: LeakRule = LeakRule { threshold: 512.0, warm_up: 12, grain: 4096.0 };

    /// Memory after each of `n` messages, counted in whole pages.
    fn points(n: usize, mut bytes: impl FnMut(usize) -> f64) -> Vec<(f64, f64)> {
        (0..n).map(|at| (at as f64, ((BASE + bytes(at)) / 4096.0).ceil() * 4096.0)).collect()
    }

    fn verdict(n: usize, bytes: impl FnMut(usize) -> f64) -> LeakVerdict {
        RULE.judge(&points(n, bytes)).verdict
    }

    #[test]
    fn planted_leak_is_found_with_its_size() {
        for per_message in [1024.0, 10.0 * 1024.0, MIB] {
            let found = RULE.judge(&points(100, |at| per_message * at as f64));
            assert_eq!(found.verdict, LeakVerdict::Leak, "{per_message}: {found:?}");
            let growth = found.slope.unwrap();
            assert!((growth.value / per_message - 1.0).abs() < 0.1, "{per_message}: {found:?}");
        }
    }

    #[test]
    fn leak_is_found_through_smaller_noise() {
        let mut rng = StdRng::seed_from_u64(1);
        let found = RULE.judge(&points(400, |at| 10_240.0 * at as f64 + 200_000.0 * rng.random::<f64>()));
        assert_eq!(found.verdict, LeakVerdict::Leak, "{found:?}");
        assert!((found.slope.unwrap().value / 10_240.0 - 1.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn freed_growth_is_not_a_leak() {
        for period in [3, 7, 10, 13] {
            let found = RULE.judge(&points(100, |at| (at % period) as f64 * 0.3 * MIB));
            assert_eq!(found.verdict, LeakVerdict::NoLeak, "period {period}: {found:?}");
        }
        // A swing that the run covers only a few times cannot be distinguished from growth, and must not be called a
        // leak.
        for period in [20, 33, 50, 70] {
            assert_ne!(verdict(100, |at| (at % period) as f64 * 0.3 * MIB), LeakVerdict::Leak, "period {period}");
            assert_eq!(verdict(10 * period, |at| (at % period) as f64 * 0.3 * MIB), LeakVerdict::NoLeak, "{period}");
        }
    }

    #[test]
    fn filled_cache_is_not_a_leak() {
        for full in [5, 15, 30, 45, 55] {
            let found = RULE.judge(&points(100, |at| at.min(full) as f64 * MIB));
            assert_eq!(found.verdict, LeakVerdict::NoLeak, "full at {full}: {found:?}");
        }
        for full in [65, 75, 85] {
            let found = RULE.judge(&points(100, |at| at.min(full) as f64 * MIB));
            assert_eq!(
                (found.verdict, found.doubt),
                (LeakVerdict::Inconclusive, Some(InconclusiveReason::Unsteady)),
                "{full}"
            );
            assert_eq!(verdict(200, |at| at.min(full) as f64 * MIB), LeakVerdict::NoLeak, "full at {full}, longer");
        }
    }

    #[test]
    fn single_jump_is_not_a_leak() {
        for at_message in (0..100).step_by(3) {
            let jumped = |at: usize| if at >= at_message { 50.0 * MIB } else { 0.0 };
            assert_ne!(verdict(100, jumped), LeakVerdict::Leak, "at {at_message}");
            if at_message < 60 {
                assert_eq!(verdict(100, jumped), LeakVerdict::NoLeak, "at {at_message}");
            }
        }
    }

    #[test]
    fn runs_without_a_leak_raise_no_false_alarm() {
        let mut rng = StdRng::seed_from_u64(2026);
        let runs = 400;
        let alarms = |kind: &str, rng: &mut StdRng| {
            (0..runs)
                .filter(|_| {
                    let (mut level, mut noise) = (0.0_f64, 0.0_f64);
                    let found = verdict(100, |_| match kind {
                        "still" => 0.0,
                        // Temporary memory after a message.
                        "scatter" => 2.0 * MIB * rng.random::<f64>(),
                        // Contexts that are recreated: ±33 MiB, each for some messages.
                        "contexts" => {
                            if rng.random::<f64>() < 0.2 {
                                level = 66.0 * MIB * rng.random::<f64>();
                            }
                            level
                        }
                        // Correlated neighbours.
                        _ => {
                            noise = 0.9 * noise + MIB * (rng.random::<f64>() - 0.5);
                            noise + 20.0 * MIB
                        }
                    });
                    found == LeakVerdict::Leak
                })
                .count()
        };
        for kind in ["still", "scatter", "contexts", "neighbours"] {
            let alarms = alarms(kind, &mut rng);
            // For twenty runs without a false alarm in nine of ten attempts, the rate must be below 0.5 %.
            assert!(alarms <= runs / 200, "{kind}: {alarms} of {runs}");
        }
    }

    #[test]
    fn short_run_states_how_much_longer() {
        let found = RULE.judge(&points(10, |_| 0.0));
        assert_eq!((found.verdict, found.doubt), (LeakVerdict::Inconclusive, Some(InconclusiveReason::TooShort)));
        let more = found.more.unwrap().ceil();
        assert!((10.0..=40.0).contains(&more), "{more}");
        assert_eq!(RULE.judge(&[]).doubt, Some(InconclusiveReason::TooShort));
    }

    #[test]
    fn excluded_growth_is_at_least_a_page_per_run() {
        let found = RULE.judge(&points(100, |_| 0.0));
        assert_eq!(found.verdict, LeakVerdict::NoLeak);
        // 80 messages, 79 steps: 4,096 bytes over 79 messages.
        assert!((found.excluded.unwrap() - 4096.0 / 79.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn noisy_run_states_the_messages_needed() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut noisy = |n: usize| RULE.judge(&points(n, |_| 2.0 * MIB * rng.random::<f64>()));
        let short = noisy(100);
        assert_eq!(
            (short.verdict, short.doubt),
            (LeakVerdict::Inconclusive, Some(InconclusiveReason::TooNoisy)),
            "{short:?}"
        );
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let longer = 100 + short.more.unwrap().ceil() as usize;
        assert_ne!(noisy(longer).verdict, LeakVerdict::Leak);
        assert_eq!(noisy(3 * longer).verdict, LeakVerdict::NoLeak);
    }
}
