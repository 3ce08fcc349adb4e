//! One figure of the old and the new runs: how far it moved, how surely, and what that means.

use std::collections::HashSet;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::comparison::Question;
use super::runs::RunTable;
use crate::record::{Direction, FigureName, Metric, MetricStatus, RunFigures};
use crate::stats::{RankSumTest, median_of_sorted, paired_ratio_at, scatter_of_pairs};

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

/// The runs that figures are compared over, and the error that may be made.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) base: RunTable<'a>,
    pub(super) new: RunTable<'a>,
    /// Pairs of runs of the same setting: what noise alone does.
    same: Option<(RunTable<'a>, RunTable<'a>)>,
    /// Whether the runs of both sides belong together in pairs, in their order.
    paired: bool,
    /// The two-sided error that may be made.
    alpha: f64,
    /// The test for runs that are no pairs.
    unpaired: RankSumTest,
}

impl<'a> Sides<'a> {
    /// The sides of a question.
    pub(super) fn of(question: &Question<'a>) -> Self {
        Self {
            base: RunTable::of(question.base),
            new: RunTable::of(question.new),
            same: question.same.map(|(first, second)| (RunTable::of(first), RunTable::of(second))),
            paired: question.paired,
            alpha: question.alpha,
            unpaired: RankSumTest::new(question.new.len(), question.base.len(), question.alpha),
        }
    }

    /// The name of every figure of any run, once, in the order of the files.
    pub(super) fn names(&self) -> Vec<FigureName<'a>> {
        let mut seen = HashSet::new();
        self.base.names().chain(self.new.names()).filter(|name| seen.insert(*name)).collect()
    }

    /// How far a figure moved.
    fn change(&self, base: &[f64], new: &[f64]) -> Option<Change> {
        let (ratio, interval, p) = if self.paired {
            let ratio = paired_ratio_at(new, base, self.alpha)?;
            (ratio.ratio, ratio.interval, ratio.p)
        } else {
            let ratio = self.unpaired.ratio(new, base)?;
            (ratio.ratio, ratio.interval, ratio.p)
        };
        Some(Change { ratio, interval, p, p_adjusted: p })
    }

    /// What the mean of so many pairs reaches by chance in 5 of 100 comparisons, as a share.
    fn noise(&self, name: FigureName<'_>, pairs: usize) -> Option<f64> {
        let (first, second) = self.same.as_ref()?;
        let (first, second) = (values(name, first, "").ok()?, values(name, second, "").ok()?);
        let by_chance = quantile(0.975) * scatter_of_pairs(&second, &first)? / (pairs as f64).sqrt();
        Some(by_chance.exp() - 1.0)
    }
}

impl Judgement {
    /// Compares the figure of that name, from `min_effect`, a share, on. The verdict is still open: it depends on how many
    /// figures are judged at once.
    pub(super) fn of(name: FigureName<'_>, gates: bool, sides: &Sides<'_>, min_effect: f64) -> Self {
        let sample = sides.base.given(name).chain(sides.new.given(name)).next();
        let mut judgement = Self {
            command: name.command.into(),
            case: name.case.into(),
            metric: name.metric.into(),
            unit: sample.map(|metric| metric.unit.clone()).unwrap_or_default(),
            direction: sample.map_or(Direction::None, |metric| metric.direction),
            gates,
            base: None,
            new: None,
            runs: (sides.base.runs.len(), sides.new.runs.len()),
            change: None,
            min_effect,
            noise: None,
            detectable: None,
            verdict: Verdict::Invalid,
            reason: None,
        };
        match judgement.estimate(name, sides) {
            Ok(()) => judgement.verdict = Verdict::Inconclusive,
            Err(reason) => judgement.reason = Some(reason),
        }
        judgement
    }

    fn estimate(&mut self, name: FigureName<'_>, sides: &Sides<'_>) -> Result<(), String> {
        let (base, new) = (values(name, &sides.base, "BASE"), values(name, &sides.new, "NEW"));
        // A median of another kind would stand beside this unit as if it were of it.
        let kinds = [self.check_kind(sides.base.given(name)), self.check_kind(sides.new.given(name))];
        let median_of = |values: &Result<Vec<f64>, String>, kind: &Result<(), String>| {
            values.as_ref().ok().filter(|_| kind.is_ok()).map(|values| median(values))
        };
        (self.base, self.new) = (median_of(&base, &kinds[0]), median_of(&new, &kinds[1]));
        kinds.into_iter().collect::<Result<(), String>>()?;
        let (base, new) = (base?, new?);
        if self.direction == Direction::None {
            return Err("neither way is better".into());
        }
        let needs_positive = || "a ratio needs figures above 0; a budget can judge it".to_owned();
        let change = sides.change(&base, &new).ok_or_else(needs_positive)?;
        self.change = Some(change);
        self.noise = sides.noise(name, base.len());
        self.detectable = change.interval.map(|interval| self.detectable_from(interval, sides.alpha));
        Ok(())
    }

    /// Unit and direction must be those of the first run.
    fn check_kind<'a>(&self, mut figures: impl Iterator<Item = &'a Metric>) -> Result<(), String> {
        figures.try_for_each(|metric| {
            if metric.unit != self.unit {
                return Err(format!("its unit is {} in some runs and {} in others", self.unit, metric.unit));
            }
            if metric.direction != self.direction {
                return Err("the runs disagree on which way is better".into());
            }
            Ok(())
        })
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
pub(super) fn values(name: FigureName<'_>, table: &RunTable<'_>, side: &str) -> Result<Vec<f64>, String> {
    table.runs.iter().zip(table.figures(name)).map(|(run, metric)| value(metric, run, side)).collect()
}

fn value(metric: Option<&Metric>, run: &RunFigures, side: &str) -> Result<f64, String> {
    let missing = |why: &str| format!("missing in run {} of {side}: {why}", run.run_id);
    let metric = metric.ok_or_else(|| missing("it has no such figure"))?;
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

fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
