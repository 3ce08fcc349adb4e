//! From readings to states: a worse state immediately, a better one after a delay, none from a missing reading.

use super::{GpuState, WatchRules};

/// The load of a GPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuLoad {
    /// Memory in use, in percent.
    pub full_percent: f64,
    /// Utilisation, in percent; `None` if it is not known. Then only memory decides, and `stressed`, which needs both,
    /// is never reached.
    pub use_percent: Option<f64>,
}

/// A state change.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// The previous state; `None` if none was known.
    pub from: Option<GpuState>,
    /// The new state.
    pub to: GpuState,
    /// Its basis: the highest memory use and the mean utilisation since the last decision.
    pub on: GpuLoad,
}

/// An alarm that starts or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmChange {
    /// GPU memory has become too full.
    Raised,
    /// It no longer is.
    Over,
}

/// The result of one reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadingResult {
    /// A state change.
    pub change: Option<StateChange>,
    /// An alarm that started or ended.
    pub alarm: Option<AlarmChange>,
    /// A better state that is pending, and the remaining seconds.
    pub waiting: Option<(GpuState, f64)>,
}

/// The state of one GPU.
#[derive(Debug, Clone)]
pub struct GpuStateMachine {
    rules: WatchRules,
    state: Option<GpuState>,
    /// When the state was entered.
    since_s: f64,
    decided_s: Option<f64>,
    alarmed: bool,
    /// The readings since the last decision.
    readings: Vec<GpuLoad>,
}

impl GpuStateMachine {
    /// A machine without a state.
    #[must_use]
    pub fn new(rules: WatchRules) -> Self {
        Self { rules, state: None, since_s: 0.0, decided_s: None, alarmed: false, readings: Vec::new() }
    }

    /// The rules that it follows.
    #[must_use]
    pub fn rules(&self) -> &WatchRules {
        &self.rules
    }

    /// The state, and since when; `None` until a rule has applied for the first time.
    #[must_use]
    pub fn state(&self) -> Option<(GpuState, f64)> {
        self.state.map(|state| (state, self.since_s))
    }

    /// Whether the alarm is on.
    #[must_use]
    pub fn is_alarmed(&self) -> bool {
        self.alarmed
    }

    /// Takes a reading. `at_s` never decreases. A missing reading changes nothing and discards the readings before it:
    /// a decision needs an unbroken series.
    pub fn step(&mut self, at_s: f64, load: Option<GpuLoad>) -> ReadingResult {
        let Some(load) = load else {
            self.readings.clear();
            return ReadingResult::default();
        };
        let alarm = self.ring(load.full_percent);
        self.readings.push(load);
        // Readings are sometimes a little early: a twentieth of the period is no reason to wait for another one.
        let due = self.decided_s.is_none_or(|decided_s| at_s - decided_s >= 0.95 * self.rules.decide_every_s);
        if !due {
            return ReadingResult { alarm, ..ReadingResult::default() };
        }
        let on = summed_up(&std::mem::take(&mut self.readings));
        self.decided_s = Some(at_s);
        let wanted = wanted(&self.rules, self.state, on);
        let (change, waiting) = match (self.state, wanted) {
            (_, None) => (None, None),
            (Some(state), Some(wanted)) if state == wanted => (None, None),
            (Some(state), Some(wanted)) if wanted < state && at_s - self.since_s < self.rules.stay_s => {
                (None, Some((wanted, self.rules.stay_s - (at_s - self.since_s))))
            }
            (from, Some(to)) => {
                (self.state, self.since_s) = (Some(to), at_s);
                (Some(StateChange { from, to, on }), None)
            }
        };
        ReadingResult { change, alarm, waiting }
    }

    fn ring(&mut self, full_percent: f64) -> Option<AlarmChange> {
        if !self.alarmed && full_percent > self.rules.alarm.above_percent {
            self.alarmed = true;
            return Some(AlarmChange::Raised);
        }
        if self.alarmed && full_percent <= self.rules.alarm.over_percent {
            self.alarmed = false;
            return Some(AlarmChange::Over);
        }
        None
    }
}

/// The highest memory use, because that is when allocations fail; the mean utilisation, because a GPU that generates
/// works in bursts.
fn summed_up(readings: &[GpuLoad]) -> GpuLoad {
    let full_percent = readings.iter().map(|load| load.full_percent).fold(0.0, f64::max);
    let uses: Option<Vec<f64>> = readings.iter().map(|load| load.use_percent).collect();
    let use_percent = uses.map(|uses| uses.iter().sum::<f64>() / uses.len().max(1) as f64);
    GpuLoad { full_percent, use_percent }
}

/// The state according to the rules; `None` if none applies and the state is kept.
fn wanted(rules: &WatchRules, state: Option<GpuState>, load: GpuLoad) -> Option<GpuState> {
    let full = load.full_percent;
    if full > rules.overloaded.above_percent {
        return Some(GpuState::Overloaded);
    }
    let busy = load.use_percent.is_some_and(|busy| busy > rules.stressed.use_above_percent);
    if full > rules.stressed.above_percent && busy {
        let held = state == Some(GpuState::Overloaded) && full > rules.overloaded.leave_percent;
        return if held { None } else { Some(GpuState::Stressed) };
    }
    let calm = load.use_percent.is_none_or(|busy| busy < rules.optimal.use_below_percent);
    (full < rules.optimal.below_percent && calm).then_some(GpuState::Optimal)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // Thresholds are as written.
mod tests {
    use super::*;

    fn steady() -> WatchRules {
        WatchRules::built_in()[0].clone()
    }

    fn documented() -> WatchRules {
        WatchRules::built_in()[1].clone()
    }

    fn load(full_percent: f64, use_percent: f64) -> GpuLoad {
        GpuLoad { full_percent, use_percent: Some(use_percent) }
    }

    /// The changes of a machine that gets a reading every five seconds.
    fn changes(rules: WatchRules, loads: &[(f64, f64)]) -> Vec<(f64, GpuState)> {
        let mut machine = GpuStateMachine::new(rules);
        let mut found = Vec::new();
        for (at, (full, busy)) in loads.iter().enumerate() {
            let at_s = 5.0 * at as f64;
            found.extend(machine.step(at_s, Some(load(*full, *busy))).change.map(|change| (at_s, change.to)));
        }
        found
    }

    /// The documented rules: above 90 `cpu_fallback`; otherwise above 75 with utilisation above 80 `balanced`;
    /// otherwise both below 60 `performance`; otherwise unchanged.
    #[test]
    fn documented_rules_hold_at_every_point_and_state() {
        for from in GpuState::ALL.map(Some).into_iter().chain([None]) {
            for full in 0..=100 {
                for busy in 0..=100 {
                    let (full, busy) = (f64::from(full), f64::from(busy));
                    let says = if full > 90.0 {
                        Some(GpuState::Overloaded)
                    } else if full > 75.0 && busy > 80.0 {
                        Some(GpuState::Stressed)
                    } else if full < 60.0 && busy < 60.0 {
                        Some(GpuState::Optimal)
                    } else {
                        None
                    };
                    assert_eq!(wanted(&documented(), from, load(full, busy)), says, "{from:?} {full} {busy}");
                    // The steady rules differ in two places: 90 is overloaded, and an overloaded GPU remains so down to
                    // 85.
                    let held = from == Some(GpuState::Overloaded) && full > 85.0;
                    let steady_says = if full > 89.5 {
                        Some(GpuState::Overloaded)
                    } else if held {
                        None
                    } else {
                        says
                    };
                    assert_eq!(wanted(&steady(), from, load(full, busy)), steady_says, "{from:?} {full} {busy}");
                }
            }
        }
    }

    #[test]
    fn every_threshold_is_crossed_one_step_beyond() {
        for (at_line, beyond, to) in [
            ((90.0, 50.0), (90.1, 50.0), GpuState::Overloaded),
            ((75.0, 90.0), (75.1, 90.0), GpuState::Stressed),
            ((80.0, 80.0), (80.0, 80.1), GpuState::Stressed),
            ((60.0, 10.0), (59.9, 10.0), GpuState::Optimal),
            ((10.0, 60.0), (10.0, 59.9), GpuState::Optimal),
        ] {
            assert_eq!(changes(documented(), &[at_line, beyond]), [(5.0, to)], "{at_line:?}");
        }
    }

    #[test]
    fn gap_of_fifteen_points_keeps_the_state() {
        let between = [(76.0, 90.0), (74.0, 90.0), (61.0, 50.0), (59.0, 61.0), (59.0, 50.0)];
        assert_eq!(changes(documented(), &between), [(0.0, GpuState::Stressed), (20.0, GpuState::Optimal)]);
    }

    #[test]
    fn steady_rules_avoid_oscillation_at_the_threshold() {
        let at_the_line: Vec<_> = [(91.0, 85.0), (89.0, 85.0)].into_iter().cycle().take(40).collect();
        assert_eq!(changes(documented(), &at_the_line).len(), 40);
        assert_eq!(changes(steady(), &at_the_line), [(0.0, GpuState::Overloaded)]);
    }

    #[test]
    fn worse_state_applies_at_once_and_better_one_after_a_delay() {
        let mut machine = GpuStateMachine::new(steady());
        assert_eq!(machine.step(0.0, Some(load(50.0, 10.0))).change.unwrap().to, GpuState::Optimal);
        assert_eq!(machine.step(5.0, Some(load(80.0, 95.0))).change.unwrap().from, Some(GpuState::Optimal));
        assert_eq!(machine.step(10.0, Some(load(95.0, 95.0))).change.unwrap().to, GpuState::Overloaded);
        let soon = machine.step(15.0, Some(load(50.0, 10.0)));
        assert_eq!((soon.change, soon.waiting), (None, Some((GpuState::Optimal, 10.0))));
        assert_eq!(machine.step(20.0, Some(load(84.0, 95.0))).waiting, Some((GpuState::Stressed, 5.0)));
        assert_eq!(machine.step(25.0, Some(load(84.0, 95.0))).change.unwrap().to, GpuState::Stressed);
        assert_eq!(machine.state(), Some((GpuState::Stressed, 25.0)));
    }

    #[test]
    fn decision_uses_peak_memory_and_mean_utilisation() {
        let mut machine = GpuStateMachine::new(steady());
        machine.step(0.0, Some(load(70.0, 50.0)));
        for at_s in 1..5 {
            assert_eq!(
                machine.step(f64::from(at_s), Some(load(if at_s == 2 { 92.0 } else { 70.0 }, 0.0))).change,
                None
            );
        }
        let change = machine.step(4.9, Some(load(70.0, 100.0))).change.unwrap();
        assert_eq!((change.from, change.to), (None, GpuState::Overloaded));
        assert_eq!(change.on, load(92.0, 20.0));
    }

    #[test]
    fn alarm_starts_above_85_and_ends_at_80() {
        let mut machine = GpuStateMachine::new(steady());
        let rings: Vec<_> = [85.0, 85.1, 99.0, 80.1, 80.0, 84.0, 86.0]
            .into_iter()
            .enumerate()
            .map(|(at_s, full)| machine.step(at_s as f64, Some(load(full, 0.0))).alarm)
            .collect();
        let (raised, over) = (Some(AlarmChange::Raised), Some(AlarmChange::Over));
        assert_eq!(rings, [None, raised, None, None, over, None, raised]);
        assert!(machine.is_alarmed());
    }

    #[test]
    fn missing_readings_decide_nothing() {
        let mut machine = GpuStateMachine::new(steady());
        machine.step(0.0, Some(load(95.0, 50.0)));
        for at_s in [5.0, 60.0, 120.0] {
            assert_eq!(machine.step(at_s, None), ReadingResult::default());
        }
        assert_eq!(machine.state(), Some((GpuState::Overloaded, 0.0)));
        assert!(machine.is_alarmed(), "its end was not observed");
        assert_eq!(machine.step(125.0, Some(load(50.0, 50.0))).change.unwrap().to, GpuState::Optimal);
    }

    #[test]
    fn memory_decides_alone_without_utilisation() {
        let only = |full_percent| GpuLoad { full_percent, use_percent: None };
        assert_eq!(wanted(&steady(), None, only(91.0)), Some(GpuState::Overloaded));
        assert_eq!(wanted(&steady(), None, only(80.0)), None);
        assert_eq!(wanted(&steady(), Some(GpuState::Overloaded), only(59.0)), Some(GpuState::Optimal));
    }
}
