//! What a case of a `threads` or `gpu-profiles` run says of its settings, for a choice among them.

use serde_json::Value;

use super::SettingCandidate;
use crate::record::Case;
use crate::stats::{ByRound, EQUAL_WITHIN, FrameCounts};

/// A case as a candidate for a choice, without what it changes.
pub(super) fn candidate(case: &Case) -> SettingCandidate {
    SettingCandidate {
        tokens_per_s: round_speeds(case).unwrap_or_default(),
        is_admissible: case.keeps_frames() != Some(false),
        frames: frames(case),
        changes: 0,
        is_dropped: is_dropped(case),
    }
}

/// The scene's frames during a case. In older records, which do not say how many late frames followed another one, each stands by itself.
fn frames(case: &Case) -> FrameCounts {
    let Some((percent, metric)) = case.metric("frames_late").and_then(|metric| Some((metric.value?, metric))) else {
        return FrameCounts::default();
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count.
    let late = (percent / 100.0 * metric.n as f64).round() as u64;
    FrameCounts {
        bursts: case.conditions["late_bursts"].as_u64().unwrap_or(late),
        ..FrameCounts::apart(metric.n, late)
    }
}

/// Whether a case left the race as a worse choice. What may be as fast as the best one left it too, and is no worse.
fn is_dropped(case: &Case) -> bool {
    let at_most = case.conditions["dropped_for"]["speed_at_most_percent_of_leader"].as_f64();
    case.conditions["dropped_after_rounds"].is_u64()
        && at_most.is_none_or(|percent| percent < 100.0 * (1.0 - EQUAL_WITHIN))
}

/// Tokens per second of a `threads` or `gpu-profiles` case, by round. Older runs do not number their rounds: theirs are taken for
/// consecutive.
pub(super) fn round_speeds(case: &Case) -> Option<ByRound> {
    let speeds = case.conditions["samples_ts"].as_array()?.iter().filter_map(Value::as_f64);
    let Some(rounds) = case.conditions["samples_round"].as_array() else {
        return Some(speeds.enumerate().collect());
    };
    let rounds = rounds.iter().filter_map(|round| usize::try_from(round.as_u64()?).ok());
    Some(rounds.zip(speeds).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{Direction, Metric};

    fn case(conditions: Value) -> Case {
        Case { conditions, ..crate::record::sample::run().cases.remove(0) }
    }

    #[test]
    fn rounds_are_those_that_the_run_numbered() {
        let numbered = case(json!({"samples_ts": [50.0, 40.0], "samples_round": [0, 2]}));
        let other = case(json!({"samples_ts": [100.0, 10.0, 80.0]}));
        let (speeds, others) = (round_speeds(&numbered).unwrap(), round_speeds(&other).unwrap());
        // 50 of 100, 40 of 80: by place, 40 would be compared with 10.
        assert!((speeds.ratio_to(&others).unwrap().ratio - 0.5).abs() < 1e-12);
        assert_eq!(round_speeds(&case(json!({}))), None);
    }

    #[test]
    fn frames_are_those_of_the_record() {
        let mut recorded = case(json!({"late_bursts": 2}));
        recorded.metrics = vec![Metric::plain("frames_late", "%", 2.5, 200, Direction::Lower)];
        assert_eq!(frames(&recorded), FrameCounts { total: 200, late: 5, bursts: 2 });
        recorded.conditions = json!({});
        assert_eq!(frames(&recorded), FrameCounts::apart(200, 5));
        recorded.metrics.clear();
        assert_eq!(frames(&recorded), FrameCounts::default());
    }

    #[test]
    fn setting_dropped_without_being_slower_stays_a_candidate() {
        let dropped = |percent: f64| {
            let conditions = json!({
                "samples_ts": [50.0],
                "dropped_after_rounds": 2,
                "dropped_for": {"speed_at_most_percent_of_leader": percent},
            });
            candidate(&case(conditions)).is_dropped
        };
        assert_eq!((dropped(96.0), dropped(101.0)), (true, false));
        let late = json!({
            "samples_ts": [50.0],
            "dropped_after_rounds": 2,
            "dropped_for": {"late_frames_at_least_percent": 4.0},
        });
        assert!(candidate(&case(late)).is_dropped);
    }
}
