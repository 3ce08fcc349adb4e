//! `--breakdown`: takes round trips apart, received and applied; exact with the bridge's stamps, bounds without.

use serde_json::{Value, json};

use super::session::Session;
use crate::bridge::{Ack, BridgeError};
use crate::clock::ms;
use crate::failure::Failure;
use crate::measure::{
    BoundsFromOutside, Clocks, End, Exchange, Load, Part, QUIET, bounds_from_outside, clocks, measure_case,
    measure_exchanges, part_metrics, parts,
};
use crate::plan::BreakdownPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState};
use crate::studies::ended_by;
use crate::term::Progress;

/// Measures both kinds of reply, and takes their round trips apart.
pub(super) fn run(session: &mut Session<'_>, study: &BreakdownPlan) -> Result<(), Failure> {
    let plan = session.plan;
    for ack in [Ack::Received, Ack::Applied] {
        if plan.dialect.probe(ack).is_none() || session.ends_here() {
            continue;
        }
        let Measured { mut exchanges, end, surplus } = measure(session, study, ack);
        if surplus > 0 && !plan.dialect.ids {
            // Any of them may have been taken for the reply to another message.
            exchanges.clear();
        }
        let account = Account { ack, size_bytes: plan.message(ack, study.size_bytes).size_bytes(), end: &end, surplus };
        let (cases, findings) = match clocks(&exchanges) {
            Some(clocks) => exact(&account, &exchanges, &clocks),
            None => bounds(&account, &exchanges),
        };
        session.recorder.run.findings.extend(findings);
        for case in cases {
            session.recorder.add(case)?;
        }
        if matches!(end, End::Broken(_)) && !session.connection.is_alive(plan, session.stop) {
            break;
        }
    }
    Ok(())
}

/// What came of one kind of reply.
struct Measured {
    exchanges: Vec<Exchange>,
    end: End,
    /// Replies that answer nothing that was asked.
    surplus: u64,
}

fn measure(session: &mut Session<'_>, study: &BreakdownPlan, ack: Ack) -> Measured {
    let plan = session.plan;
    let progress = Progress::start(session.printer, &format!("{ack}/breakdown"), plan.messages as u64);
    session.connection.is_clean = false;
    let make = || plan.message(ack, study.size_bytes);
    let (client, bench) = session.bench(progress.counter());
    let warming = measure_case(client, &mut make(), Load::Closed, (0, plan.warm_up), 0, bench);
    let (exchanges, mut end) = match warming.end {
        End::Complete => measure_exchanges(client, &make, plan.messages, plan.seed.wrapping_add(ack as u64), bench),
        end => (Vec::new(), end),
    };
    let mut surplus = warming.surplus;
    if matches!(end, End::Complete) {
        match client.settle(QUIET) {
            Ok(count) => surplus += count,
            Err(error) => end = End::Broken(error),
        }
    }
    surplus += client.take_surplus();
    session.connection.is_clean = matches!(end, End::Complete);
    progress.finish(&format!("{ack}/breakdown: {}", counted(exchanges.len(), "round trip")));
    Measured { exchanges, end, surplus }
}

/// What the cases of one kind of reply share.
struct Account<'a> {
    ack: Ack,
    size_bytes: usize,
    end: &'a End,
    surplus: u64,
}

impl Account<'_> {
    fn case(&self, name: &str, samples_ns: &[i64], more: &Value, notes: Vec<String>) -> Case {
        let more_replies = || Some(BridgeError::Surplus { count: self.surplus }.to_string());
        let (state, reason) = match self.end {
            End::Complete if self.surplus > 0 && samples_ns.is_empty() => (CaseState::Invalid, more_replies()),
            End::Complete if self.surplus > 0 => (CaseState::Lossy, more_replies()),
            End::Complete => (CaseState::Ok, None),
            End::Interrupted => (CaseState::Interrupted, Some(ended_by())),
            End::Broken(error) if samples_ns.is_empty() => (CaseState::Failed, Some(error.to_string())),
            End::Broken(error) => (CaseState::Lossy, Some(format!("ended by: {error}"))),
        };
        Case {
            path: format!("{}/breakdown/{name}", self.ack),
            state,
            reason,
            duration_s: 0.0,
            conditions: json!({"ack": self.ack, "size_bytes": self.size_bytes, "part": name, "about": more}),
            notes,
            metrics: part_metrics(samples_ns).into_iter().map(|metric| metric.of_case(state)).collect(),
            histograms: Vec::new(),
        }
    }

    fn whole(&self, exchanges: &[Exchange]) -> Case {
        let whole_ns: Vec<i64> =
            exchanges.iter().map(|exchange| within(exchange.begin_ns, exchange.parsed_ns)).collect();
        self.case("whole", &whole_ns, &json!({}), Vec::new())
    }
}

fn within(from_ns: u64, to_ns: u64) -> i64 {
    i64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(i64::MAX)
}

/// The parts, each a case, and what they come to.
fn exact(account: &Account<'_>, exchanges: &[Exchange], clocks: &Clocks) -> (Vec<Case>, Vec<String>) {
    let taken: Vec<Vec<(Part, i64)>> = exchanges.iter().filter_map(|exchange| parts(exchange, clocks)).collect();
    let error_us = clocks.error_ns as f64 / 1e3;
    let about = json!({"clock_error_us": error_us, "clock_drift_ppm": clocks.drift_ppm()});
    let mut cases = vec![account.whole(exchanges)];
    let mut shares = Vec::new();
    for part in Part::ALL {
        let samples_ns: Vec<i64> =
            taken.iter().filter_map(|parts| parts.iter().find(|taken| taken.0 == part)).map(|taken| taken.1).collect();
        if samples_ns.is_empty() {
            continue;
        }
        let caveat = "The offset between the two clocks is in it: what one way gains by its error, the other loses.";
        let notes = if part.spans_clocks() { vec![caveat.to_owned()] } else { Vec::new() };
        shares.push((part, samples_ns.iter().sum::<i64>() as f64 / taken.len() as f64));
        cases.push(account.case(part.name(), &samples_ns, &about, notes));
    }
    let whole_ns: f64 = shares.iter().map(|share| share.1).sum();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let told: Vec<String> = shares
        .iter()
        .take_while(|share| share.1 >= 0.01 * whole_ns)
        .map(|(part, ns)| {
            format!("{} {:.3} ms ({:.0} %)", part.name().replace('_', " "), ns / 1e6, ns / whole_ns * 100.0)
        })
        .collect();
    let mut findings = vec![
        format!("{}: of {:.3} ms on average (n {}), {}.", account.ack, whole_ns / 1e6, taken.len(), told.join(", ")),
        format!(
            "{}: the offset between the clocks is known to ±{error_us:.1} µs (half of the fastest exchanges); drift {:.1} ppm.",
            account.ack,
            clocks.drift_ppm()
        ),
    ];
    findings.extend(frames(account.ack, exchanges));
    (cases, findings)
}

/// Frame period and jitter by the bridge's own account.
fn frames(ack: Ack, exchanges: &[Exchange]) -> Option<String> {
    let seen: Vec<(f64, f64)> = exchanges
        .iter()
        .filter_map(|exchange| exchange.stamps.and_then(|stamps| Some((stamps.frame? as f64, stamps.frame_ns? as f64))))
        .collect();
    let (first, last) = (seen.first()?, seen.last()?);
    let frames = last.0 - first.0;
    if frames < 10.0 {
        return None;
    }
    let period_ns = (last.1 - first.1) / frames;
    let squares: f64 = seen.iter().map(|at| (at.1 - first.1 - (at.0 - first.0) * period_ns).powi(2)).sum();
    let jitter_ns = (squares / seen.len() as f64).sqrt();
    Some(format!(
        "{ack}: by the bridge's own stamps a frame lasts {:.3} ms ({:.2} a second), with a jitter of {:.3} ms (n {}).",
        period_ns / 1e6,
        1e9 / period_ns,
        jitter_ns / 1e6,
        seen.len()
    ))
}

/// What can be said from outside.
fn bounds(account: &Account<'_>, exchanges: &[Exchange]) -> (Vec<Case>, Vec<String>) {
    let each = |of: fn(&Exchange) -> i64| -> Vec<i64> { exchanges.iter().map(of).collect() };
    let mut cases = vec![
        account.whole(exchanges),
        account.case("serialise", &each(|it| within(it.begin_ns, it.write_ns)), &json!({}), Vec::new()),
        account.case("write", &each(|it| within(it.write_ns, it.written_ns)), &json!({}), Vec::new()),
    ];
    let mut findings = Vec::new();
    if let Some(fastest_ns) = BoundsFromOutside::fastest_ns(exchanges) {
        let bounds = bounds_from_outside(exchanges, fastest_ns);
        let note = "A bound: network and bridge together, for a bridge without stamps. Neither takes more than this.";
        cases.push(account.case(
            "network_and_bridge",
            &bounds.outside_ns,
            &json!({"bound": "upper", "fastest_ms": ms(fastest_ns.unsigned_abs())}),
            vec![note.to_owned()],
        ));
        let mean_ms = |samples: &[i64]| samples.iter().sum::<i64>() as f64 / samples.len() as f64 / 1e6;
        findings.push(format!(
            "{}: the bridge stamps nothing, so that only bounds can be given. Network and bridge together take {:.3} ms on \
             average (n {}); the network takes at most {:.3} ms of it, both ways, when it is at its best, and {:.3} ms come on \
             top of that.",
            account.ack,
            mean_ms(&bounds.outside_ns),
            exchanges.len(),
            bounds.network_at_most_ns as f64 / 1e6,
            mean_ms(&bounds.beyond_fastest_ns)
        ));
    }
    cases.push(account.case("parse_reply", &each(|it| within(it.arrived_ns, it.parsed_ns)), &json!({}), Vec::new()));
    (cases, findings)
}
