//! The table of before and after: what was compared turn by turn, and beside it what is set, foreseen or summed up.

use serde_json::{Value, json};

use super::card::CardNeed;
use super::compared::{ALPHA, Compared, commands};
use super::growth;
use super::turns::All;
use crate::plan::{Arm, PipelinePlan, Side};
use crate::plural::counted;

/// Both sides of something that only has words.
struct Words<'a> {
    figure: &'a str,
    meaning: &'a str,
    before: String,
    after: String,
    n: Option<usize>,
    change: Option<String>,
    verdict: &'a str,
}

/// The figures of the founding document's table that are compared, in its order.
const FOUNDING: [&str; 4] = ["first_turn_ttlt", "tokens_per_s", "reaction", "commands_per_s"];

/// All rows, as the record keeps them: those of the founding document, then what else is felt, then the stages.
pub(super) fn rows(plan: &PipelinePlan, all: &All, compared: &[Compared], cards: &[CardNeed]) -> Vec<Value> {
    let (Some(before), Some(after)) = (plan.arm(Side::Before), plan.arm(Side::After)) else { return Vec::new() };
    if compared.is_empty() {
        return Vec::new();
    }
    let sent =
        all.get(&Side::Before).zip(all.get(&Side::After)).map(|(before, after)| (commands(before), commands(after)));
    let (felt, stages): (Vec<&Compared>, Vec<&Compared>) = compared.iter().partition(|one| !one.is_stage);
    let is_compared = |name: &str| felt.iter().any(|one| one.name() == name);
    let words = sent
        .into_iter()
        .flat_map(reaction)
        .filter(|row| !is_compared(row.figure))
        .chain(threads(before, after))
        .chain(cards.first().zip(cards.get(1)).into_iter().flat_map(|(before, after)| card(before, after)))
        .chain(all.get(&Side::Before).zip(all.get(&Side::After)).map(|(before, after)| Words {
            figure: "memory_growth",
            meaning: "memory growth/turn",
            before: growth::words(&before.grown_bytes, plan.full_after()),
            after: growth::words(&after.grown_bytes, plan.full_after()),
            n: None,
            change: None,
            verdict: growth::verdict(&before.grown_bytes, &after.grown_bytes, plan.full_after()),
        }));
    let of_words = words.map(|row| {
        json!({
            "figure": row.figure,
            "meaning": row.meaning,
            "before": row.before,
            "after": row.after,
            "pairs": row.n,
            "change": row.change,
            "verdict": row.verdict,
        })
    });
    let founding = FOUNDING.iter().filter_map(|name| felt.iter().copied().find(|one| one.name() == *name));
    let others = felt.iter().copied().filter(|one| !FOUNDING.contains(&one.name().as_str()));
    founding.map(measured).chain(of_words).chain(others.chain(stages).map(measured)).collect()
}

fn measured(one: &Compared) -> Value {
    json!({
        "figure": one.name(),
        "meaning": meaning(one),
        "before": one.before,
        "after": one.after,
        "unit": one.figure.unit,
        "ratio": one.ratio.ratio,
        "interval": one.ratio.interval.map(|(low, high)| [low, high]),
        "pairs": one.ratio.n,
        "p_holm": one.p,
        "verdict": one.verdict.word(),
    })
}

/// What a row is called: under the founding document's name where it has one.
fn meaning(one: &Compared) -> String {
    match (one.figure.name, one.is_first, one.is_stage) {
        ("ttlt", true, _) => "first generation".into(),
        ("reaction", ..) => "IPC, a reaction".into(),
        ("commands_per_s", ..) => "IPC messages/s".into(),
        ("tokens_per_s", ..) => "tokens/s".into(),
        (_, true, _) => format!("{}, first turn", one.figure.meaning),
        (_, _, true) => format!("stage {}", one.figure.name),
        _ => one.figure.meaning.into(),
    }
}

/// The rows of the reaction where it was not compared: each side sent something else, or the bridge does not tell when a command is
/// applied. A single command has no rate.
fn reaction((before, after): (Option<usize>, Option<usize>)) -> [Words<'static>; 2] {
    let sent = |commands: Option<usize>| match commands {
        None => "none arrived".to_owned(),
        Some(1) => "1 command".to_owned(),
        Some(commands) => format!("{commands} commands"),
    };
    let row = |figure, meaning, verdict| Words {
        figure,
        meaning,
        before: sent(before),
        after: sent(after),
        n: None,
        change: None,
        verdict,
    };
    let (time, rate) = match (before, after) {
        (Some(1), Some(1)) => ("not told by this bridge", "the same: one command has no rate"),
        (before, after) if before == after => ("not told by this bridge", "not told by this bridge"),
        _ => ("not comparable", "not comparable"),
    };
    [row("reaction", "IPC, a reaction", time), row("commands_per_s", "IPC messages/s", rate)]
}

fn threads(before: &Arm, after: &Arm) -> [Words<'static>; 2] {
    let row = |figure, meaning, before: String, after: String| {
        let verdict = if before == after { "the same setting" } else { "a setting" };
        Words { figure, meaning, before, after, n: None, change: None, verdict }
    };
    let layers = |arm: &Arm| if arm.n_gpu_layers < 0 { "all".into() } else { arm.n_gpu_layers.to_string() };
    let threads = |arm: &Arm| format!("{} / {}", arm.n_threads, arm.n_threads_batch);
    [
        row("n_threads", "threads / batch", threads(before), threads(after)),
        row("n_gpu_layers", "GPU layers", layers(before), layers(after)),
    ]
}

fn card(before: &CardNeed, after: &CardNeed) -> [Words<'static>; 2] {
    let bytes = |need: &CardNeed| {
        need.bytes().map_or_else(|| "unsupported".into(), |bytes| crate::report::amount(bytes as f64))
    };
    let both = before.bytes().zip(after.bytes());
    let vram_verdict = match both {
        None => "unsupported",
        Some((before, after)) if before == after => "the same, foreseen",
        Some((before, after)) if after < before => "less, foreseen",
        Some(_) => "more, foreseen",
    };
    let risk = |need: &CardNeed| need.risk_words().unwrap_or_else(|| "unsupported".into());
    let change = both
        .filter(|(before, _)| *before > 0)
        .map(|(before, after)| format!("{:+.1} %", 100.0 * (after as f64 / before as f64 - 1.0)));
    [
        Words {
            figure: "vram",
            meaning: "VRAM",
            before: bytes(before),
            after: bytes(after),
            n: None,
            change,
            verdict: vram_verdict,
        },
        Words {
            figure: "crash_risk",
            meaning: "crash risk",
            before: risk(before),
            after: risk(after),
            n: None,
            change: None,
            verdict: after.risk_verdict(before).unwrap_or("unsupported"),
        },
    ]
}

/// The fewest pairs with which the exact test can be sure among so many figures: all on one side is one choice of signs in 2^n, twice.
fn fewest_pairs(figures: usize) -> u32 {
    (1..64).find(|pairs| figures as f64 * 2.0_f64.powi(1 - pairs) <= ALPHA).unwrap_or(64).unsigned_abs()
}

/// What must be known of the rows: how many pairs a verdict needs, why there is no card, on what the risk rests, and that gains are not
/// multiplied.
pub(super) fn remarks(compared: &[Compared], cards: &[CardNeed]) -> Vec<String> {
    let card = cards.first().map(|card| {
        card.derivation().unwrap_or_else(|| format!("VRAM and crash risk are unsupported here: {}.", card.basis()))
    });
    let gains = "The gains of the rows are not multiplied into one: they overlap, and were measured together. The visible reaction is \
                 the whole of the stages.";
    let words = "threads / batch: of replies and of prompts. different by itself: surely so alone, not among so many figures; more turns \
                 would tell.";
    let fewest = format!(
        "Among {}, nothing is sure with fewer than {}.",
        counted(compared.len(), "figure"),
        counted(fewest_pairs(compared.len()), "pair")
    );
    [words.to_owned(), fewest].into_iter().chain(card).chain([gains.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_figures_need_more_pairs() {
        // 2/32 is too much for one, 2/64 is not; 12 × 2/256 is too much, 12 × 2/512 is not.
        assert_eq!((fewest_pairs(1), fewest_pairs(12)), (6, 9));
    }
}
