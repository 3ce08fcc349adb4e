//! Before and after, figure by figure, by the turns that both took.

use serde_json::Value;

use super::turns::{All, Taken};
use crate::measure::{FELT, STAGES, Turn, TurnFigure};
use crate::plan::Side;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{PairedRatio, holm, mean_of, paired_ratio_at};

/// The error that all verdicts together may make.
pub(super) const ALPHA: f64 = 0.05;

/// The smallest change that is called one, as a share.
const MIN_EFFECT: f64 = 0.05;

/// A stage shorter than this share of the turn is not judged: whatever it does, nobody sees it.
const VISIBLE_SHARE: f64 = 0.01;

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Improved,
    Worse,
    /// Surely within the smallest change.
    Same,
    /// Surely different by itself, but not among so many figures.
    Alone,
    /// These turns cannot tell.
    Open,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Worse => "worse",
            Self::Same => "the same",
            Self::Alone => "different by itself",
            Self::Open => "no difference shown",
        }
    }
}

/// One figure, before and after.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub(super) figure: TurnFigure,
    /// Whether it is one of the stages.
    pub(super) is_stage: bool,
    /// Only first turns of a fresh context.
    pub(super) is_first: bool,
    /// Means over the turns that both took.
    pub(super) before: f64,
    pub(super) after: f64,
    /// After over before, turn by turn.
    pub(super) ratio: PairedRatio,
    /// The two-sided p of the exact signed-rank test, corrected for all figures (Holm).
    pub(super) p: f64,
    pub(super) verdict: Verdict,
}

impl Compared {
    /// Its path in the record's comparison: `visible`, `first_turn_ttlt`.
    pub(super) fn name(&self) -> String {
        format!("{}{}", if self.is_first { "first_turn_" } else { "" }, self.figure.name)
    }
}

/// All figures that both sides show; none without a second side.
pub(super) fn compare(all: &All) -> Vec<Compared> {
    let (Some(before), Some(after)) = (all.get(&Side::Before), all.get(&Side::After)) else { return Vec::new() };
    let first = FELT.iter().filter(|figure| matches!(figure.name, "ttft" | "ttlt"));
    let is_seen = [before, after].iter().all(|taken| taken.turns.iter().any(|turn| turn.visible_ns().is_some()));
    // What was sent is not the same: how long it takes is no gain and no loss.
    let is_same_reaction = commands(before) == commands(after);
    let is_wanted = |figure: &&TurnFigure| match figure.name {
        // The bridge has the expression a frame before the face shows it: for where that is all that is known.
        "told" => !is_seen,
        "visible_latest" => false,
        "reaction" | "commands_per_s" | "received" | "applied" => is_same_reaction,
        _ => true,
    };
    let wanted = first
        .map(|figure| (figure, false, true))
        .chain(FELT.iter().filter(is_wanted).map(|figure| (figure, false, false)))
        .chain(STAGES.iter().filter(is_wanted).map(|figure| (figure, true, false)));
    let mut compared: Vec<Compared> =
        wanted.filter_map(|(figure, is_stage, is_first)| one(figure, is_stage, is_first, before, after)).collect();
    let corrected = holm(&compared.iter().map(|one| one.p).collect::<Vec<_>>());
    for (one, p) in compared.iter_mut().zip(corrected) {
        one.p = p;
        one.verdict = verdict(one.figure.direction, &one.ratio, p);
    }
    compared
}

/// The turn as a whole: until the face shows, or until the bridge has the expression where no more is known.
fn whole_ns(turn: &Turn) -> Option<u64> {
    turn.visible_ns().or(turn.told_ns())
}

/// How many commands a reaction of that side has; `None` where none arrived.
pub(super) fn commands(taken: &Taken) -> Option<usize> {
    taken.turns.iter().find_map(|turn| turn.reaction.as_ref().ok()).map(|times| times.commands)
}

fn one(figure: &TurnFigure, is_stage: bool, is_first: bool, before: &Taken, after: &Taken) -> Option<Compared> {
    let of = |taken: &Taken| -> Vec<Option<f64>> {
        let turns: &[Turn] = if is_first { &taken.first } else { &taken.turns };
        turns.iter().map(|turn| figure.of(turn)).collect()
    };
    let pairs: Vec<(f64, f64)> = of(before).into_iter().zip(of(after)).filter_map(|(old, new)| old.zip(new)).collect();
    let (before_values, after_values): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (old, new) = (mean_of(&before_values)?.value, mean_of(&after_values)?.value);
    if is_stage {
        let whole: Vec<f64> = before.turns.iter().filter_map(whole_ns).map(|ns| ns as f64 / 1e6).collect();
        if old.max(new) < VISIBLE_SHARE * mean_of(&whole)?.value {
            return None;
        }
    }
    let ratio = paired_ratio_at(&after_values, &before_values, ALPHA)?;
    Some(Compared {
        figure: *figure,
        is_stage,
        is_first,
        before: old,
        after: new,
        ratio,
        p: ratio.p,
        verdict: Verdict::Open,
    })
}

fn verdict(direction: Direction, ratio: &PairedRatio, p: f64) -> Verdict {
    let Some((low, high)) = ratio.interval else { return Verdict::Open };
    let edge = 1.0 + MIN_EFFECT;
    let is_sure = p <= ALPHA;
    let (up, down) = match direction {
        Direction::Higher => (Verdict::Improved, Verdict::Worse),
        _ => (Verdict::Worse, Verdict::Improved),
    };
    if is_sure && ratio.ratio >= edge {
        up
    } else if is_sure && ratio.ratio <= 1.0 / edge {
        down
    } else if low >= 1.0 / edge && high <= edge {
        Verdict::Same
    } else if low > edge || high < 1.0 / edge {
        Verdict::Alone
    } else {
        Verdict::Open
    }
}

/// The comparison as a case: every ratio with its interval, and the rows of the table.
pub(super) fn case(compared: &[Compared], rows: &[Value], notes: Vec<String>, interrupted: bool) -> Option<Case> {
    if compared.is_empty() {
        return None;
    }
    let metrics = compared.iter().map(|one| Metric {
        ci_low: one.ratio.interval.map(|interval| interval.0),
        ci_high: one.ratio.interval.map(|interval| interval.1),
        status: if interrupted { MetricStatus::Partial } else { MetricStatus::Ok },
        ..Metric::plain(
            &format!("{}_ratio", one.name()),
            "ratio",
            one.ratio.ratio,
            one.ratio.n as u64,
            one.figure.direction,
        )
    });
    Some(Case {
        path: "after/before".into(),
        state: if interrupted { CaseState::Interrupted } else { CaseState::Ok },
        reason: interrupted.then(|| "interrupted: fewer turns than planned".into()),
        duration_s: 0.0,
        conditions: serde_json::json!({ "comparison": rows }),
        notes,
        metrics: metrics.collect(),
        histograms: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::measure::{ReactionTimes, Stage};

    /// Lengths of the stages in microseconds, in their order.
    const LENGTHS_US: [f64; 6] = [400.0, 150_000.0, 300_000.0, 50.0, 20_000.0, 60_000.0];

    /// A turn with those stages, each with 4 % of noise of its own.
    fn turn(rng: &mut StdRng, lengths_us: &[f64; 6]) -> Turn {
        let mut at_ns = 1_000;
        let mut moments_ns = vec![at_ns];
        for length_us in lengths_us {
            let noise = 1.0 + 0.04 * (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>() - 1.5);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let length_ns = (length_us * 1e3 * noise) as u64;
            at_ns += length_ns;
            moments_ns.push(at_ns);
        }
        let times = ReactionTimes {
            began_ns: moments_ns[4],
            received_ns: Some(moments_ns[5]),
            applied_ns: Some(moments_ns[6]),
            latest_ns: Some(moments_ns[6]),
            commands: 3,
        };
        Turn {
            asked_ns: moments_ns[0],
            prompted_ns: moments_ns[1],
            tokens_ns: vec![moments_ns[2], moments_ns[3]],
            decided_ns: moments_ns[3],
            handed_ns: moments_ns[4],
            reaction: Ok(times),
            prompt_tokens: 100,
            template: "none",
            expression: None,
            by_word: false,
            text: String::new(),
        }
    }

    fn run(seed: u64, after_us: &[f64; 6]) -> Vec<Compared> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut taken = |lengths_us: &[f64; 6]| Taken {
            first: (0..8).map(|_| turn(&mut rng, lengths_us)).collect(),
            warm_up_ns: Vec::new(),
            turns: (0..12).map(|_| turn(&mut rng, lengths_us)).collect(),
            frames: (0, 0),
            grown_bytes: Vec::new(),
        };
        let before = taken(&LENGTHS_US);
        let after = taken(after_us);
        compare(&All::from([(Side::Before, before), (Side::After, after)]))
    }

    fn moved(compared: &[Compared]) -> Vec<&'static str> {
        let moved = compared.iter().filter(|one| matches!(one.verdict, Verdict::Improved | Verdict::Worse));
        moved.map(|one| one.figure.name).collect()
    }

    #[test]
    fn the_same_against_itself_is_called_changed_in_at_most_one_run_of_twenty() {
        let alarms = (0..200).filter(|seed| !moved(&run(*seed, &LENGTHS_US)).is_empty()).count();
        assert!(alarms <= 10, "{alarms} of 200");
    }

    #[test]
    fn a_stage_that_got_slower_by_15_percent_is_found_and_placed() {
        // Building the prompt and choosing the emotion take too little of the turn to be judged.
        for stage in [Stage::FirstToken, Stage::Reply, Stage::Received, Stage::Applied] {
            let at = Stage::ALL.iter().position(|other| *other == stage).unwrap();
            let found = (0..20)
                .filter(|seed| {
                    let mut slower_us = LENGTHS_US;
                    slower_us[at] *= 1.15;
                    let compared = run(1_000 + seed, &slower_us);
                    let stages: Vec<_> = compared.iter().filter(|one| one.is_stage).cloned().collect();
                    moved(&stages) == [stage.word()]
                })
                .count();
            assert!(found >= 19, "{stage}: placed in {found} of 20");
        }
    }

    #[test]
    fn without_a_second_side_there_is_nothing_to_compare() {
        assert!(compare(&All::from([(Side::Before, Taken::default())])).is_empty());
    }
}
