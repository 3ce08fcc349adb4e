//! Before and after, figure by figure, over the turns that both sides took.

use super::change::{ALPHA, ChangeVerdict, PairedChange};
use super::samples::{BothSides, TurnSamples, TurnsBySide};
use crate::measure::{FELT, STAGES, Turn, TurnFigure};
use crate::record::{BeforeAfterRow, Case, CaseState, Direction, Metric};
use crate::stats::{FrameCounts, holm, mean_of, paired_difference_at, paired_ratio_at};

/// Stages shorter than this share of the turn are not judged: their changes are not noticeable.
const VISIBLE_SHARE: f64 = 0.01;

/// Which turns a figure covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnScope {
    /// First turns of a fresh context.
    FirstTurn,
    /// Turns of the conversation.
    Turn,
    /// A stage of these turns.
    Stage,
}

/// One figure, before and after.
#[derive(Debug, Clone)]
pub(super) struct ComparedFigure {
    /// Name in records.
    pub(super) figure: &'static str,
    /// Display name.
    pub(super) meaning: &'static str,
    pub(super) unit: &'static str,
    pub(super) direction: Direction,
    pub(super) scope: TurnScope,
    /// Over the turns of both sides: means; for frames the share of all.
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) change: PairedChange,
    /// Two-sided p of the exact signed-rank test, corrected for all figures (Holm).
    pub(super) p: f64,
    pub(super) verdict: ChangeVerdict,
}

impl ComparedFigure {
    /// Name in the table: `visible`, `first_turn_ttlt`.
    pub(super) fn name(&self) -> String {
        format!("{}{}", if self.scope == TurnScope::FirstTurn { "first_turn_" } else { "" }, self.figure)
    }

    /// The change as a metric of the case.
    fn metric(&self) -> Metric {
        let (kind, unit, value) = match &self.change {
            PairedChange::Ratio(ratio) => ("ratio", "ratio", ratio.ratio),
            PairedChange::Difference(difference) => ("difference", "points", difference.difference),
        };
        Metric::plain(&format!("{}_{kind}", self.name()), unit, value, self.change.pairs() as u64, self.direction)
            .with_interval(self.change.interval())
    }
}

/// All figures that both sides have; none without a second side.
pub(super) fn compare(turns: &TurnsBySide) -> Vec<ComparedFigure> {
    let Some(sides) = turns.both() else { return Vec::new() };
    let BothSides { before, after } = sides;
    let first = FELT.iter().filter(|figure| matches!(figure.name, "ttft" | "ttlt"));
    let is_seen = [before, after].iter().all(|samples| samples.turns.iter().any(|turn| turn.visible_ns().is_some()));
    // Different messages were sent, so their times are neither a gain nor a loss.
    let is_same_reaction = commands(before) == commands(after);
    let is_wanted = |figure: &&TurnFigure| match figure.name {
        // The bridge has the expression before it shows; used if nothing else is known.
        "told" => !is_seen,
        "visible_latest" => false,
        "reaction" | "commands_per_s" | "received" | "applied" => is_same_reaction,
        _ => true,
    };
    let wanted = first
        .map(|figure| (figure, TurnScope::FirstTurn))
        .chain(FELT.iter().filter(is_wanted).map(|figure| (figure, TurnScope::Turn)))
        .chain(STAGES.iter().filter(is_wanted).map(|figure| (figure, TurnScope::Stage)));
    let mut compared: Vec<ComparedFigure> = wanted.filter_map(|(figure, scope)| one(figure, scope, sides)).collect();
    compared.extend(late_frames(sides));
    let corrected = holm(&compared.iter().map(|one| one.p).collect::<Vec<_>>());
    for (one, p) in compared.iter_mut().zip(corrected) {
        one.p = p;
        one.verdict = one.change.verdict(one.direction, p);
    }
    compared
}

/// The whole turn: until the expression shows, or until the bridge has it if no more is known.
fn whole_ns(turn: &Turn) -> Option<u64> {
    turn.visible_ns().or(turn.notified_ns())
}

/// Number of commands in a reaction of that side; `None` if none arrived.
pub(super) fn commands(samples: &TurnSamples) -> Option<usize> {
    samples.turns.iter().find_map(|turn| turn.reaction.as_ref().ok()).map(|times| times.commands)
}

fn one(figure: &TurnFigure, scope: TurnScope, BothSides { before, after }: BothSides<'_>) -> Option<ComparedFigure> {
    let of = |samples: &TurnSamples| -> Vec<Option<f64>> {
        let turns: &[Turn] = if scope == TurnScope::FirstTurn { &samples.first } else { &samples.turns };
        turns.iter().map(|turn| figure.of(turn)).collect()
    };
    let pairs: Vec<(f64, f64)> = of(before).into_iter().zip(of(after)).filter_map(|(old, new)| old.zip(new)).collect();
    let (before_values, after_values): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (old, new) = (mean_of(&before_values)?.value, mean_of(&after_values)?.value);
    if scope == TurnScope::Stage {
        let whole: Vec<f64> = before.turns.iter().filter_map(whole_ns).map(|ns| ns as f64 / 1e6).collect();
        if old.max(new) < VISIBLE_SHARE * mean_of(&whole)?.value {
            return None;
        }
    }
    let ratio = paired_ratio_at(&after_values, &before_values, ALPHA)?;
    Some(ComparedFigure {
        figure: figure.name,
        meaning: figure.meaning,
        unit: figure.unit,
        direction: figure.direction,
        scope,
        before: old,
        after: new,
        change: PairedChange::Ratio(ratio),
        p: ratio.p,
        verdict: ChangeVerdict::Open,
    })
}

/// Late frames of the load, over the turns in which both sides had frames.
fn late_frames(BothSides { before, after }: BothSides<'_>) -> Option<ComparedFigure> {
    let has_frames = |(old, new): &(&FrameCounts, &FrameCounts)| old.total > 0 && new.total > 0;
    let pairs: Vec<_> = before.frames.iter().zip(&after.frames).filter(has_frames).collect();
    let shares = |of: fn(&(&FrameCounts, &FrameCounts)) -> FrameCounts| -> Vec<f64> {
        pairs.iter().filter_map(|pair| of(pair).late_percent()).collect()
    };
    let difference = paired_difference_at(&shares(|pair| *pair.1), &shares(|pair| *pair.0), ALPHA)?;
    Some(ComparedFigure {
        figure: "frames_late",
        meaning: "late frames",
        unit: "%",
        direction: Direction::Lower,
        scope: TurnScope::Turn,
        before: pairs.iter().map(|pair| *pair.0).sum::<FrameCounts>().late_percent()?,
        after: pairs.iter().map(|pair| *pair.1).sum::<FrameCounts>().late_percent()?,
        change: PairedChange::Difference(difference),
        p: difference.p,
        verdict: ChangeVerdict::Open,
    })
}

/// The comparison as a case: every change with its interval, and the rows of the table. `cut_off`: why turns are
/// missing.
pub(super) fn case(
    compared: &[ComparedFigure],
    rows: &[BeforeAfterRow],
    notes: Vec<String>,
    cut_off: Option<String>,
) -> Option<Case> {
    if compared.is_empty() {
        return None;
    }
    let mut case = Case {
        path: "after/before".into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: serde_json::json!({}),
        notes,
        metrics: compared.iter().map(ComparedFigure::metric).collect(),
        histograms: Vec::new(),
    };
    BeforeAfterRow::keep(rows, &mut case);
    Some(match cut_off {
        Some(reason) => case.cut_off(reason),
        None => case,
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::planted::{STAGES_US, samples_of, turn};
    use super::*;
    use crate::plan::PipelineSide;
    use crate::record::{MetricStatus, TurnStage};

    /// The same durations, each with 4 % of random noise.
    fn noisy(rng: &mut StdRng, stages_us: &[f64; 6]) -> [u64; 6] {
        stages_us.map(|length_us| {
            let noise = 1.0 + 0.04 * (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>() - 1.5);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let length_us = (length_us * noise).round() as u64;
            length_us
        })
    }

    fn of_sides(before: TurnSamples, after: TurnSamples) -> TurnsBySide {
        let mut turns = TurnsBySide::default();
        *turns.of_mut(PipelineSide::Before) = before;
        *turns.of_mut(PipelineSide::After) = after;
        turns
    }

    fn run(seed: u64, after_us: &[f64; 6]) -> Vec<ComparedFigure> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut samples = |stages_us: &[f64; 6]| TurnSamples {
            first: (0..8).map(|number| turn(number, &noisy(&mut rng, stages_us))).collect(),
            turns: (0..12).map(|number| turn(number, &noisy(&mut rng, stages_us))).collect(),
            ..TurnSamples::default()
        };
        let before = samples(&lengths_us());
        let after = samples(after_us);
        compare(&of_sides(before, after))
    }

    #[allow(clippy::cast_precision_loss)]
    fn lengths_us() -> [f64; 6] {
        STAGES_US.map(|length_us| length_us as f64)
    }

    fn moved(compared: &[ComparedFigure]) -> Vec<&'static str> {
        compared.iter().filter(|one| one.verdict.is_change()).map(|one| one.figure).collect()
    }

    /// Twelve turns per side, each with 100 frames, of which these numbers were late.
    fn with_late_frames(before: &[u64], after: &[u64]) -> TurnsBySide {
        let samples = |late: &[u64]| {
            let mut samples = samples_of((0..12).map(|number| turn(number, &STAGES_US)).collect());
            samples.frames = late.iter().cycle().take(12).map(|late| FrameCounts::apart(100, *late)).collect();
            samples
        };
        of_sides(samples(before), samples(after))
    }

    fn late_frames_of(turns: &TurnsBySide) -> ComparedFigure {
        compare(turns).into_iter().find(|one| one.figure == "frames_late").unwrap()
    }

    #[test]
    fn identical_sides_differ_in_at_most_one_run_of_twenty() {
        let alarms = (0..200).filter(|seed| !moved(&run(*seed, &lengths_us())).is_empty()).count();
        assert!(alarms <= 10, "{alarms} of 200");
    }

    #[test]
    fn stage_slower_by_15_percent_is_found_and_located() {
        // Building the prompt and choosing the emotion are too short to be judged.
        for stage in [TurnStage::FirstToken, TurnStage::Reply, TurnStage::Received, TurnStage::Applied] {
            let at = TurnStage::ALL.iter().position(|other| *other == stage).unwrap();
            let found = (0..20)
                .filter(|seed| {
                    let mut slower_us = lengths_us();
                    slower_us[at] *= 1.15;
                    let compared = run(1_000 + seed, &slower_us);
                    let stages: Vec<_> = compared.iter().filter(|one| one.scope == TurnScope::Stage).cloned().collect();
                    moved(&stages) == [stage.word()]
                })
                .count();
            assert!(found >= 19, "{stage}: located in {found} of 20");
        }
    }

    #[test]
    fn nothing_to_compare_without_a_second_side() {
        let mut turns = TurnsBySide::default();
        turns.of_mut(PipelineSide::Before);
        assert!(compare(&turns).is_empty());
    }

    #[test]
    fn late_frames_are_compared_in_points_and_lower_is_better() {
        let better = late_frames_of(&with_late_frames(&[10, 12, 14], &[0, 1, 2]));
        assert_eq!((better.before, better.after, better.verdict), (12.0, 1.0, ChangeVerdict::Improved));
        let metric = better.metric();
        assert_eq!((metric.name.as_str(), metric.unit.as_str()), ("frames_late_difference", "points"));
        assert_eq!((metric.value, metric.n, metric.direction), (Some(-11.0), 12, Direction::Lower));
        assert!(metric.ci_low.unwrap() <= -11.0 && metric.ci_high.unwrap() >= -11.0, "{metric:?}");
        assert_eq!(late_frames_of(&with_late_frames(&[0, 1, 2], &[10, 12, 14])).verdict, ChangeVerdict::Worse);
    }

    #[test]
    fn no_late_frames_on_both_sides_is_no_change() {
        let none = late_frames_of(&with_late_frames(&[0], &[0]));
        assert_eq!((none.before, none.after, none.verdict), (0.0, 0.0, ChangeVerdict::Same));
        assert_eq!(none.change.interval(), Some((0.0, 0.0)));
    }

    #[test]
    fn late_frames_need_frames_on_both_sides() {
        let mut turns = with_late_frames(&[5], &[5]);
        turns.of_mut(PipelineSide::After).frames[3] = FrameCounts::default();
        assert_eq!(late_frames_of(&turns).change.pairs(), 11);
        turns.of_mut(PipelineSide::After).frames.clear();
        assert!(compare(&turns).iter().all(|one| one.figure != "frames_late"));
    }

    #[test]
    fn comparison_with_missing_turns_is_partial() {
        let compared = compare(&with_late_frames(&[5], &[5]));
        let whole = case(&compared, &[], Vec::new(), None).unwrap();
        assert_eq!((whole.state, whole.reason), (CaseState::Ok, None));
        let cut = case(&compared, &[], Vec::new(), Some("interrupted after 12 of 20 turns".into())).unwrap();
        assert_eq!(cut.state, CaseState::Interrupted);
        assert!(cut.metrics.iter().all(|metric| metric.status == MetricStatus::Partial), "{:?}", cut.metrics);
    }
}
