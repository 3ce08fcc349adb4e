//! `--replay`: plays a tapped session again, and records the reply times by what the replies mean.

use std::time::Duration;

use serde_json::json;

use super::round_trips::lateness_note;
use super::session::Session;
use crate::bridge::Ack;
use crate::failure::Failure;
use crate::measure::{RoundTrips, case_state, metrics, replay};
use crate::plan::ReplayPlan;
use crate::record::{Case, Direction, HlogPart, Metric};
use crate::report::{case_line, with_interval};
use crate::stats::histogram_of;
use crate::term::Progress;

/// Plays the session.
pub(super) fn run(session: &mut Session<'_>, study: &ReplayPlan) -> Result<(), Failure> {
    session.recorder.run.warnings.extend(remarks(study));
    let progress = Progress::start(session.printer, "replay", study.schedule.len() as u64);
    let began = Duration::from_nanos(session.clock.now_ns());
    session.connection.is_clean = false;
    let (client, bench) = session.bench(progress.counter());
    let replayed = replay(client, &study.schedule, bench);
    let cases: Vec<(Case, RoundTrips)> = replayed
        .trips
        .into_iter()
        .enumerate()
        .map(|(place, (ack, trips))| (case(session, study, (ack, place), &trips, replayed.unassigned), trips))
        .collect();
    session.connection.is_clean =
        cases.iter().all(|(_, trips)| trips.first_fault.is_none() && trips.lost + trips.surplus == 0);
    let lines: Vec<String> = cases.iter().map(|(case, _)| format!("{}: {}", case.path, case_line(case))).collect();
    progress.finish(&lines.join("; "));
    for (mut case, trips) in cases {
        if case.metric("mean").is_some_and(|mean| mean.value.is_some()) {
            let (latency, lateness) = (histogram_of(&trips.latency_ns), histogram_of(&trips.lateness_ns));
            let duration = Duration::from_nanos(trips.duration_ns);
            let part = |tag, histogram| HlogPart { tag, histogram, start: began, duration };
            let parts = [part(None, &latency), part(Some("send_lateness"), &lateness)];
            case.histograms.push(session.recorder.histograms(&case, "latency", &parts)?);
        }
        session.recorder.run.findings.extend(finding(&case, study.speed));
        session.recorder.add(case)?;
    }
    Ok(())
}

/// What must be known about what is sent.
fn remarks(study: &ReplayPlan) -> Vec<String> {
    let remarks = [
        (
            study.as_probes,
            "messages were replaced by harmless ones of the same size at the same moment: the session does not hold what they \
             said, or the dialect does not know them",
        ),
        (study.enlarged, "of these are larger than they were: no harmless message is that small"),
        (
            study.left_out,
            "messages were left out: they load or unload a model (--replay-destructive sends them), or settle the framing",
        ),
        (study.connections.saturating_sub(1), "further connections of the session were played on the same one"),
    ];
    let counted = remarks.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
    let cut = "the session's last line is cut short, as by a process that was killed, and was left out: it may have been a message";
    counted.chain(study.is_cut.then(|| cut.to_owned())).collect()
}

fn case(
    session: &Session<'_>,
    study: &ReplayPlan,
    (ack, place): (Ack, usize),
    trips: &RoundTrips,
    unassigned: u64,
) -> Case {
    let (state, reason) = case_state(trips, session.plan.dialect.ids);
    let mut metrics = metrics(trips, false, state);
    metrics.push(Metric::plain("unassigned", "count", unassigned as f64, trips.answered, Direction::None));
    Case {
        path: format!("replay/{ack}"),
        state,
        reason,
        duration_s: trips.duration_ns as f64 / 1e9,
        conditions: json!({
            "ack": ack,
            "messages": study.schedule.len(),
            "due": study.schedule.iter().filter(|due| due.wants == Some(ack)).count(),
            "sent": trips.sent,
            "place_in_plan": place,
        }),
        notes: lateness_note(trips).into_iter().collect(),
        metrics,
        histograms: Vec::new(),
    }
}

fn finding(case: &Case, speed: f64) -> Option<String> {
    let p50 = case.metric("p50").filter(|p50| p50.value.is_some())?;
    let pace = if (speed - 1.0).abs() < f64::EPSILON {
        "the session's own pace".to_owned()
    } else {
        format!("{speed} times the session's pace")
    };
    Some(format!("At {pace}, {}: p50 {} (n {}).", case.conditions["ack"].as_str()?, with_interval(p50), p50.n))
}
