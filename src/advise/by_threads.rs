//! `n_threads` and `n_threads_batch`: by the newest sweep of this machine and model, else by the documents' rule with a core
//! left to the avatar.

use serde_json::Value;

use super::recommendation::{Basis, Choice, Confidence, Evidence, Margin, Objective, Setting};
use super::situation::Situation;
use super::threads::later_rule;
use super::{Candidate, Certainty, ThreadChoice};
use crate::record::{Case, CaseState, Run};
use crate::stats::PairedRatio;

/// `light` gives threads away down to this share of the fastest.
const LIGHT_SHARE: f64 = 0.8;

/// `responsive` wants the first token within this, in milliseconds.
pub(super) const TTFT_TARGET_MS: f64 = 1_000.0;

/// One of the two tests of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Generation,
    Prompt,
}

impl Test {
    fn word(self) -> &'static str {
        match self {
            Self::Generation => "tg",
            Self::Prompt => "pp",
        }
    }

    fn setting(self) -> Setting {
        match self {
            Self::Generation => Setting::NThreads,
            Self::Prompt => Setting::NThreadsBatch,
        }
    }
}

/// Both choices.
pub(super) fn choices(situation: &Situation, runs: &[Run]) -> [Choice; 2] {
    [Test::Generation, Test::Prompt].map(|test| choice(situation, runs, test))
}

fn choice(situation: &Situation, runs: &[Run], test: Test) -> Choice {
    // Beside the avatar is how the machine is used; `fast` has it to itself.
    let loads = if situation.objective == Objective::Fast { ["idle", "render"] } else { ["render", "idle"] };
    let newest_first = runs.iter().rev().filter(|run| run.command == "threads");
    let sweeps = newest_first.flat_map(|run| loads.map(|load| Sweep::of(run, load, test)));
    let measured = sweeps.flatten().find_map(|sweep| sweep.choice(situation));
    measured.unwrap_or_else(|| by_rule(situation, test))
}

fn by_rule(situation: &Situation, test: Test) -> Choice {
    let logical = situation.logical_cpus.or(situation.physical_cores);
    let Some(logical) = logical.and_then(|count| u32::try_from(count).ok()).filter(|&count| count > 0) else {
        return Choice {
            value: None,
            ..Choice::by_rule(test.setting(), Value::Null, "this machine does not tell its cores")
        };
    };
    let physical = situation.physical_cores.and_then(|count| u32::try_from(count).ok()).unwrap_or(logical).min(logical);
    let (threads, reason) = match (test, situation.objective) {
        (_, Objective::Light) => ((physical / 2).max(1), "half of the cores, the others left alone"),
        (Test::Generation, _) => {
            let beside_avatar = physical.saturating_sub(1).max(1);
            (later_rule(physical, logical).min(beside_avatar), "the documents' rule, a core left to the avatar")
        }
        (Test::Prompt, _) => (physical, "a prompt is short and uses every core"),
    };
    Choice::by_rule(test.setting(), threads, format!("{reason}; no sweep of this model on this machine was found"))
}

/// One test under one load of one run.
struct Sweep<'a> {
    run: &'a Run,
    load: &'static str,
    test: Test,
    cases: Vec<(u32, &'a Case)>,
    candidates: Vec<Candidate>,
}

impl<'a> Sweep<'a> {
    fn of(run: &'a Run, load: &'static str, test: Test) -> Option<Self> {
        let is_it = |case: &&Case| {
            case.state.stands() && case.conditions["load"] == load && case.conditions["test"] == test.word()
        };
        // The best of those that a budget had time for may be none of those that it had not.
        let is_left_out = |case: &Case| {
            case.state == CaseState::NotMeasured
                && case.conditions["load"] == load
                && case.conditions["test"] == test.word()
        };
        if run.cases.iter().any(is_left_out) {
            return None;
        }
        let (mut cases, mut candidates) = (Vec::new(), Vec::new());
        for case in run.cases.iter().filter(is_it) {
            let threads = u32::try_from(case.conditions["n_threads"].as_u64()?).ok()?;
            cases.push((threads, case));
            candidates.push(Candidate { threads, tokens_per_s: round_speeds(case)? });
        }
        (!candidates.is_empty()).then_some(Self { run, load, test, cases, candidates })
    }

    fn choice(&self, situation: &Situation) -> Option<Choice> {
        let found = ThreadChoice::among(&self.candidates)?;
        let setting = self.test.setting();
        let place = if self.load == "idle" { "without a load beside it" } else { "beside a render-like load" };
        if found.certainty == Certainty::Noisy {
            let written = situation.written_threads(setting.key());
            let kept = written.map_or("nothing is written".into(), |threads| format!("your {threads} stays"));
            return Some(Choice {
                value: None,
                basis: Basis::Measured,
                reason: format!("no difference beyond the noise {place}, so {kept}"),
                evidence: self.evidence(found.threads),
                margin: self.margin(&found, found.threads),
                confidence: Confidence::NoDifference,
                ..Choice::by_rule(setting, Value::Null, "")
            });
        }
        let threads = match situation.objective {
            Objective::Light => lightest(&found),
            _ => found.threads,
        };
        let share = found.shares.iter().find(|(count, _)| *count == threads).map(|(_, share)| *share);
        Some(Choice {
            setting,
            value: Some(threads.into()),
            application: None,
            basis: Basis::Measured,
            reason: format!("{} {place}", merit(threads, found.fastest, share)),
            evidence: self.evidence(threads),
            margin: self.margin(&found, threads),
            cost: self.cost(threads, found.fastest, share),
            confidence: confidence(found.certainty),
        })
    }

    /// The speed of that count, and for prompts the time to the first token.
    fn evidence(&self, threads: u32) -> Vec<Evidence> {
        let Some((_, case)) = self.cases.iter().find(|(count, _)| *count == threads) else { return Vec::new() };
        ["avg_ts", "ttft"].into_iter().filter_map(|name| Evidence::of(self.run, case, name)).collect()
    }

    /// The fastest of the others.
    fn margin(&self, found: &ThreadChoice, threads: u32) -> Option<Margin> {
        let against = |candidate: &Candidate| {
            let chosen = self.candidates.iter().find(|candidate| candidate.threads == threads)?;
            let share = crate::stats::paired_ratio(&candidate.tokens_per_s, &chosen.tokens_per_s)?;
            Some((candidate.threads, share))
        };
        let others = self.candidates.iter().filter(|candidate| candidate.threads != threads);
        // A sweep of one count has no runner-up.
        found.shares.len().checked_sub(2)?;
        let (runner_up, share) = others.filter_map(against).max_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio))?;
        Some(Margin { runner_up: runner_up.into(), share: share.ratio, n: share.n as u64, interval: share.interval })
    }

    fn cost(&self, threads: u32, fastest: u32, share: Option<PairedRatio>) -> String {
        let slower = share.filter(|_| threads != fastest).map(|share| (1.0 - share.ratio) * 100.0);
        let mut costs: Vec<String> = slower
            .filter(|per_cent| *per_cent >= 0.05)
            .map(|per_cent| format!("{per_cent:.1} % of the speed of {fastest}"))
            .into_iter()
            .collect();
        let late =
            self.cases.iter().find(|(count, _)| *count == threads).and_then(|(_, case)| case.metric("frames_late"));
        if let Some(late) = late.and_then(|metric| metric.value) {
            costs.push(format!("{late:.1} % of the avatar's frames late meanwhile"));
        }
        costs.join(", ")
    }
}

/// The fewest threads that keep four fifths of the speed.
fn lightest(found: &ThreadChoice) -> u32 {
    let enough = found.shares.iter().filter(|(_, share)| share.ratio >= LIGHT_SHARE);
    enough.map(|(threads, _)| *threads).min().unwrap_or(found.threads)
}

fn merit(threads: u32, fastest: u32, share: Option<PairedRatio>) -> String {
    match share {
        _ if threads == fastest => "the fastest".into(),
        Some(share) if share.interval.is_some_and(|(_, high)| high >= 1.0) => {
            format!("as fast as {fastest} within the noise, with fewer threads")
        }
        Some(share) => format!("{:.0} % of the speed of {fastest}, with fewer threads", share.ratio * 100.0),
        None => "the one that could be compared".into(),
    }
}
/// Tokens a second of each round of a case of `threads` or `gpu-profiles`.
pub(super) fn round_speeds(case: &Case) -> Option<Vec<f64>> {
    Some(case.conditions["samples_ts"].as_array()?.iter().filter_map(Value::as_f64).collect())
}

/// How sure a thread count is that was measured.
fn confidence(certainty: Certainty) -> Confidence {
    match certainty {
        Certainty::Clear => Confidence::Sure,
        Certainty::Likely => Confidence::Likely,
        Certainty::TooFewRounds => Confidence::Guess,
        Certainty::Noisy => Confidence::NoDifference,
    }
}
