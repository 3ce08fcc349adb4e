//! `--find-max-rate`: searches for the highest rate that the bridge sustains, received and applied, step by step.

use serde_json::{Value, json};

use super::session::Session;
use crate::bridge::{Ack, BridgeError, Message};
use crate::clock::{ms, nanos};
use crate::failure::Failure;
use crate::host;
use crate::measure::{
    End, Failing, Limit, Load, Phase, Search, Step, Verdict, case_state, due_count, judge, measure_case, measure_step,
    saturated_per_s, search_metrics, step_metrics,
};
use crate::plan::MaxRatePlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Fact, Metric, MetricStatus};
use crate::stats::nearest_rank;
use crate::term::Progress;

/// Fewest exchanges from which the usual round trip of the bridge at rest is taken.
const AT_REST: usize = 20;

/// How much longer than others a confirming step lasts.
const CONFIRMING: u32 = 2;

/// Searches for both kinds of reply, and says what was found.
pub(super) fn run(session: &mut Session<'_>, study: &MaxRatePlan) -> Result<(), Failure> {
    for ack in [Ack::Received, Ack::Applied] {
        if session.plan.dialect.probe(ack).is_some() && !session.ends_here() {
            Hunt { session, study, ack, steps: Vec::new(), message_bytes: 0 }.run()?;
        }
    }
    Ok(())
}

/// The search for one kind of reply.
struct Hunt<'a, 's> {
    session: &'a mut Session<'s>,
    study: &'a MaxRatePlan,
    ack: Ack,
    steps: Vec<(Phase, Verdict)>,
    message_bytes: usize,
}

impl Hunt<'_, '_> {
    fn run(&mut self) -> Result<(), Failure> {
        let mut message = self.session.plan.message(self.ack, self.study.size_bytes);
        self.message_bytes = message.size_bytes();
        let Some(grace_ns) = self.at_rest(&mut message)? else { return Ok(()) };
        let mut search = Search::new(self.study.start_per_s, self.study.ceiling_per_s);
        let mut end = End::Complete;
        while let (End::Complete, Some((phase, rate_per_s))) = (&end, search.next()) {
            if self.session.ends_here() {
                end = End::Interrupted;
                break;
            }
            let step = self.measure(&mut message, phase, rate_per_s, grace_ns, &mut search)?;
            // A step that only lost messages has failed and was cleared up after: the search goes on below it.
            end = match step.end {
                End::Complete if is_void(&step, self.session.plan.dialect.ids) => {
                    End::Broken(BridgeError::Surplus { count: step.surplus })
                }
                end => end,
            };
        }
        self.conclude(&search, &end)
    }

    /// How long a reply usually takes when the bridge is at rest, twice the median; none when it does not answer, which is
    /// then on record.
    fn at_rest(&mut self, message: &mut Message) -> Result<Option<u64>, Failure> {
        let exchanges = self.session.plan.warm_up.max(AT_REST);
        let label = format!("{}/at-rest", self.ack);
        let progress = Progress::start(self.session.printer, &label, exchanges as u64);
        self.session.connection.is_clean = false;
        let (client, bench) = self.session.bench(progress.counter());
        let trips = measure_case(client, message, Load::Closed, (0, exchanges), 0, bench);
        progress.clear();
        self.session.connection.is_clean = matches!(trips.end, End::Complete | End::Interrupted);
        let (state, reason) = case_state(&trips, self.session.plan.dialect.ids);
        if state == CaseState::Ok {
            let mut sorted_ns = trips.latency_ns;
            sorted_ns.sort_unstable();
            return Ok(Some(2 * nearest_rank(&sorted_ns, 0.5)));
        }
        let absent = Metric::absent("max_rate", "1/s", 0, Direction::Higher, MetricStatus::Invalid);
        self.add(&format!("{}/max-rate", self.ack), (state, reason), 0.0, json!({}), vec![absent], Vec::new())?;
        Ok(None)
    }

    fn measure(
        &mut self,
        message: &mut Message,
        phase: Phase,
        rate_per_s: f64,
        grace_ns: u64,
        search: &mut Search,
    ) -> Result<Step, Failure> {
        let number = self.steps.len() + 1;
        let stretch = if phase == Phase::Confirm { CONFIRMING } else { 1 };
        let length = stretch * self.study.length(rate_per_s);
        let path = format!("{}/{number:02}-{}/{rate_per_s:.0}", self.ack, phase.name());
        let messages = due_count(rate_per_s, length) as u64;
        let progress = Progress::start(self.session.printer, &path, messages);
        let seed = self.session.plan.seed.wrapping_add(number as u64);
        self.session.connection.is_clean = false;
        let cpu_ns = host::cpu_time_ns();
        let (client, bench) = self.session.bench(progress.counter());
        let step = measure_step(client, message, rate_per_s, length, seed, bench);
        let cpu_use = cpu_use(&cpu_ns, &host::cpu_time_ns(), &step);
        self.session.connection.is_clean = !matches!(step.end, End::Broken(_));
        let verdict = judge(&step, grace_ns, self.study.p99_budget.map(nanos));
        if matches!(step.end, End::Interrupted) {
            progress.clear();
            return Ok(step);
        }
        progress.finish(&format!("{path}: {}", outcome(&verdict)));
        let conditions = json!({
            "phase": phase,
            "rate_per_s": rate_per_s,
            "messages": step.due_ns.len(),
            "sent": step.sent_ns.len(),
            "given_up": step.given_up,
            "held": verdict.held(),
            "failings": verdict.failings,
            "limit": verdict.limit,
            "socket_full_ms": ms(step.blocked_ns),
            "receiver_idle_ms": ms(step.receiver_idle_ns),
            "grace_ms": ms(grace_ns),
        });
        let notes = if verdict.held() { Vec::new() } else { vec![format!("Did not hold: {}.", outcome(&verdict))] };
        let mut metrics = step_metrics(&step, &verdict);
        if is_void(&step, self.session.plan.dialect.ids) {
            let of_replies = |metric: &Metric| metric.name == "goodput" || metric.name.starts_with("latency");
            let void = |metric: Metric| if of_replies(&metric) { metric.invalidated() } else { metric };
            metrics = metrics.into_iter().map(void).collect();
        }
        metrics.push(cpu_use);
        let state = step_state(&step, self.session.plan.dialect.ids);
        self.add(&path, state, ms(step.length_ns) / 1e3, conditions, metrics, notes)?;
        search.record(verdict.held());
        self.steps.push((phase, verdict));
        Ok(step)
    }

    /// Records what the search came to.
    fn conclude(&mut self, search: &Search, end: &End) -> Result<(), Failure> {
        let of = |wanted: &dyn Fn(&(Phase, Verdict)) -> bool| -> Vec<&Verdict> {
            self.steps.iter().filter(|step| wanted(step)).map(|step| &step.1).collect()
        };
        let overloaded = of(&|(_, verdict)| {
            let short = verdict.failings.iter().any(|failing| matches!(failing, Failing::Goodput { .. }));
            short && verdict.limit == Some(Limit::Bridge)
        });
        let confirming = of(&|(phase, verdict)| *phase == Phase::Confirm && verdict.held());
        let metrics = search_metrics(search, &overloaded, &confirming);
        let state = match end {
            End::Interrupted => (CaseState::Interrupted, Some("interrupted before the search had ended".into())),
            End::Broken(error) => (CaseState::Lossy, Some(format!("the search ended early: {error}"))),
            End::Complete => (CaseState::Ok, None),
        };
        let limit = self
            .steps
            .iter()
            .filter(|(_, verdict)| !verdict.held())
            .min_by(|a, b| a.1.offered_per_s.total_cmp(&b.1.offered_per_s));
        let limit = limit.and_then(|(_, verdict)| verdict.limit);
        let conditions = json!({ "limit": limit, "steps": self.steps.len(), "held_per_s": search.held_per_s() });
        let saturated = saturated_per_s(&overloaded);
        let finding = finding(self.ack, self.study, search, limit, saturated, &confirming);
        self.session.recorder.run.findings.extend(finding);
        self.add(&format!("{}/max-rate", self.ack), state, 0.0, conditions, metrics, Vec::new())
    }

    fn add(
        &mut self,
        path: &str,
        (state, reason): (CaseState, Option<String>),
        duration_s: f64,
        mut conditions: Value,
        metrics: Vec<Metric>,
        notes: Vec<String>,
    ) -> Result<(), Failure> {
        conditions["ack"] = json!(self.ack);
        conditions["size_bytes"] = json!(self.message_bytes);
        let path = path.to_owned();
        let case = Case { path, state, reason, duration_s, conditions, notes, metrics, histograms: Vec::new() };
        Ok(self.session.recorder.add(case)?)
    }
}

/// Whether nobody can tell which message a reply of the step answers: there were more replies than messages, without ids.
fn is_void(step: &Step, ids: bool) -> bool {
    step.surplus > 0 && !ids
}

/// A step that fails is a result; one that lost replies is also a fault of the bridge.
fn step_state(step: &Step, ids: bool) -> (CaseState, Option<String>) {
    let account = format!("{} of {} answered", step.answered, counted(step.sent_ns.len(), "message"));
    match &step.end {
        End::Complete if is_void(step, ids) => {
            let why = BridgeError::Surplus { count: step.surplus };
            (CaseState::Invalid, Some(format!("{account}; replies carry no id, and {why}")))
        }
        End::Complete if step.surplus > 0 => (CaseState::Lossy, Some(format!("{account}, {} surplus", step.surplus))),
        End::Complete if step.lost() + step.garbled > 0 => {
            (CaseState::Lossy, Some(format!("{account}, {} garbled", step.garbled)))
        }
        End::Complete => (CaseState::Ok, None),
        End::Interrupted => (CaseState::Interrupted, Some(account)),
        End::Broken(error) => (CaseState::Lossy, Some(format!("{account}; ended by: {error}"))),
    }
}

/// What a step came to, in words.
fn outcome(verdict: &Verdict) -> String {
    if verdict.held() {
        return format!("held, {:.0} a second answered", verdict.goodput_per_s);
    }
    let whose = match verdict.limit {
        Some(Limit::Client) => "this program was the limit",
        _ => "the bridge was the limit",
    };
    let failings: Vec<String> = verdict.failings.iter().map(ToString::to_string).collect();
    format!("{}; {:.0} a second answered; {whose}", failings.join("; "), verdict.goodput_per_s)
}

/// What the search found, in a sentence or two.
fn finding(
    ack: Ack,
    study: &MaxRatePlan,
    search: &Search,
    limit: Option<Limit>,
    saturated: Option<f64>,
    confirming: &[&Verdict],
) -> Option<String> {
    let within = study.p99_budget.map_or(String::new(), |budget| format!(" with p99 within {budget:?}"));
    let Some(found) = search.found_per_s() else {
        let failed = search.failed_per_s().filter(|_| search.next().is_none())?;
        return Some(format!("{ack}: no rate holds{within}, not even {failed:.1} messages a second."));
    };
    let messages: usize = confirming.iter().map(|verdict| verdict.latency_ns.len()).sum();
    let sustained = format!(
        "{ack}: sustains {found:.0} messages a second{within}, confirmed twice (n {messages}, goodput at least 98 % of \
         offered, no growing backlog)."
    );
    let beyond = match (search.failed_per_s(), limit, saturated) {
        (None, ..) => "That is the highest rate that was tried: the bridge may take more.".to_owned(),
        (Some(failed), Some(Limit::Client), _) => format!(
            "{failed:.0} a second failed because of this program, not of the bridge, which takes at least what held."
        ),
        (Some(failed), _, Some(rate)) => format!(
            "{failed:.0} a second failed, and the bridge was the limit: offered more, it answered {rate:.0} a second."
        ),
        (Some(failed), ..) => format!("{failed:.0} a second failed, and the bridge was the limit."),
    };
    Some(format!("{sustained} {beyond}"))
}

/// CPU time of this process over a step, in CPUs.
fn cpu_use(before: &Fact<u64>, after: &Fact<u64>, step: &Step) -> Metric {
    match (before, after) {
        (Fact::Value(before), Fact::Value(after)) => {
            let used = after.saturating_sub(*before) as f64 / step.length_ns as f64;
            Metric::plain("cpu_use", "CPUs", used, step.sent_ns.len() as u64, Direction::None)
        }
        _ => Metric::absent("cpu_use", "CPUs", 0, Direction::None, MetricStatus::Unsupported),
    }
}
