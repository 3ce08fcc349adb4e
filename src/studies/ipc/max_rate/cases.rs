//! Cases from the steps of a search: one per step, and one for the result.

use serde_json::{Value, json};

use super::findings::{SearchResult, outcome};
use super::study::{SearchEnd, SearchSamples, StepSamples, path};
use crate::bridge::BridgeError;
use crate::clock::ms;
use crate::measure::{CaseEnd, case_state, search_metrics};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};

/// The cases of one search so far, including its result once it has ended.
pub(super) fn cases(searched: &SearchSamples, ids: bool, has_ended: bool) -> Vec<Case> {
    if searched.grace_ns(ids).is_none() {
        return vec![without_answer(searched, ids)];
    }
    let steps = searched.steps.iter().enumerate().map(|(at, step)| step_case(searched, (at, step), ids));
    let result = (has_ended || searched.end.is_some()).then(|| result(searched));
    steps.chain(result).collect()
}

fn case(searched: &SearchSamples, path: String, state: (CaseState, Option<String>), mut conditions: Value) -> Case {
    conditions["ack"] = json!(searched.ack);
    conditions["size_bytes"] = json!(searched.size_bytes);
    Case {
        path,
        state: state.0,
        reason: state.1,
        duration_s: 0.0,
        conditions,
        notes: Vec::new(),
        metrics: Vec::new(),
        histograms: Vec::new(),
    }
}

/// A bridge that did not answer correctly when idle.
fn without_answer(searched: &SearchSamples, ids: bool) -> Case {
    let absent = Metric::absent("max_rate", "1/s", 0, Direction::Higher, MetricStatus::Invalid);
    let state = case_state(&searched.at_rest, ids);
    Case { metrics: vec![absent], ..case(searched, format!("{}/max-rate", searched.ack), state, json!({})) }
}

fn step_case(searched: &SearchSamples, (at, step): (usize, &StepSamples), ids: bool) -> Case {
    let verdict = &step.verdict;
    let conditions = json!({
        "phase": step.phase,
        "rate_per_s": step.rate_per_s,
        "messages": step.due,
        "sent": step.sent,
        "given_up": step.is_given_up,
        "held": verdict.held(),
        "failings": verdict.failings,
        "limit": verdict.limit,
        "socket_full_ms": ms(step.blocked_ns),
        "receiver_idle_ms": ms(step.receiver_idle_ns),
        "grace_ms": ms(step.grace_ns),
    });
    let path = path(searched.ack, at + 1, step.phase, step.rate_per_s);
    let mut metrics = step.figures.clone();
    if step.is_void(ids) {
        let of_replies = |metric: &Metric| metric.name == "goodput" || metric.name.starts_with("latency");
        let void = |metric: Metric| if of_replies(&metric) { metric.invalidated() } else { metric };
        metrics = metrics.into_iter().map(void).collect();
    }
    metrics.push(cpu_use(step));
    Case {
        duration_s: ms(step.length_ns) / 1e3,
        notes: if verdict.held() { Vec::new() } else { vec![format!("Not sustained: {}.", outcome(verdict))] },
        metrics,
        ..case(searched, path, step_state(step, ids), conditions)
    }
}

/// A failed step is a result; one with lost replies is also a fault of the bridge.
fn step_state(step: &StepSamples, ids: bool) -> (CaseState, Option<String>) {
    let account = format!("{} of {} answered", step.answered, counted(step.sent, "message"));
    match &step.end {
        CaseEnd::Complete if step.is_void(ids) => {
            let why = BridgeError::Surplus { count: step.surplus };
            (CaseState::Invalid, Some(format!("{account}; replies carry no id, and {why}")))
        }
        CaseEnd::Complete if step.surplus > 0 => {
            (CaseState::Lossy, Some(format!("{account}, {} surplus", step.surplus)))
        }
        CaseEnd::Complete if step.lost + step.garbled > 0 => {
            (CaseState::Lossy, Some(format!("{account}, {} garbled", step.garbled)))
        }
        CaseEnd::Complete => (CaseState::Ok, None),
        CaseEnd::Interrupted => (CaseState::Interrupted, Some(account)),
        CaseEnd::Broken(error) => (CaseState::Lossy, Some(format!("{account}; ended by: {error}"))),
    }
}

/// The result of the search.
fn result(searched: &SearchSamples) -> Case {
    let result = SearchResult::of(searched);
    let state = match &searched.end {
        Some(SearchEnd::Complete) => (CaseState::Ok, None),
        Some(SearchEnd::Broken { reason, .. }) => (CaseState::Lossy, Some(format!("the search ended early: {reason}"))),
        Some(SearchEnd::Interrupted) | None => {
            (CaseState::Interrupted, Some("interrupted before the search was complete".into()))
        }
    };
    let conditions = json!({
        "limit": result.limit,
        "steps": searched.steps.len(),
        "held_per_s": searched.search.sustained_per_s(),
    });
    let metrics = search_metrics(&searched.search, &result.overloaded, &result.confirming);
    Case { metrics, ..case(searched, format!("{}/max-rate", searched.ack), state, conditions) }
}

/// CPU time of this process over a step, in CPUs.
fn cpu_use(step: &StepSamples) -> Metric {
    match step.cpu_ns {
        Some(cpu_ns) => {
            let used = cpu_ns as f64 / step.length_ns as f64;
            Metric::plain("cpu_use", "CPUs", used, step.sent as u64, Direction::None)
        }
        None => Metric::absent("cpu_use", "CPUs", 0, Direction::None, MetricStatus::Unsupported),
    }
}

/// Searches with known steps.
#[cfg(test)]
pub(super) mod planted {
    use super::*;
    use crate::bridge::Ack;
    use crate::measure::planted::trips;
    use crate::measure::{Bottleneck, FailureReason, RateSearch, RateVerdict, SearchPhase};

    /// A search from 100 to 400 messages per second on a bridge with a capacity of 250, with the steps requested by
    /// [`RateSearch`].
    pub(in super::super) fn search() -> SearchSamples {
        let mut searched = SearchSamples {
            ack: Ack::Received,
            size_bytes: 100,
            at_rest: trips(vec![1_000_000; 20]),
            search: RateSearch::new(100.0, 400.0),
            steps: Vec::new(),
            end: None,
        };
        while let Some((phase, rate_per_s)) = searched.search.next() {
            let step = step(phase, rate_per_s, 250.0);
            searched.search.record(step.verdict.held());
            searched.steps.push(step);
        }
        searched.end = Some(SearchEnd::Complete);
        searched
    }

    /// A step of one second on a bridge that answers `capacity_per_s`, each message after 2 ms.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(in super::super) fn step(phase: SearchPhase, rate_per_s: f64, capacity_per_s: f64) -> StepSamples {
        let goodput_per_s = rate_per_s.min(capacity_per_s);
        let (due, answered) = (rate_per_s as usize, goodput_per_s as usize);
        let failings = if answered < due {
            vec![FailureReason::Goodput { share: goodput_per_s / rate_per_s }]
        } else {
            Vec::new()
        };
        let verdict = RateVerdict {
            offered_per_s: rate_per_s,
            goodput_per_s,
            backlog_growth: None,
            backlog_peak: 1,
            latency_ns: vec![2_000_000; answered],
            lateness_ns: Vec::new(),
            limit: (!failings.is_empty()).then_some(Bottleneck::Bridge),
            failings,
        };
        StepSamples {
            phase,
            rate_per_s,
            length_ns: 1_000_000_000,
            grace_ns: 2_000_000,
            due,
            sent: due,
            answered: due,
            lost: 0,
            garbled: 0,
            surplus: 0,
            is_given_up: false,
            blocked_ns: 3_000_000,
            receiver_idle_ns: 900_000_000,
            cpu_ns: Some(250_000_000),
            end: CaseEnd::Complete,
            figures: vec![Metric::plain("goodput", "1/s", goodput_per_s, due as u64, Direction::Higher)],
            verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::planted::{search, step};
    use super::*;
    use crate::bridge::FaultKind;
    use crate::measure::SearchPhase;

    #[test]
    fn steps_are_cases_and_the_result_is_last() {
        let searched = search();
        let cases = cases(&searched, false, false);
        let paths: Vec<&str> = cases.iter().take(3).map(|case| case.path.as_str()).collect();
        assert_eq!(paths, ["received/01-ramp/100", "received/02-ramp/200", "received/03-ramp/400"]);
        assert!(cases.iter().all(|case| case.state == CaseState::Ok), "a step that is not sustained is a valid result");
        let failed = &cases[2];
        assert_eq!((&failed.conditions["held"], &failed.conditions["limit"]), (&json!(false), &json!("bridge")));
        assert_eq!(
            failed.notes,
            ["Not sustained: 62.5 % of the offered messages were answered in time; answered at 250/s; the \
                 bridge was the bottleneck."]
        );
        assert_eq!(failed.metric("cpu_use").unwrap().value, Some(0.25));
        assert_eq!((failed.duration_s, &failed.conditions["socket_full_ms"]), (1.0, &json!(3.0)));
        let found = cases.last().unwrap();
        assert_eq!(found.path, "received/max-rate");
        let max_rate = found.metric("max_rate").unwrap().value.unwrap();
        assert!((240.0..=250.0).contains(&max_rate), "{max_rate}");
        assert_eq!(found.metric("saturated").unwrap().value, Some(250.0));
        assert_eq!(
            (found.conditions["steps"].as_u64(), &found.conditions["ack"]),
            (Some(searched.steps.len() as u64), &json!("received"))
        );
    }

    #[test]
    fn unfinished_search_has_steps_but_no_result() {
        let searched = SearchSamples { end: None, ..search() };
        assert!(cases(&searched, false, false).iter().all(|case| case.path != "received/max-rate"));
        let ended = cases(&searched, false, true);
        let last = ended.last().unwrap();
        assert_eq!((last.path.as_str(), last.state), ("received/max-rate", CaseState::Interrupted));
    }

    #[test]
    fn surplus_replies_invalidate_the_search() {
        let searched = SearchSamples {
            steps: vec![StepSamples { surplus: 1, ..step(SearchPhase::Ramp, 100.0, 250.0) }],
            end: Some(SearchEnd::Broken { reason: "1 more reply came".into(), kind: FaultKind::Surplus }),
            ..search()
        };
        let without_ids = cases(&searched, false, true);
        assert_eq!(without_ids[0].state, CaseState::Invalid);
        assert_eq!(without_ids[0].metric("goodput").unwrap().status, MetricStatus::Invalid);
        assert_eq!(without_ids[1].reason.as_deref(), Some("the search ended early: 1 more reply came"));
        let with_ids = cases(&searched, true, true);
        assert_eq!(
            (with_ids[0].state, with_ids[0].reason.as_deref()),
            (CaseState::Lossy, Some("100 of 100 messages answered, 1 surplus"))
        );
        assert_eq!(with_ids[0].metric("goodput").unwrap().value, Some(100.0));
    }

    #[test]
    fn silent_bridge_has_no_rate_and_no_steps() {
        let mut searched = SearchSamples { steps: Vec::new(), end: None, ..search() };
        searched.at_rest.latency_ns.clear();
        let cases = cases(&searched, false, true);
        assert_eq!((cases.len(), cases[0].path.as_str(), cases[0].state), (1, "received/max-rate", CaseState::Failed));
        assert_eq!(cases[0].metric("max_rate").unwrap().status, MetricStatus::Invalid);
    }
}
