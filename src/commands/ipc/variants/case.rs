//! From the rounds of one way to its case: the unit is the round, not the message.

use std::time::Duration;

use serde_json::json;

use super::super::session::Session;
use super::batch_check::Verdict;
use super::round::Sample;
use crate::clock::ms;
use crate::failure::Failure;
use crate::measure::Mode;
use crate::plan::{VariantsPlan, Way};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, HlogPart, Metric, MetricStatus};
use crate::stats::{PairedRatio, histogram_of, mean_of, nearest_rank, paired_ratio, samples_needed};
use crate::studies::setup::Seen;

/// What one way has so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// By round; `None` for a round that failed.
    pub(super) rounds: Vec<Option<Sample>>,
    /// The first fault, in words.
    pub(super) fault: Option<String>,
    /// When the first round began, on the run's clock.
    pub(super) began_ns: Option<u64>,
    /// Length of its rounds together.
    pub(super) took_ns: u64,
}

impl Collected {
    fn good(&self) -> impl Iterator<Item = &Sample> {
        self.rounds.iter().flatten()
    }

    /// The median latency of each round that has enough for one, in ms.
    fn medians(&self) -> Vec<Option<f64>> {
        let median = |sample: &Sample| {
            let enough = sample.latency_ns.len() >= samples_needed(0.5);
            enough.then(|| ms(nearest_rank(&sorted(&sample.latency_ns), 0.5)))
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(median)).collect()
    }

    /// Whether commands of the second half of the rounds took much longer than those of the first.
    fn falls_behind(&self) -> bool {
        let sum = |part: &[u64]| part.iter().map(|ns| ms(*ns)).sum::<f64>();
        let halves = self.good().map(|sample| sample.latency_ns.split_at(sample.latency_ns.len() / 2));
        let (early, late) = halves.fold((0.0, 0.0), |(early, late), (a, b)| (early + sum(a), late + sum(b)));
        late > FALLS_BEHIND * early
    }

    /// The mean latency of each round, in ms.
    fn means(&self) -> Vec<Option<f64>> {
        let mean = |sample: &Sample| {
            let n = sample.latency_ns.len();
            (n > 0).then(|| sample.latency_ns.iter().map(|ns| ms(*ns)).sum::<f64>() / n as f64)
        };
        self.rounds.iter().map(|sample| sample.as_ref().and_then(mean)).collect()
    }
}

/// A figure of each round.
type Statistic = fn(&Collected) -> Vec<Option<f64>>;

/// Name, unit and direction of the figures that a round may give beside its latencies.
const FIGURES: [(&str, &str, Direction); 16] = [
    ("received_mean", "ms", Direction::Lower),
    ("applied_latest_mean", "ms", Direction::Lower),
    ("rate_applied", "1/s", Direction::None),
    ("fill_wait_mean", "ms", Direction::Lower),
    ("round_trip_mean", "ms", Direction::Lower),
    ("commands_per_message", "count", Direction::None),
    ("bytes_per_command", "bytes", Direction::Lower),
    ("bytes", "bytes", Direction::Lower),
    ("bytes_compact", "bytes", Direction::Lower),
    ("encode", "us", Direction::Lower),
    ("decode", "us", Direction::Lower),
    ("write_mean", "ms", Direction::Lower),
    ("delivered", "%", Direction::Higher),
    ("drain", "ms", Direction::Lower),
    ("frames", "count", Direction::Lower),
    ("held_back", "%", Direction::Lower),
];

/// A way that carries out less than this share of what the best one does has not kept up.
const KEEPS_UP: f64 = 0.9;

/// So many times as long do commands of the second half of a round take, at the least, where what came waited for what went before.
const FALLS_BEHIND: f64 = 1.5;

/// Figures that a round without replies does not give when its barrier is not answered in full.
const OF_DRAINED: [&str; 2] = ["rate_applied", "drain"];

/// Figures that say nothing about commands whose batch is not applied.
const OF_APPLIED: [&str; 1] = ["rate_applied"];

/// Everything that was collected, and what it is judged by.
pub(super) struct Bundle<'a> {
    pub(super) study: &'a VariantsPlan,
    pub(super) collected: &'a [Collected],
    pub(super) verdict: Option<&'a Verdict>,
    /// What tells when the application's one command is applied, where that is among the ways.
    pub(super) seen: Option<Seen>,
}

impl Bundle<'_> {
    /// The case of the way at `place`, with its histograms written.
    pub(super) fn case(&self, session: &Session<'_>, place: usize, interrupted: bool) -> Result<Case, Failure> {
        let (way, collected) = (self.study.ways[place], &self.collected[place]);
        let rounds = collected.good().count();
        let (state, reason) = self.state(collected, rounds, interrupted);
        let mut case = Case {
            path: way.path(),
            state,
            reason,
            duration_s: collected.took_ns as f64 / 1e9,
            conditions: json!({
                "way": way,
                "baseline": self.study.baseline(place).map(|place| self.study.ways[place].path()),
                "offered_per_s": self.study.offered_per_s,
                "window_ms": self.study.window.as_secs_f64() * 1e3,
                "messages": session.plan.messages,
                "rounds": rounds,
                "round_means_ms": collected.means(),
                "place_in_plan": place,
            }),
            notes: self.notes(place, session),
            metrics: self.metrics(place, state),
            histograms: Vec::new(),
        };
        if let (Way::AppReaction, Some(seen)) = (way, self.seen) {
            case.conditions["applied_by"] = seen.conditions();
            case.notes.push(seen.note());
        }
        let pooled: Vec<u64> = collected.good().flat_map(|sample| sample.latency_ns.iter().copied()).collect();
        if !pooled.is_empty() {
            let histogram = histogram_of(&pooled);
            let (start, duration) =
                (Duration::from_nanos(collected.began_ns.unwrap_or(0)), Duration::from_nanos(collected.took_ns));
            let part = HlogPart { tag: None, histogram: &histogram, start, duration };
            case.histograms.push(session.recorder.histograms(&case, "latency", &[part])?);
        }
        Ok(case)
    }

    fn state(&self, collected: &Collected, rounds: usize, interrupted: bool) -> (CaseState, Option<String>) {
        let missing = self.study.rounds as usize - rounds.min(self.study.rounds as usize);
        match (&collected.fault, rounds) {
            (Some(fault), 0) => (CaseState::Failed, Some(fault.clone())),
            (Some(fault), _) => {
                (CaseState::Lossy, Some(format!("{} failed; first: {fault}", counted(missing, "round"))))
            }
            (None, 0) => (CaseState::NotMeasured, Some("the run ended before its turn".into())),
            (None, _) if missing == 0 => (CaseState::Ok, None),
            (None, _) if interrupted => {
                (CaseState::Interrupted, Some(format!("interrupted after {}", counted(rounds, "round"))))
            }
            (None, _) => (CaseState::Lossy, Some(format!("the run ended after {}", counted(rounds, "round")))),
        }
    }

    /// Whether the figures of this way are of commands that took effect.
    fn is_applied(&self, way: Way) -> bool {
        !way.is_batch() || self.verdict.is_none_or(|verdict| verdict.applied == Some(true))
    }

    fn notes(&self, place: usize, session: &Session<'_>) -> Vec<String> {
        let way = self.study.ways[place];
        let mut notes = Vec::new();
        if let Some(verdict) = self.verdict.filter(|_| !self.is_applied(way)) {
            let what = match verdict.applied {
                Some(false) => "Acknowledged, not applied",
                _ => "Acknowledged; whether its commands are applied cannot be told",
            };
            notes.push(format!("{what}: {}. No figure is given for commands.", verdict.evidence));
        }
        if let Way::Codec(_, shape) = way
            && !shape.is_harmless()
            && !session.connection.is_embedded()
        {
            notes.push("Not sent to a real avatar, which it would change: encoding and decoding alone.".into());
        }
        match way {
            Way::Mode(Mode::FireAndForget) => {
                notes.push(
                    "As Workly sends. Without replies no command has a latency; the barrier says what arrived and when all of it \
                     had."
                    .into(),
                );
                notes.extend(undrained_note(&self.collected[place]));
            }
            Way::Mode(Mode::Request) => {
                notes.push("Workly does not wait for replies: a gain over this mode is no gain over Workly.".into());
            }
            _ => {}
        }
        notes.extend(self.overload_note(place));
        notes
    }

    /// Said of a way that did not keep up with what was offered.
    fn overload_note(&self, place: usize) -> Option<String> {
        let rate = |collected: &Collected| {
            let rates: Vec<f64> = collected.good().flat_map(|sample| &sample.figures).filter_map(rate_of).collect();
            Some(mean_of(&rates)?.value)
        };
        let own = rate(&self.collected[place])?;
        let best = self.collected.iter().filter_map(rate).fold(0.0, f64::max);
        (own < KEEPS_UP * best && self.collected[place].falls_behind()).then(|| {
            format!(
                "Overloaded: {own:.1} commands a second where another way carried out {best:.1}. What came waited for what \
                 went before, longer and longer, so that this latency grows with the length of the round."
            )
        })
    }

    fn metrics(&self, place: usize, state: CaseState) -> Vec<Metric> {
        let (way, collected) = (self.study.ways[place], &self.collected[place]);
        let applied = self.is_applied(way);
        let mut metrics = latencies(collected, applied);
        for (name, unit, direction) in FIGURES {
            let values: Vec<f64> = collected
                .good()
                .filter_map(|sample| sample.figures.iter().find(|(other, _)| *other == name))
                .map(|(_, value)| *value)
                .collect();
            if values.is_empty() {
                let is_missing = way == Way::Mode(Mode::FireAndForget) && OF_DRAINED.contains(&name);
                if is_missing && collected.good().next().is_some() {
                    metrics.push(Metric::absent(name, unit, 0, direction, MetricStatus::Invalid));
                }
                continue;
            }
            metrics.push(if applied || !OF_APPLIED.contains(&name) {
                over_rounds(name, unit, direction, &values)
            } else {
                Metric::absent(name, unit, values.len() as u64, direction, MetricStatus::Unsupported)
            });
        }
        for (name, of) in [("mean_ratio", Collected::means as Statistic), ("p50_ratio", Collected::medians)] {
            metrics.extend(self.ratio(place, of).map(|ratio| Metric {
                ci_low: ratio.interval.map(|interval| interval.0),
                ci_high: ratio.interval.map(|interval| interval.1),
                ..Metric::plain(name, "x", ratio.ratio, ratio.n as u64, Direction::Lower)
            }));
        }
        if matches!(state, CaseState::Lossy | CaseState::Interrupted) {
            for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
                metric.status = MetricStatus::Partial;
            }
        }
        metrics
    }

    /// A figure over that of the baseline, round by round.
    fn ratio(&self, place: usize, of_round: Statistic) -> Option<PairedRatio> {
        let baseline = self.study.baseline(place)?;
        if !self.is_applied(self.study.ways[place]) {
            return None;
        }
        // Replies tell of the others: the account of a bridge is another measure.
        if self.seen.is_some_and(|seen| !seen.is_by_reply()) {
            return None;
        }
        let (of, to) = (of_round(&self.collected[place]), of_round(&self.collected[baseline]));
        let pairs: (Vec<f64>, Vec<f64>) = of.iter().zip(&to).filter_map(|(of, to)| Some(((*of)?, (*to)?))).unzip();
        paired_ratio(&pairs.0, &pairs.1)
    }
}

/// Said of rounds without replies in which some commands were never answered for.
fn undrained_note(collected: &Collected) -> Option<String> {
    let is_drained = |sample: &&Sample| sample.figures.iter().any(|(name, _)| *name == "drain");
    let rounds = collected.good().count();
    let undrained = rounds - collected.good().filter(is_drained).count();
    (undrained > 0).then(|| {
        format!(
            "In {undrained} of {} a reply was still missing at the timeout: when the last command was applied is not known there, \
             and no rate is given.",
            counted(rounds, "round")
        )
    })
}

fn rate_of(figure: &(&'static str, f64)) -> Option<f64> {
    (figure.0 == "rate_applied").then_some(figure.1)
}

/// A figure over the rounds: mean, standard deviation, Student's interval.
fn over_rounds(name: &str, unit: &str, direction: Direction, values: &[f64]) -> Metric {
    let n = values.len() as u64;
    match mean_of(values) {
        None => Metric::absent(name, unit, n, direction, MetricStatus::TooFew),
        Some(mean) => Metric {
            spread: mean.stddev,
            ci_low: mean.interval.map(|interval| interval.0),
            ci_high: mean.interval.map(|interval| interval.1),
            ..Metric::plain(name, unit, mean.value, n, direction)
        },
    }
}

/// Percentiles and mean of the latency: of each round, then over the rounds. Of what is only acknowledged they are those of the
/// acknowledgement, under names of their own.
fn latencies(collected: &Collected, applied: bool) -> Vec<Metric> {
    let rounds = || collected.good().filter(|sample| !sample.latency_ns.is_empty());
    let n = rounds().count();
    let percentile = |p: f64| -> Vec<f64> {
        let enough = |sample: &&Sample| sample.latency_ns.len() >= samples_needed(p);
        rounds().filter(enough).map(|sample| ms(nearest_rank(&sorted(&sample.latency_ns), p))).collect()
    };
    let means: Vec<f64> = collected.means().into_iter().flatten().collect();
    let mut metrics = Vec::new();
    for (name, values) in [("p50", percentile(0.5)), ("p90", percentile(0.9)), ("mean", means)] {
        let absent = |status| Metric::absent(name, "ms", n as u64, Direction::Lower, status);
        if n == 0 || !applied {
            metrics.push(absent(MetricStatus::Unsupported));
        } else if values.len() < n {
            metrics.push(absent(MetricStatus::TooFew));
        } else {
            metrics.push(over_rounds(name, "ms", Direction::Lower, &values));
        }
        if n > 0 && !applied && values.len() == n {
            metrics.push(over_rounds(&format!("ack_{name}"), "ms", Direction::None, &values));
        }
    }
    metrics
}

fn sorted(samples_ns: &[u64]) -> Vec<u64> {
    let mut sorted_ns = samples_ns.to_vec();
    sorted_ns.sort_unstable();
    sorted_ns
}
