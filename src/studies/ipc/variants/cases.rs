//! Cases from the rounds of each way to send.

use serde_json::json;

use super::super::super::study::{CaseHistogram, StopReason};
use super::held::held;
use super::round::StrategySample;
use super::samples::{StrategySamples, VariantSamples};
use crate::bridge::FaultKind;
use crate::measure::SendMode;
use crate::plan::{IpcPlan, SendStrategy, VariantsPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState};
use crate::stats::mean_of;

/// A way that applies less than this share of the best rate is overloaded.
const KEEPS_UP: f64 = 0.9;

/// The ways compared, with their samples so far.
pub(super) struct StrategyComparison<'a> {
    pub(super) plan: &'a IpcPlan,
    pub(super) study: &'a VariantsPlan,
    pub(super) samples: &'a VariantSamples,
}

impl StrategyComparison<'_> {
    /// The cases so far, in the order of the plan; after the end of a comparison, also those of ways that were not
    /// started.
    pub(super) fn cases(&self, end: Option<StopReason>) -> Vec<Case> {
        let begun = |place: &usize| end.is_some() || !self.samples.ways[*place].rounds.is_empty();
        (0..self.samples.ways.len()).filter(begun).map(|place| self.case(place, end)).collect()
    }

    /// Why cases were incomplete.
    pub(super) fn faults(&self) -> Vec<FaultKind> {
        self.samples.ways.iter().filter_map(|samples| Some(samples.fault.as_ref()?.kind)).collect()
    }

    /// Latencies of all rounds of each way.
    pub(super) fn histograms(&self) -> Vec<CaseHistogram> {
        let of_way = |(way, samples): (&SendStrategy, &StrategySamples)| {
            let pooled: Vec<u64> = samples.good().flat_map(|sample| sample.latency_ns.iter().copied()).collect();
            let began_ns = samples.began_ns.unwrap_or(0);
            CaseHistogram::total(way.path(), "latency", pooled, (began_ns, began_ns + samples.took_ns))
        };
        self.study.ways.iter().zip(&self.samples.ways).map(of_way).collect()
    }

    fn case(&self, place: usize, end: Option<StopReason>) -> Case {
        let (way, samples) = (self.study.ways[place], &self.samples.ways[place]);
        let rounds = samples.good().count();
        let (state, reason) = self.state(samples, end);
        let mut case = Case {
            path: way.path(),
            state,
            reason,
            duration_s: samples.took_ns as f64 / 1e9,
            conditions: json!({
                "way": way,
                "baseline": self.study.baseline(place).map(|place| self.study.ways[place].path()),
                "offered_per_s": self.study.offered_per_s,
                "window_ms": self.study.window.as_secs_f64() * 1e3,
                "messages": self.plan.messages,
                "rounds": rounds,
                "round_means_ms": samples.means_ms(),
                "place_in_plan": place,
            }),
            notes: self.notes(place),
            metrics: self.metrics(place, state),
            histograms: Vec::new(),
        };
        if let (SendStrategy::AppReaction, Some(seen)) = (way, self.samples.seen) {
            case.conditions["applied_by"] = seen.conditions();
            case.notes.push(seen.note());
        }
        case
    }

    fn state(&self, samples: &StrategySamples, end: Option<StopReason>) -> (CaseState, Option<String>) {
        let (rounds, failed) = (samples.good().count(), samples.failed());
        let is_short = rounds < self.study.rounds as usize;
        match (&samples.fault, rounds) {
            (Some(fault), 0) => (CaseState::Failed, Some(fault.words.clone())),
            (Some(fault), _) => {
                (CaseState::Lossy, Some(format!("{} failed; first: {}", counted(failed, "round"), fault.words)))
            }
            (None, _) if end.is_none() || !is_short => (CaseState::Ok, None),
            (None, 0) => (CaseState::NotMeasured, Some("the run ended before it was measured".into())),
            (None, _) if end == Some(StopReason::Interrupted) => {
                (CaseState::Interrupted, Some(format!("interrupted after {}", counted(rounds, "round"))))
            }
            (None, _) => (CaseState::Lossy, Some(format!("the run ended after {}", counted(rounds, "round")))),
        }
    }

    /// Whether the figures of this way are of commands that took effect.
    pub(super) fn is_applied(&self, way: SendStrategy) -> bool {
        !way.is_batch() || self.samples.batches.as_ref().is_none_or(|verdict| verdict.applied == Some(true))
    }

    fn notes(&self, place: usize) -> Vec<String> {
        let way = self.study.ways[place];
        let mut notes = Vec::new();
        if let Some(verdict) = self.samples.batches.as_ref().filter(|_| !self.is_applied(way)) {
            let what = match verdict.applied {
                Some(false) => "Acknowledged, not applied",
                _ => "Acknowledged; whether its commands are applied is unknown",
            };
            notes.push(format!("{what}: {}. There are no figures for its commands.", verdict.evidence));
        }
        if let SendStrategy::Codec(_, shape) = way
            && !shape.is_harmless()
            && !self.samples.is_embedded
        {
            notes.push(
                "Not sent, because it would change a real avatar; only encoding and decoding were measured.".into(),
            );
        }
        match way {
            SendStrategy::Mode(SendMode::FireAndForget) => {
                notes.push(
                    "The way Workly sends. Without replies, commands have no latency; the barrier shows what arrived \
                     and when the last one did."
                        .into(),
                );
                notes.extend(undrained_note(&self.samples.ways[place]));
            }
            SendStrategy::Mode(SendMode::Request) => {
                notes.push(
                    "Workly does not wait for replies, so a gain over this mode is not a gain over Workly.".into(),
                );
            }
            _ => {}
        }
        notes.extend(self.overload_note(place));
        notes.extend(held(&self.samples.ways[place]).map(|held| held.to_string()));
        notes
    }

    /// The note for a way that fell behind the offered load.
    fn overload_note(&self, place: usize) -> Option<String> {
        let rate = |samples: &StrategySamples| {
            let rates: Vec<f64> = samples.good().flat_map(|sample| &sample.figures).filter_map(rate_of).collect();
            Some(mean_of(&rates)?.value)
        };
        let own = rate(&self.samples.ways[place])?;
        let best = self.samples.ways.iter().filter_map(rate).fold(0.0, f64::max);
        (own < KEEPS_UP * best && self.samples.ways[place].falls_behind()).then(|| {
            format!(
                "Overloaded: {own:.1} commands per second, where another way to send reached {best:.1}. Commands queue \
                 behind earlier ones, so this latency grows with the length of the round."
            )
        })
    }
}

/// The note for rounds without replies in which some commands were never confirmed.
fn undrained_note(samples: &StrategySamples) -> Option<String> {
    let is_drained = |sample: &&StrategySample| sample.figures.iter().any(|(name, _)| *name == "drain");
    let rounds = samples.good().count();
    let undrained = rounds - samples.good().filter(is_drained).count();
    (undrained > 0).then(|| {
        format!(
            "In {undrained} of {}, a reply was still missing at the timeout, so it is unknown when the last command \
             was applied, and there is no rate.",
            counted(rounds, "round")
        )
    })
}

fn rate_of(figure: &(&'static str, f64)) -> Option<f64> {
    (figure.0 == "rate_applied").then_some(figure.1)
}

/// Comparisons with known rounds.
#[cfg(test)]
pub(super) mod planted {
    use super::super::super::planted::{plan, study};
    use super::*;
    use crate::plan::IpcStudy;

    pub(in super::super) fn planned(line: &str) -> (IpcPlan, VariantsPlan) {
        let plan = plan(line);
        let study = study(&plan, |study| if let IpcStudy::Variants(study) = study { Some(study) } else { None });
        (plan, study)
    }

    /// Eight rounds of 40 commands with this latency, and these figures.
    pub(in super::super) fn way(latency_ms: u64, figures: &[(&'static str, f64)]) -> StrategySamples {
        let sample = StrategySample {
            latency_ns: vec![latency_ms * 1_000_000; 40],
            figures: figures.to_vec(),
            ..StrategySample::default()
        };
        StrategySamples {
            rounds: vec![Some(sample); 8],
            began_ns: Some(3_000),
            took_ns: 4_000,
            ..StrategySamples::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch_check::BatchVerdict;
    use super::super::samples::RoundFault;
    use super::planted::{planned, way};
    use super::*;
    use crate::record::MetricStatus;

    const MODES: &str = "--mode request,pipelined --rounds 8 --messages 40";

    fn cases_of(line: &str, samples: &VariantSamples, end: Option<StopReason>) -> Vec<Case> {
        let (plan, study) = planned(line);
        StrategyComparison { plan: &plan, study: &study, samples }.cases(end)
    }

    fn figure(case: &Case, name: &str) -> Option<f64> {
        case.metric(name).and_then(|metric| metric.value)
    }

    #[test]
    fn figures_are_per_round_and_ratios_are_paired() {
        let ways = vec![way(8, &[("rate_applied", 50.0)]), way(4, &[("rate_applied", 50.0)])];
        let samples = VariantSamples { ways, ..VariantSamples::default() };
        let cases = cases_of(MODES, &samples, Some(StopReason::Planned));
        let [request, pipelined] = &cases[..] else { panic!("{cases:?}") };
        assert_eq!((request.path.as_str(), pipelined.path.as_str()), ("mode/request", "mode/pipelined"));
        let p50 = request.metric("p50").unwrap();
        assert_eq!((p50.value, p50.n, p50.status), (Some(8.0), 8, MetricStatus::Ok));
        assert_eq!((figure(request, "mean_ratio"), figure(pipelined, "mean_ratio")), (None, Some(0.5)));
        assert_eq!(pipelined.metric("p50_ratio").unwrap().n, 8);
        assert_eq!(
            (&pipelined.conditions["baseline"], &pipelined.conditions["place_in_plan"]),
            (&json!("mode/request"), &json!(1))
        );
        assert_eq!(pipelined.conditions["round_means_ms"], json!(vec![4.0; 8]));
        assert_eq!(
            request.notes,
            ["Workly does not wait for replies, so a gain over this mode is not a gain over Workly."]
        );
    }

    #[test]
    fn batch_that_is_not_applied_has_no_command_figures() {
        let line = "--batch 1,5 --rounds 8 --messages 40";
        let verdict = BatchVerdict { applied: Some(false), evidence: "the reply came before the frame".into() };
        let ways = vec![way(8, &[("rate_applied", 50.0)]), way(1, &[("rate_applied", 50.0)])];
        let samples = VariantSamples { ways, batches: Some(verdict), ..VariantSamples::default() };
        let cases = cases_of(line, &samples, Some(StopReason::Planned));
        for name in ["p50", "p90", "mean", "rate_applied"] {
            assert_eq!(cases[1].metric(name).unwrap().status, MetricStatus::Unsupported, "{name}");
        }
        assert_eq!((figure(&cases[1], "ack_mean"), cases[1].metric("mean_ratio")), (Some(1.0), None));
        let note = "Acknowledged, not applied: the reply came before the frame. There are no figures for its commands.";
        assert_eq!(cases[1].notes[0], note);
        assert_eq!((figure(&cases[0], "mean"), figure(&cases[0], "rate_applied")), (Some(8.0), Some(50.0)));
    }

    #[test]
    fn case_state_follows_from_rounds_and_stop_reason() {
        let fault = Some(RoundFault { words: "no reply within 1s".into(), kind: FaultKind::Late });
        let failed = |rounds: usize, good: usize| {
            let mut samples = way(8, &[]);
            samples.rounds.truncate(good);
            samples.rounds.resize_with(rounds, || None);
            StrategySamples { fault: fault.clone(), ..samples }
        };
        let short = || StrategySamples { rounds: way(8, &[]).rounds[..3].to_vec(), ..way(8, &[]) };
        let interrupted = Some(StopReason::Interrupted);
        for (samples, end, state, reason) in [
            (way(8, &[]), Some(StopReason::Planned), CaseState::Ok, None),
            (short(), None, CaseState::Ok, None),
            (short(), interrupted, CaseState::Interrupted, Some("interrupted after 3 rounds")),
            (short(), Some(StopReason::Failed), CaseState::Lossy, Some("the run ended after 3 rounds")),
            (
                StrategySamples::default(),
                interrupted,
                CaseState::NotMeasured,
                Some("the run ended before it was measured"),
            ),
            (
                failed(8, 6),
                Some(StopReason::Planned),
                CaseState::Lossy,
                Some("2 rounds failed; first: no reply within 1s"),
            ),
            // Rounds that were not started are not failures.
            (failed(4, 3), interrupted, CaseState::Lossy, Some("1 round failed; first: no reply within 1s")),
            (failed(3, 0), Some(StopReason::Planned), CaseState::Failed, Some("no reply within 1s")),
        ] {
            let samples = VariantSamples { ways: vec![samples, way(8, &[])], ..VariantSamples::default() };
            let case = &cases_of(MODES, &samples, end)[0];
            assert_eq!((case.state, case.reason.as_deref()), (state, reason));
            let p50 = case.metric("p50").unwrap();
            match state {
                CaseState::Lossy | CaseState::Interrupted => assert_eq!(p50.status, MetricStatus::Partial),
                CaseState::Failed => assert_eq!(p50.status, MetricStatus::Invalid),
                CaseState::NotMeasured => assert_eq!(p50.status, MetricStatus::NotMeasured),
                _ => assert!(p50.value.is_some()),
            }
        }
    }

    #[test]
    fn unstarted_ways_are_not_cases_during_the_run() {
        let samples =
            VariantSamples { ways: vec![StrategySamples::default(), way(8, &[])], ..VariantSamples::default() };
        let paths: Vec<String> = cases_of(MODES, &samples, None).into_iter().map(|case| case.path).collect();
        assert_eq!(paths, ["mode/pipelined"]);
        assert_eq!(cases_of(MODES, &samples, Some(StopReason::Interrupted)).len(), 2);
    }

    #[test]
    fn way_that_falls_behind_is_overloaded() {
        let mut behind = way(8, &[("rate_applied", 10.0)]);
        for sample in behind.rounds.iter_mut().flatten() {
            sample.latency_ns = (1..=40).map(|at| at * 1_000_000).collect();
        }
        let ways = vec![behind, way(4, &[("rate_applied", 50.0)])];
        let cases = cases_of(MODES, &VariantSamples { ways, ..VariantSamples::default() }, Some(StopReason::Planned));
        assert!(
            cases[0].notes[1]
                .starts_with("Overloaded: 10.0 commands per second, where another way to send reached 50.0.")
        );
        assert_eq!(cases[1].notes, Vec::<String>::new());
    }

    #[test]
    fn missed_drain_is_omitted_with_a_note() {
        let drained = |share| [("delivered", share), ("rate_applied", 50.0), ("drain", 3.0)];
        let mut fire = way(0, &drained(100.0));
        for sample in fire.rounds.iter_mut().flatten() {
            sample.latency_ns.clear();
        }
        if let Some(Some(first)) = fire.rounds.first_mut() {
            first.figures.truncate(1);
        }
        let samples = VariantSamples { ways: vec![fire], ..VariantSamples::default() };
        let case = &cases_of("--mode fire-and-forget --rounds 8", &samples, Some(StopReason::Planned))[0];
        assert_eq!((case.metric("delivered").unwrap().n, case.metric("drain").unwrap().n), (8, 7));
        assert_eq!(case.metric("p50").unwrap().status, MetricStatus::Unsupported);
        assert!(case.notes[1].starts_with("In 1 of 8 rounds, a reply was still missing"), "{:?}", case.notes);
    }

    #[test]
    fn faults_and_histograms_belong_to_the_ways() {
        let (plan, study) = planned(MODES);
        let fault = RoundFault { words: "1 more reply".into(), kind: FaultKind::Surplus };
        let ways = vec![StrategySamples { fault: Some(fault), ..way(8, &[]) }, way(4, &[])];
        let samples = VariantSamples { ways, ..VariantSamples::default() };
        let comparison = StrategyComparison { plan: &plan, study: &study, samples: &samples };
        assert_eq!(comparison.faults(), [FaultKind::Surplus]);
        let histograms = comparison.histograms();
        assert_eq!((histograms[1].case.as_str(), histograms[1].parts[0].samples_ns.len()), ("mode/pipelined", 320));
        assert_eq!(
            (histograms[1].parts[0].start.as_nanos(), histograms[1].parts[0].duration.as_nanos()),
            (3_000, 4_000)
        );
    }
}
