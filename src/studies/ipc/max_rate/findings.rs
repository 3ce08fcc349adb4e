//! The findings of the search.

use super::study::SearchSamples;
use crate::measure::{Bottleneck, FailureReason, RateVerdict, SearchPhase, saturated_per_s};
use crate::plan::MaxRatePlan;

/// Evaluation of the steps of a search.
pub(super) struct SearchResult<'a> {
    /// Overloaded steps.
    pub(super) overloaded: Vec<&'a RateVerdict>,
    /// Confirming steps.
    pub(super) confirming: Vec<&'a RateVerdict>,
    /// The bottleneck at the lowest rate that was not sustained.
    pub(super) limit: Option<Bottleneck>,
}

impl<'a> SearchResult<'a> {
    pub(super) fn of(searched: &'a SearchSamples) -> Self {
        let verdicts = || searched.steps.iter().map(|step| &step.verdict);
        let is_short = |verdict: &&RateVerdict| {
            verdict.limit == Some(Bottleneck::Bridge)
                && verdict.failings.iter().any(|failing| matches!(failing, FailureReason::Goodput { .. }))
        };
        let confirming = searched.steps.iter().filter(|step| step.phase == SearchPhase::Confirm && step.verdict.held());
        let lowest =
            verdicts().filter(|verdict| !verdict.held()).min_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
        Self {
            overloaded: verdicts().filter(is_short).collect(),
            confirming: confirming.map(|step| &step.verdict).collect(),
            limit: lowest.and_then(|verdict| verdict.limit),
        }
    }
}

/// Outcome of a step, as text.
pub(super) fn outcome(verdict: &RateVerdict) -> String {
    if verdict.held() {
        return format!("sustained, answered at {:.0}/s", verdict.goodput_per_s);
    }
    let whose = match verdict.limit {
        Some(Bottleneck::Client) => "workly-perf was the bottleneck",
        _ => "the bridge was the bottleneck",
    };
    let failings: Vec<String> = verdict.failings.iter().map(ToString::to_string).collect();
    format!("{}; answered at {:.0}/s; {whose}", failings.join("; "), verdict.goodput_per_s)
}

/// The rate found, if the search got that far, and its bottleneck.
pub(super) fn finding(study: &MaxRatePlan, searched: &SearchSamples) -> Option<String> {
    let (ack, search) = (searched.ack, &searched.search);
    let result = SearchResult::of(searched);
    let within = study.p99_budget.map_or(String::new(), |budget| format!(" with p99 within {budget:?}"));
    let Some(found) = search.found_per_s() else {
        let failed = search.failed_per_s().filter(|_| search.next().is_none())?;
        return Some(format!("{ack}: no rate is sustained{within}, not even {failed:.1} messages per second."));
    };
    let messages: usize = result.confirming.iter().map(|verdict| verdict.latency_ns.len()).sum();
    let sustained = format!(
        "{ack}: sustains {found:.0} messages per second{within}, confirmed twice (n {messages}, goodput at least 98 % \
         of offered, no growing backlog)."
    );
    let beyond = match (search.failed_per_s(), result.limit, saturated_per_s(&result.overloaded)) {
        (None, ..) => "That is the highest rate tested; the bridge's limit may be higher.".to_owned(),
        (Some(failed), Some(Bottleneck::Client), _) => {
            format!("{failed:.0} per second failed because workly-perf was the bottleneck, not the bridge.")
        }
        (Some(failed), _, Some(rate)) => format!(
            "{failed:.0} per second failed, and the bridge was the bottleneck: under overload, it sent {rate:.0} \
             replies per second."
        ),
        (Some(failed), ..) => format!("{failed:.0} per second failed, and the bridge was the bottleneck."),
    };
    Some(format!("{sustained} {beyond}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cases::planted::{search, step};
    use super::*;
    use crate::measure::RateSearch;

    fn plan(p99_budget: Option<Duration>) -> MaxRatePlan {
        MaxRatePlan {
            start_per_s: 100.0,
            ceiling_per_s: 400.0,
            step: Duration::from_secs(1),
            p99_budget,
            size_bytes: 100,
        }
    }

    /// The search of [`search`], on a bridge that sustains `holds_per_s`, with `limit` as the bottleneck above that.
    fn searched(holds_per_s: f64, limit: Bottleneck) -> SearchSamples {
        let mut searched = SearchSamples { search: RateSearch::new(100.0, 400.0), steps: Vec::new(), ..search() };
        while let Some((phase, rate_per_s)) = searched.search.next() {
            let mut step = step(phase, rate_per_s, holds_per_s);
            step.verdict.limit = step.verdict.limit.map(|_| limit);
            searched.search.record(step.verdict.held());
            searched.steps.push(step);
        }
        searched
    }

    #[test]
    fn rate_is_stated_with_n_and_bottleneck() {
        let told = finding(&plan(None), &searched(250.0, Bottleneck::Bridge)).unwrap();
        assert!(told.starts_with("received: sustains 24"), "{told}");
        assert!(told.contains("confirmed twice (n 4"), "{told}");
        assert!(
            told.ends_with("the bridge was the bottleneck: under overload, it sent 250 replies per second."),
            "{told}"
        );
        let told = finding(&plan(None), &searched(250.0, Bottleneck::Client)).unwrap();
        assert!(told.ends_with("because workly-perf was the bottleneck, not the bridge."), "{told}");
    }

    #[test]
    fn sustained_ceiling_is_not_a_limit_of_the_bridge() {
        let told = finding(&plan(Some(Duration::from_millis(20))), &searched(1e6, Bottleneck::Bridge)).unwrap();
        let expected = "received: sustains 400 messages per second with p99 within 20ms, confirmed twice (n 800, \
            goodput at least 98 % of offered, no growing backlog). That is the highest rate tested; the bridge's limit \
            may be higher.";
        assert_eq!(told, expected);
    }

    #[test]
    fn missing_rate_is_stated_after_the_search() {
        let told = finding(&plan(None), &searched(0.0, Bottleneck::Bridge)).unwrap();
        assert!(told.starts_with("received: no rate is sustained, not even "), "{told}");
        let mut under_way = searched(0.0, Bottleneck::Bridge);
        under_way.search = RateSearch::new(100.0, 400.0);
        under_way.search.record(false);
        assert_eq!(finding(&plan(None), &under_way), None);
    }
}
