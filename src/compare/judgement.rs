//! One figure of the old and the new runs: how far it moved, how surely, and what that means.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::runs::{Key, RunFigures};
use crate::record::{Direction, Metric, MetricStatus};
use crate::stats::{median_of_sorted, paired_ratio_at, scatter_of_pairs, unpaired_ratio};

/// What a figure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Surely worse, and by the margin or more.
    Regressed,
    /// Surely better, and by the margin or more.
    Improved,
    /// Surely within the smallest effect that matters: the same.
    Pass,
    /// These runs cannot tell.
    Inconclusive,
    /// A figure is missing, is no number, or has another unit: there is nothing to judge.
    Invalid,
}

/// How far a figure moved, NEW over BASE.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Hodges–Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Its interval, where there are runs enough.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the exact test.
    pub p: f64,
    /// The same, corrected for all figures that gate (Holm).
    pub p_adjusted: f64,
}

/// One figure, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The command that measured it.
    pub command: String,
    /// The case.
    pub case: String,
    /// The metric.
    pub metric: String,
    /// Unit of the medians.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// Whether its verdict counts; tails only advise.
    pub gates: bool,
    /// Median over the runs of BASE.
    pub base: Option<f64>,
    /// Median over the runs of NEW.
    pub new: Option<f64>,
    /// Runs of BASE and of NEW.
    pub runs: (usize, usize),
    /// How far it moved.
    pub change: Option<Change>,
    /// Smallest effect that matters, as a share: 0.05.
    pub min_effect: f64,
    /// What the same against itself would show by chance, as a share; `None` where it was not measured.
    pub noise: Option<f64>,
    /// The smallest change that runs such as these would have shown in 80 of 100 comparisons, as a share.
    pub detectable: Option<f64>,
    /// What it came to.
    pub verdict: Verdict,
    /// Why it is inconclusive or invalid.
    pub reason: Option<String>,
}

/// How figures are judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Whether the runs of both sides belong together in pairs, in their order.
    pub(super) paired: bool,
    /// Smallest effect that matters, as a share.
    pub(super) min_effect: f64,
    /// The two-sided error that may be made.
    pub(super) alpha: f64,
}

/// Pairs of runs of the same setting: what noise alone does.
pub(super) type SameRuns<'a> = Option<(&'a [RunFigures], &'a [RunFigures])>;

impl Judgement {
    /// Compares the figure of `key`. The verdict is still open: it depends on how many figures are judged at once.
    pub(super) fn of(
        key: &Key,
        gates: bool,
        base: &[RunFigures],
        new: &[RunFigures],
        same: SameRuns<'_>,
        rule: Rule,
    ) -> Self {
        let sample = base.iter().chain(new).find_map(|run| run.figure(key));
        let mut judgement = Self {
            command: key.command.clone(),
            case: key.case.clone(),
            metric: key.metric.clone(),
            unit: sample.map(|metric| metric.unit.clone()).unwrap_or_default(),
            direction: sample.map_or(Direction::None, |metric| metric.direction),
            gates,
            base: None,
            new: None,
            runs: (base.len(), new.len()),
            change: None,
            min_effect: rule.min_effect,
            noise: None,
            detectable: None,
            verdict: Verdict::Invalid,
            reason: None,
        };
        match judgement.estimate(key, base, new, same, rule) {
            Ok(()) => judgement.verdict = Verdict::Inconclusive,
            Err(reason) => judgement.reason = Some(reason),
        }
        judgement
    }

    fn estimate(
        &mut self,
        key: &Key,
        base: &[RunFigures],
        new: &[RunFigures],
        same: SameRuns<'_>,
        rule: Rule,
    ) -> Result<(), String> {
        let sides = [values(key, base, "BASE"), values(key, new, "NEW")];
        self.base = sides[0].as_ref().ok().map(|values| median(values));
        self.new = sides[1].as_ref().ok().map(|values| median(values));
        let [base_values, new_values] = sides;
        let (base_values, new_values) = (base_values?, new_values?);
        self.check_kind(key, base.iter().chain(new))?;
        let needs_positive = || "a ratio needs figures above 0; a budget can judge it".to_owned();
        let change = if rule.paired {
            let ratio = paired_ratio_at(&new_values, &base_values, rule.alpha).ok_or_else(needs_positive)?;
            Change { ratio: ratio.ratio, interval: ratio.interval, p: ratio.p, p_adjusted: ratio.p }
        } else {
            let ratio = unpaired_ratio(&new_values, &base_values, rule.alpha).ok_or_else(needs_positive)?;
            Change { ratio: ratio.ratio, interval: ratio.interval, p: ratio.p, p_adjusted: ratio.p }
        };
        self.change = Some(change);
        self.noise = same.and_then(|(first, second)| {
            let (first, second) = (values(key, first, "").ok()?, values(key, second, "").ok()?);
            // What the mean of so many pairs reaches by chance in 5 of 100 comparisons.
            let by_chance = quantile(0.975) * scatter_of_pairs(&second, &first)? / (base_values.len() as f64).sqrt();
            Some(by_chance.exp() - 1.0)
        });
        self.detectable = change.interval.map(|interval| self.detectable_from(interval, rule.alpha));
        Ok(())
    }

    /// Unit and direction must be the same in all runs.
    fn check_kind<'a>(&self, key: &Key, runs: impl Iterator<Item = &'a RunFigures>) -> Result<(), String> {
        for metric in runs.filter_map(|run| run.figure(key)) {
            if metric.unit != self.unit {
                return Err(format!("its unit is {} in some runs and {} in others", self.unit, metric.unit));
            }
            if metric.direction != self.direction {
                return Err("the runs disagree on which way is better".into());
            }
        }
        if self.direction == Direction::None { Err("neither way is better".into()) } else { Ok(()) }
    }

    /// The smallest change, as a share, that would be surely seen and reach the margin in 80 of 100 comparisons: half the
    /// interval is about z(1 - alpha/2) standard errors of the log ratio.
    fn detectable_from(&self, (low, high): (f64, f64), alpha: f64) -> f64 {
        let (sure, power) = (quantile(1.0 - alpha / 2.0), quantile(0.8));
        let error = (high / low).ln() / 2.0 / sure;
        let seen = (sure + power) * error;
        seen.max((1.0 + self.margin()).ln() + power * error).exp() - 1.0
    }

    /// From which change on, as a share, it counts: the smallest that matters, or the noise where that is more.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.noise.map_or(self.min_effect, |noise| noise.max(self.min_effect))
    }

    /// By how much it got worse, as a share; negative for better. 10 % fewer tokens a second and a latency 11 % longer are
    /// the same loss: the time each takes.
    #[must_use]
    pub fn worse_by(&self) -> Option<f64> {
        self.worse().map(|ratio| ratio - 1.0)
    }

    /// The ratio in the sense in which above 1 is worse.
    fn worse(&self) -> Option<f64> {
        let ratio = self.change?.ratio;
        Some(if self.direction == Direction::Higher { 1.0 / ratio } else { ratio })
    }

    /// Settles the verdict, once p is corrected for all figures that gate.
    pub(super) fn settle(&mut self, alpha: f64) {
        let (Some(change), Some(worse)) = (self.change, self.worse()) else { return };
        let Some((low, high)) = change.interval else {
            self.reason = Some("too few runs for a test".into());
            return;
        };
        let is_sure = change.p_adjusted <= alpha && (low > 1.0 || high < 1.0);
        let margin = 1.0 + self.margin();
        let same = 1.0 + self.min_effect;
        self.verdict = if is_sure && worse >= margin {
            Verdict::Regressed
        } else if is_sure && worse <= 1.0 / margin {
            Verdict::Improved
        } else if low >= 1.0 / same && high <= same {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        if self.verdict == Verdict::Inconclusive {
            self.reason = Some(why_open(is_sure, change.p <= alpha).into());
        }
    }
}

fn why_open(is_sure: bool, is_sure_alone: bool) -> &'static str {
    match (is_sure, is_sure_alone) {
        (true, _) => "there is a change; whether it matters is open",
        (false, true) => "sure by itself, not among so many figures",
        (false, false) => "the noise leaves room for a change that matters",
    }
}

/// The value of each run, or why there is none.
fn values(key: &Key, runs: &[RunFigures], side: &str) -> Result<Vec<f64>, String> {
    runs.iter().map(|run| value(key, run, side)).collect()
}

fn value(key: &Key, run: &RunFigures, side: &str) -> Result<f64, String> {
    let missing = |why: &str| format!("missing in run {} of {side}: {why}", run.run_id);
    let metric: &Metric = run.figure(key).ok_or_else(|| missing("it has no such figure"))?;
    match (metric.status, metric.value) {
        (MetricStatus::Ok, Some(value)) if value.is_finite() => Ok(value),
        (MetricStatus::Ok, _) => Err(missing("it is no number")),
        (status, _) => Err(missing(&status.word().replace('_', " "))),
    }
}

/// The median over runs.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() { f64::NAN } else { median_of_sorted(&sorted) }
}

/// The value of each run that has one, for what needs no test.
pub(super) fn values_of(key: &Key, runs: &[RunFigures]) -> Result<Vec<f64>, String> {
    values(key, runs, "NEW")
}

fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
