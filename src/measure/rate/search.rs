//! Chooses the next rate: a geometric ramp until a step fails, bisection, confirmation. Pure; measures nothing.

use serde::Serialize;

/// Factor from step to step of the ramp.
const RISE: f64 = 2.0;

/// Divisor per step while no rate has been sustained yet.
const FALL: f64 = 4.0;

/// The bisection ends when the lowest failed rate is within this factor of the highest sustained one.
const CLOSE: f64 = 1.03;

/// Steps in a row that must succeed to confirm a rate.
const CONFIRMATIONS: u32 = 2;

/// Lowest rate tried, in messages per second.
const LOWEST_PER_S: f64 = 1.0;

/// Purpose of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchPhase {
    /// Find a rate that fails, from below.
    Ramp,
    /// Narrow the gap between sustained and failed rates.
    Bisect,
    /// Sustain the rate again, for longer.
    Confirm,
}

impl SearchPhase {
    /// Name in paths.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ramp => "ramp",
            Self::Bisect => "bisect",
            Self::Confirm => "confirm",
        }
    }
}

/// The search for the highest sustained rate.
#[derive(Debug, Clone, PartialEq)]
pub struct RateSearch {
    start_per_s: f64,
    ceiling_per_s: f64,
    sustained_per_s: Option<f64>,
    failed_per_s: Option<f64>,
    confirmed: u32,
    /// Whether the rate failed once in the bisection and is being retried.
    doubted: bool,
    /// Factor by which the last unconfirmed rate was lowered; `None` before the first.
    lowering: Option<f64>,
    ended: bool,
}

impl RateSearch {
    /// Starts at `start_per_s` and never goes above `ceiling_per_s`.
    #[must_use]
    pub fn new(start_per_s: f64, ceiling_per_s: f64) -> Self {
        let start_per_s = start_per_s.min(ceiling_per_s);
        Self {
            start_per_s,
            ceiling_per_s,
            sustained_per_s: None,
            failed_per_s: None,
            confirmed: 0,
            doubted: false,
            lowering: None,
            ended: false,
        }
    }

    /// The next step; `None` when the search has ended.
    #[must_use]
    pub fn next(&self) -> Option<(SearchPhase, f64)> {
        if self.ended || self.confirmed >= CONFIRMATIONS {
            return None;
        }
        match (self.sustained_per_s, self.failed_per_s) {
            (None, None) => Some((SearchPhase::Ramp, self.start_per_s)),
            (Some(held), None) if held < self.ceiling_per_s => {
                Some((SearchPhase::Ramp, (held * RISE).min(self.ceiling_per_s)))
            }
            (None, Some(failed)) => Some((SearchPhase::Ramp, failed / FALL)),
            (Some(held), _) if self.lowering.is_some() => Some((SearchPhase::Confirm, held)),
            (Some(held), Some(failed)) if failed > held * CLOSE => Some((SearchPhase::Bisect, (held * failed).sqrt())),
            (Some(held), _) => Some((SearchPhase::Confirm, held)),
        }
    }

    /// Records whether the step from [`RateSearch::next`] was sustained. In the bisection a rate has to fail twice: near
    /// the knee, a scheduling hiccup matters as much as the bridge.
    pub fn record(&mut self, held: bool) {
        let Some((phase, rate_per_s)) = self.next() else { return };
        if phase == SearchPhase::Bisect && !held && !self.doubted {
            self.doubted = true;
            return;
        }
        self.doubted = false;
        match (phase, held) {
            (SearchPhase::Confirm, true) => self.confirmed += 1,
            (_, true) => self.sustained_per_s = Some(rate_per_s),
            (SearchPhase::Confirm, false) => {
                // A rate that succeeded once and then failed is too high. The factor grows, so that the search ends
                // even if the machine has become slower.
                let lowering = self.lowering.map_or(CLOSE, |lowering| lowering * lowering);
                self.lowering = Some(lowering);
                self.confirmed = 0;
                self.failed_per_s = Some(rate_per_s);
                self.sustained_per_s = Some(rate_per_s / lowering);
            }
            (_, false) => self.failed_per_s = Some(rate_per_s),
        }
        let lowest = self.sustained_per_s.or(self.failed_per_s.map(|failed| failed / FALL));
        self.ended = lowest.is_some_and(|rate_per_s| rate_per_s < LOWEST_PER_S);
    }

    /// The highest confirmed rate, in messages per second.
    #[must_use]
    pub fn found_per_s(&self) -> Option<f64> {
        self.sustained_per_s.filter(|_| self.confirmed >= CONFIRMATIONS)
    }

    /// The lowest failed rate, in messages per second; `None` if the ceiling was sustained.
    #[must_use]
    pub fn failed_per_s(&self) -> Option<f64> {
        self.failed_per_s
    }

    /// The highest rate sustained so far, confirmed or not, in messages per second.
    #[must_use]
    pub fn sustained_per_s(&self) -> Option<f64> {
        self.sustained_per_s
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    /// Runs a search against `holds` and returns it with the phases it went through.
    fn searched(ceiling_per_s: f64, mut holds: impl FnMut(f64) -> bool) -> (RateSearch, Vec<SearchPhase>) {
        let mut search = RateSearch::new(100.0, ceiling_per_s);
        let mut phases = Vec::new();
        while let Some((phase, rate_per_s)) = search.next() {
            phases.push(phase);
            let held = holds(rate_per_s);
            search.record(held);
            assert!(phases.len() < 200, "the search does not end: {search:?}");
        }
        (search, phases)
    }

    #[test]
    fn sharp_capacity_is_found_from_above_and_below() {
        for capacity_per_s in [3.0, 17.0, 99.0, 100.0, 101.0, 500.0, 5_000.0, 73_123.0] {
            let (search, phases) = searched(1e6, |rate_per_s| rate_per_s <= capacity_per_s);
            let found = search.found_per_s().unwrap();
            assert!(found <= capacity_per_s && found * 1.03 * 1.001 >= capacity_per_s, "{found} of {capacity_per_s}");
            assert!(search.failed_per_s().unwrap() > capacity_per_s);
            assert_eq!(phases[phases.len() - 2..], [SearchPhase::Confirm, SearchPhase::Confirm]);
        }
    }

    #[test]
    fn sustained_ceiling_is_confirmed_without_a_failed_rate() {
        let (search, phases) = searched(1_000.0, |_| true);
        assert_eq!((search.found_per_s(), search.failed_per_s()), (Some(1_000.0), None));
        assert_eq!(phases.iter().filter(|phase| **phase == SearchPhase::Ramp).count(), 5, "100, 200, 400, 800, 1,000");
    }

    #[test]
    fn search_without_a_sustained_rate_finds_none() {
        let (search, _) = searched(1e6, |_| false);
        assert_eq!((search.found_per_s(), search.sustained_per_s()), (None, None));
    }

    #[test]
    fn rate_sustained_by_chance_is_not_confirmed() {
        // Within 5 % of the capacity, a step succeeds or fails at random.
        let mut random = StdRng::seed_from_u64(5);
        for _ in 0..200 {
            let (search, _) = searched(1e6, |rate_per_s| {
                let share: f64 = rate_per_s / 500.0;
                share < 0.95 || (share < 1.05 && random.random_bool(0.5))
            });
            let found = search.found_per_s().unwrap();
            assert!((410.0..=525.0).contains(&found), "{found}");
        }
    }
}
