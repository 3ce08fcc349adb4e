//! A recorded session, replayed: reply times by kind of reply.

use std::time::Duration;

use serde_json::json;

use super::super::study::{CaseHistogram, HistogramPart, RunContext, StopReason};
use super::bridge_study::{BridgeData, BridgeMeasurement};
use super::ipc_context::IpcContext;
use super::round_trips::lateness_note;
use crate::bridge::{Ack, FaultKind};
use crate::failure::Failure;
use crate::measure::{CaseEnd, ReplayResult, RoundTrips, case_state, metrics, replay};
use crate::plan::{IpcPlan, ReplayPlan};
use crate::record::{Case, CaseState, Direction, Metric};
use crate::report::{case_line, with_interval};

/// Samples of a replay.
#[derive(Debug, Default)]
pub(crate) struct ReplaySamples {
    /// When it began, in nanoseconds of the run's clock.
    began_ns: u64,
    /// Round trips by kind of reply.
    trips: Vec<(Ack, RoundTrips)>,
    /// Replies that may belong to more than one message.
    unassigned: u64,
}

impl BridgeMeasurement for ReplayPlan {
    type Samples = ReplaySamples;

    fn cautions(&self) -> Vec<String> {
        let counts = [
            (
                self.as_probes,
                "messages were replaced by harmless ones of the same size, sent at the same time: the session does not \
                 contain their text, or the dialect does not define them",
            ),
            (self.enlarged, "of these are larger than the originals: no harmless message is that small"),
            (
                self.left_out,
                "messages were left out: they load or unload a model (--replay-destructive sends them) or negotiate \
                 the framing",
            ),
            (
                self.connections.saturating_sub(1),
                "further connections of the session were replayed on the same connection",
            ),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
        let cut_short = "the session's last line is truncated, as when a process is killed, and was left out: it may \
            have been a message";
        counts.chain(self.is_cut.then(|| cut_short.to_owned())).collect()
    }

    fn measure(
        &self,
        bridge: &mut IpcContext<'_>,
        data: &mut BridgeData<ReplaySamples>,
        _: &mut RunContext<'_, BridgeData<ReplaySamples>>,
    ) -> Result<StopReason, Failure> {
        let phase = bridge.observer.phase("replay", self.schedule.len() as u64);
        bridge.connection.is_clean = false;
        let began_ns = bridge.clock.now_ns();
        let (client, loop_context) = bridge.loop_context(phase.counter());
        let ReplayResult { trips, unassigned } = replay(client, &self.schedule, loop_context);
        data.samples = ReplaySamples { began_ns, trips, unassigned };
        let all = || data.samples.trips.iter().map(|(_, trips)| trips);
        bridge.connection.is_clean = all().all(|trips| trips.first_fault.is_none() && trips.lost + trips.surplus == 0);
        let lines: Vec<String> = self
            .cases(bridge.plan, &data.samples, None)
            .iter()
            .map(|case| format!("{}: {}", case.path, case_line(case)))
            .collect();
        phase.finish(&lines.join("; "));
        let is_interrupted = all().any(|trips| matches!(trips.end, CaseEnd::Interrupted));
        Ok(if is_interrupted { StopReason::Interrupted } else { StopReason::Planned })
    }

    fn cases(&self, plan: &IpcPlan, samples: &ReplaySamples, _: Option<StopReason>) -> Vec<Case> {
        let each = samples.trips.iter().enumerate();
        each.map(|(place, (ack, trips))| self.case(plan, (*ack, place), trips, samples.unassigned)).collect()
    }

    fn findings(&self, _: &IpcPlan, samples: &ReplaySamples, cases: &[Case]) -> Vec<String> {
        samples.trips.iter().zip(cases).filter_map(|((ack, _), case)| self.finding(*ack, case)).collect()
    }

    fn faults(&self, plan: &IpcPlan, samples: &ReplaySamples) -> Vec<FaultKind> {
        let off_plan =
            samples.trips.iter().filter(|(_, trips)| case_state(trips, plan.bridge.dialect.ids).0 != CaseState::Ok);
        off_plan.filter_map(|(_, trips)| trips.fault_kind()).collect()
    }

    fn histograms(&self, plan: &IpcPlan, samples: &ReplaySamples) -> Vec<CaseHistogram> {
        let is_given = |trips: &RoundTrips| {
            !trips.latency_ns.is_empty() && case_state(trips, plan.bridge.dialect.ids).0.has_figures()
        };
        let of_ack = |(ack, trips): &(Ack, RoundTrips)| {
            let part = |tag, samples_ns: &[u64]| HistogramPart {
                tag,
                samples_ns: samples_ns.to_vec(),
                start: Duration::from_nanos(samples.began_ns),
                duration: Duration::from_nanos(trips.duration_ns),
            };
            let parts = vec![part(None, &trips.latency_ns), part(Some("send_lateness"), &trips.lateness_ns)];
            CaseHistogram { case: path(*ack), quantity: "latency", parts }
        };
        samples.trips.iter().filter(|(_, trips)| is_given(trips)).map(of_ack).collect()
    }
}

fn path(ack: Ack) -> String {
    format!("replay/{ack}")
}

impl ReplayPlan {
    fn case(&self, plan: &IpcPlan, (ack, place): (Ack, usize), trips: &RoundTrips, unassigned: u64) -> Case {
        let (state, reason) = case_state(trips, plan.bridge.dialect.ids);
        let mut metrics = metrics(trips, false, state);
        metrics.push(Metric::plain("unassigned", "count", unassigned as f64, trips.answered, Direction::None));
        Case {
            path: path(ack),
            state,
            reason,
            duration_s: trips.duration_ns as f64 / 1e9,
            conditions: json!({
                "ack": ack,
                "messages": self.schedule.len(),
                "due": self.schedule.iter().filter(|due| due.wants == Some(ack)).count(),
                "sent": trips.sent,
                "place_in_plan": place,
            }),
            notes: lateness_note(trips).into_iter().collect(),
            metrics,
            histograms: Vec::new(),
        }
    }

    fn finding(&self, ack: Ack, case: &Case) -> Option<String> {
        let p50 = case.metric("p50").filter(|p50| p50.value.is_some())?;
        let pace = if (self.speed - 1.0).abs() < f64::EPSILON {
            "the original speed".to_owned()
        } else {
            format!("{} times the original speed", self.speed)
        };
        Some(format!("At {pace}, {ack}: p50 {} (n {}).", with_interval(p50), p50.n))
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted::plan;
    use super::*;
    use crate::measure::ScheduledMessage;
    use crate::measure::planted::trips;

    fn replayed() -> ReplayPlan {
        let due = |wants| ScheduledMessage { at_ns: 0, line: b"{}\n".to_vec(), id: None, wants };
        ReplayPlan {
            file: "session.jsonl".into(),
            session: "tapped".into(),
            speed: 1.0,
            destructive: false,
            connections: 1,
            as_recorded: 3,
            as_probes: 0,
            enlarged: 0,
            switches: false,
            left_out: 0,
            is_cut: false,
            schedule: vec![due(Some(Ack::Received)), due(Some(Ack::Received)), due(Some(Ack::Applied))],
        }
    }

    fn samples() -> ReplaySamples {
        let received = RoundTrips { lateness_ns: vec![9; 40], ..trips(vec![1_000_000; 40]) };
        let applied = RoundTrips { lateness_ns: vec![9; 40], ..trips(vec![8_000_000; 30]) };
        ReplaySamples {
            began_ns: 2_000_000_000,
            trips: vec![(Ack::Received, received), (Ack::Applied, applied)],
            unassigned: 1,
        }
    }

    #[test]
    fn each_kind_of_reply_has_a_case_and_a_finding() {
        let (plan, study, samples) = (plan(""), replayed(), samples());
        let cases = study.cases(&plan, &samples, None);
        assert_eq!((cases[0].path.as_str(), cases[1].path.as_str()), ("replay/received", "replay/applied"));
        assert_eq!((&cases[0].conditions["due"], &cases[1].conditions["place_in_plan"]), (&json!(2), &json!(1)));
        assert_eq!(cases[1].metric("unassigned").unwrap().value, Some(1.0));
        let at_own_pace = [
            "At the original speed, received: p50 1.000 ms [1.000, 1.000] (n 40).",
            "At the original speed, applied: p50 8.000 ms [8.000, 8.000] (n 30).",
        ];
        assert_eq!(study.findings(&plan, &samples, &cases), at_own_pace);
        let faster = ReplayPlan { speed: 2.5, ..study }.findings(&plan, &samples, &cases);
        assert!(faster[0].starts_with("At 2.5 times the original speed, "), "{faster:?}");
    }

    #[test]
    fn replay_warns_about_replaced_messages_and_a_truncated_line() {
        assert_eq!(replayed().cautions(), Vec::<String>::new());
        let changed = ReplayPlan { as_probes: 3, enlarged: 1, left_out: 2, connections: 4, is_cut: true, ..replayed() };
        let told = changed.cautions();
        let begins: Vec<&str> = told.iter().filter_map(|line| line.split(&[':', '('][..]).next()).collect();
        assert_eq!(
            begins,
            [
                "3 messages were replaced by harmless ones of the same size, sent at the same time",
                "1 of these are larger than the originals",
                "2 messages were left out",
                "3 further connections of the session were replayed on the same connection",
                "the session's last line is truncated, as when a process is killed, and was left out",
            ]
        );
    }

    #[test]
    fn histograms_start_with_the_replay_and_losses_are_faults() {
        let (plan, study, mut samples) = (plan(""), replayed(), samples());
        assert_eq!(study.faults(&plan, &samples), []);
        let histograms = study.histograms(&plan, &samples);
        let lengths: Vec<Vec<usize>> = histograms
            .iter()
            .map(|histogram| histogram.parts.iter().map(|part| part.samples_ns.len()).collect())
            .collect();
        assert_eq!(lengths, [[40, 40], [30, 40]]);
        assert_eq!(histograms[0].parts[0].start, Duration::from_secs(2));
        samples.trips[0].1.lost = 1;
        samples.trips[0].1.first_fault_kind = Some(FaultKind::Late);
        samples.trips[1].1.surplus = 1;
        assert_eq!(study.faults(&plan, &samples), [FaultKind::Late, FaultKind::Surplus]);
        assert_eq!(study.histograms(&plan, &samples).len(), 1, "the surplus reply invalidates the second");
    }
}
