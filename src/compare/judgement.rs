//! One figure of the old and the new runs: its change, the significance of that, and the verdict.

use std::collections::HashSet;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::comparison::ComparisonSpec;
use super::runs::RunTable;
use crate::record::{Direction, FigureName, Metric, MetricStatus, RunFigures};
use crate::stats::{RankSumTest, median_of, paired_ratio_at, scatter_of_pairs};

/// The verdict on a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Significantly worse, by the margin or more.
    Regressed,
    /// Significantly better, by the margin or more.
    Improved,
    /// Within the equivalence margin: unchanged.
    Pass,
    /// These runs are inconclusive.
    Inconclusive,
    /// The figure is missing, not a number, or has another unit: it cannot be judged.
    Invalid,
}

/// The change of a figure, NEW over BASE.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FigureChange {
    /// Hodges–Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Its interval, if there are enough runs.
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
    /// Which direction is better.
    pub direction: Direction,
    /// Whether its verdict counts; tails are advisory.
    pub gates: bool,
    /// Median over the runs of BASE.
    pub base: Option<f64>,
    /// Median over the runs of NEW.
    pub new: Option<f64>,
    /// Runs of BASE and of NEW.
    pub runs: (usize, usize),
    /// The change.
    pub change: Option<FigureChange>,
    /// Smallest relevant effect, as a share: 0.05.
    pub min_effect: f64,
    /// The change that A/A pairs show by chance, as a share; `None` if it was not measured.
    pub noise: Option<f64>,
    /// The smallest change that such runs detect in 80 of 100 comparisons, as a share.
    pub detectable: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive or invalid.
    pub reason: Option<String>,
}

/// The runs that figures are compared over, and the significance level.
#[derive(Debug)]
pub(super) struct ComparedRuns<'a> {
    pub(super) base: RunTable<'a>,
    pub(super) new: RunTable<'a>,
    /// A/A pairs, to measure noise.
    same: Option<(RunTable<'a>, RunTable<'a>)>,
    /// Whether the runs of both sides are paired, in their order.
    paired: bool,
    /// The two-sided significance level.
    alpha: f64,
    /// The test for unpaired runs.
    unpaired: RankSumTest,
}

impl<'a> ComparedRuns<'a> {
    /// The sides of a question.
    pub(super) fn of(question: &ComparisonSpec<'a>) -> Self {
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

    /// The change of a figure.
    fn change(&self, base: &[f64], new: &[f64]) -> Option<FigureChange> {
        let (ratio, interval, p) = if self.paired {
            let ratio = paired_ratio_at(new, base, self.alpha)?;
            (ratio.ratio, ratio.interval, ratio.p)
        } else {
            let ratio = self.unpaired.ratio(new, base)?;
            (ratio.ratio, ratio.interval, ratio.p)
        };
        Some(FigureChange { ratio, interval, p, p_adjusted: p })
    }

    /// What the mean of this number of pairs reaches by chance in 5 of 100 comparisons, as a share.
    fn noise(&self, name: FigureName<'_>, pairs: usize) -> Option<f64> {
        let (first, second) = self.same.as_ref()?;
        let (first, second) = (values(name, first, "").ok()?, values(name, second, "").ok()?);
        let by_chance = quantile(0.975) * scatter_of_pairs(&second, &first)? / (pairs as f64).sqrt();
        Some(by_chance.exp() - 1.0)
    }
}

impl Judgement {
    /// Compares the figure of that name with the margin `min_effect`, a share. The verdict remains open: it depends on
    /// the number of figures judged together.
    pub(super) fn of(name: FigureName<'_>, gates: bool, sides: &ComparedRuns<'_>, min_effect: f64) -> Self {
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

    fn estimate(&mut self, name: FigureName<'_>, sides: &ComparedRuns<'_>) -> Result<(), String> {
        let (base, new) = (values(name, &sides.base, "BASE"), values(name, &sides.new, "NEW"));
        // A median of another kind must not appear with this unit.
        let kinds = [self.check_kind(sides.base.given(name)), self.check_kind(sides.new.given(name))];
        let median_of = |values: &Result<Vec<f64>, String>, kind: &Result<(), String>| {
            values.as_ref().ok().filter(|_| kind.is_ok()).map(|values| median(values))
        };
        (self.base, self.new) = (median_of(&base, &kinds[0]), median_of(&new, &kinds[1]));
        kinds.into_iter().collect::<Result<(), String>>()?;
        let (base, new) = (base?, new?);
        if self.direction == Direction::None {
            return Err("neither direction is better".into());
        }
        let needs_positive = || "a ratio needs figures above 0; use a budget instead".to_owned();
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
                return Err(format!("its unit is {} in some runs but {} in others", self.unit, metric.unit));
            }
            if metric.direction != self.direction {
                return Err("the runs disagree on which direction is better".into());
            }
            Ok(())
        })
    }

    /// The smallest change, as a share, that would be significant and reach the margin in 80 of 100 comparisons: half
    /// the interval is about z(1 - alpha/2) standard errors of the log ratio.
    fn detectable_from(&self, (low, high): (f64, f64), alpha: f64) -> f64 {
        let (sure, power) = (quantile(1.0 - alpha / 2.0), quantile(0.8));
        let error = (high / low).ln() / 2.0 / sure;
        let seen = (sure + power) * error;
        seen.max((1.0 + self.margin()).ln() + power * error).exp() - 1.0
    }

    /// The change that counts, as a share: the smallest relevant one, or the noise if that is larger.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.noise.map_or(self.min_effect, |noise| noise.max(self.min_effect))
    }

    /// How much worse it is, as a share; negative for better. 10 % fewer tokens per second and an 11 % longer latency
    /// are the same loss: the time that each takes.
    #[must_use]
    pub fn worse_by(&self) -> Option<f64> {
        self.worse().map(|ratio| ratio - 1.0)
    }

    /// The ratio, inverted if necessary so that above 1 is worse.
    fn worse(&self) -> Option<f64> {
        let ratio = self.change?.ratio;
        Some(if self.direction == Direction::Higher { 1.0 / ratio } else { ratio })
    }

    /// Settles the verdict, after p was corrected for all figures that gate.
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
        (true, _) => "there is a significant change, but it may be smaller than the equivalence margin",
        (false, true) => "significant alone, not after correction for multiple comparisons",
        (false, false) => "not significant, but the interval allows a relevant change",
    }
}

/// The value of each run, or why it is missing.
pub(super) fn values(name: FigureName<'_>, table: &RunTable<'_>, side: &str) -> Result<Vec<f64>, String> {
    table.runs.iter().zip(table.figures(name)).map(|(run, metric)| value(metric, run, side)).collect()
}

fn value(metric: Option<&Metric>, run: &RunFigures, side: &str) -> Result<f64, String> {
    let missing = |why: &str| format!("missing in run {} of {side}: {why}", run.run_id);
    let metric = metric.ok_or_else(|| missing("the run does not have it"))?;
    match (metric.status, metric.value) {
        (MetricStatus::Ok, Some(value)) if value.is_finite() => Ok(value),
        (MetricStatus::Ok, _) => Err(missing("it is not a finite number")),
        (status, _) => Err(missing(&status.word().replace('_', " "))),
    }
}

/// The median over runs.
pub(super) fn median(values: &[f64]) -> f64 {
    median_of(values).unwrap_or(f64::NAN)
}

fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}
