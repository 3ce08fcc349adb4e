//! The before/after table: figures compared turn by turn, and settings, projections and totals.

use super::change::{ALPHA, PairedChange};
use super::compared::{ComparedFigure, TurnScope, commands};
use super::gpu_memory_need::GpuMemoryNeed;
use super::growth;
use super::samples::{BothSides, TurnsBySide};
use crate::plan::{CompanionSettings, PipelinePlan, PipelineSide};
use crate::plural::counted;
use crate::record::{BeforeAfterRow, MeasuredRow, RowChange, StatedRow};

/// The figures of the founding document's table, in its order.
const FOUNDING: [&str; 4] = ["first_turn_ttlt", "tokens_per_s", "reaction", "commands_per_s"];

/// All rows: those of the founding document, then other noticeable figures, then the stages.
pub(super) fn rows(
    plan: &PipelinePlan,
    turns: &TurnsBySide,
    compared: &[ComparedFigure],
    cards: &[GpuMemoryNeed],
) -> Vec<BeforeAfterRow> {
    let (Some(before), Some(after), Some(sides)) =
        (plan.arm(PipelineSide::Before), plan.arm(PipelineSide::After), turns.both())
    else {
        return Vec::new();
    };
    if compared.is_empty() {
        return Vec::new();
    }
    let (felt, stages): (Vec<&ComparedFigure>, Vec<&ComparedFigure>) =
        compared.iter().partition(|one| one.scope != TurnScope::Stage);
    let is_compared = |row: &StatedRow| felt.iter().any(|one| one.name() == row.figure);
    let cards = cards.first().zip(cards.get(1)).into_iter().flat_map(|(before, after)| card(before, after));
    let stated = reaction(sides)
        .into_iter()
        .filter(|row| !is_compared(row))
        .chain(threads(before, after))
        .chain(engine(before, after))
        .chain(cards)
        .chain([memory_growth(sides, plan.full_after())]);
    let founding = FOUNDING.iter().filter_map(|name| felt.iter().copied().find(|one| one.name() == *name));
    let others = felt.iter().copied().filter(|one| !FOUNDING.contains(&one.name().as_str()));
    founding.map(measured).chain(stated.map(BeforeAfterRow::Stated)).chain(others.chain(stages).map(measured)).collect()
}

fn measured(one: &ComparedFigure) -> BeforeAfterRow {
    BeforeAfterRow::Measured(MeasuredRow {
        figure: one.name(),
        meaning: meaning(one),
        before: one.before,
        after: one.after,
        unit: one.unit.into(),
        change: match one.change {
            PairedChange::Ratio(ratio) => RowChange::Ratio(ratio.ratio),
            PairedChange::Difference(difference) => RowChange::Difference(difference.difference),
        },
        interval: one.change.interval(),
        pairs: one.change.pairs() as u64,
        p_holm: one.p,
        verdict: one.verdict.word().into(),
    })
}

/// A row with text only.
fn stated(figure: &str, meaning: &str, before: String, after: String, verdict: &str) -> StatedRow {
    StatedRow {
        figure: figure.into(),
        meaning: meaning.into(),
        before,
        after,
        pairs: None,
        change: None,
        verdict: verdict.into(),
    }
}

fn memory_growth(BothSides { before, after }: BothSides<'_>, full: usize) -> StatedRow {
    let words = |grown_bytes: &[f64]| growth::words(grown_bytes, full);
    let verdict = growth::verdict(&before.grown_bytes, &after.grown_bytes, full);
    stated("memory_growth", "memory growth/turn", words(&before.grown_bytes), words(&after.grown_bytes), verdict)
}

/// Name of a row: that of the founding document if it has one.
fn meaning(one: &ComparedFigure) -> String {
    match (one.figure, one.scope) {
        ("ttlt", TurnScope::FirstTurn) => "first generation".into(),
        ("reaction", _) => "IPC, a reaction".into(),
        ("commands_per_s", _) => "IPC messages/s".into(),
        ("tokens_per_s", _) => "tokens/s".into(),
        (_, TurnScope::FirstTurn) => format!("{}, first turn", one.meaning),
        (figure, TurnScope::Stage) => format!("stage {figure}"),
        (_, TurnScope::Turn) => one.meaning.into(),
    }
}

/// Rows about the reaction if it was not compared: the sides send different messages, or the bridge does not report
/// when a command is applied. A single command has no rate.
fn reaction(BothSides { before, after }: BothSides<'_>) -> [StatedRow; 2] {
    let (before, after) = (commands(before), commands(after));
    let sent = |commands: Option<usize>| commands.map_or_else(|| "none arrived".into(), |n| counted(n, "command"));
    let (time, rate) = match (before, after) {
        (Some(1), Some(1)) => ("not reported by this bridge", "unchanged: one command has no rate"),
        (before, after) if before == after => ("not reported by this bridge", "not reported by this bridge"),
        _ => ("not comparable", "not comparable"),
    };
    let row = |figure, meaning, verdict| stated(figure, meaning, sent(before), sent(after), verdict);
    [row("reaction", "IPC, a reaction", time), row("commands_per_s", "IPC messages/s", rate)]
}

fn threads(before: &CompanionSettings, after: &CompanionSettings) -> [StatedRow; 2] {
    let row = |figure, meaning, before: String, after: String| {
        let verdict = if before == after { "the same setting" } else { "a setting" };
        stated(figure, meaning, before, after, verdict)
    };
    let layers =
        |arm: &CompanionSettings| if arm.n_gpu_layers < 0 { "all".into() } else { arm.n_gpu_layers.to_string() };
    let threads = |arm: &CompanionSettings| format!("{} / {}", arm.n_threads, arm.n_threads_batch);
    [
        row("n_threads", "threads / batch", threads(before), threads(after)),
        row("n_gpu_layers", "GPU layers", layers(before), layers(after)),
    ]
}

/// The engine's other settings in which the sides differ.
fn engine(before: &CompanionSettings, after: &CompanionSettings) -> impl Iterator<Item = StatedRow> {
    let text = |arm: &CompanionSettings| {
        let file = if arm.use_mmap { "mapped" } else { "read" };
        let weights = if arm.use_mlock { "locked" } else { "not locked" };
        [arm.flash_attn.name(), arm.kv_type.name(), arm.priority.name(), arm.wait_policy.name(), file, weights]
            .map(str::to_owned)
    };
    let names = [
        ("flash_attn", "flash attention"),
        ("kv_type", "KV cache"),
        ("priority", "priority"),
        ("wait_policy", "waiting threads"),
        ("use_mmap", "model file"),
        ("use_mlock", "weights in memory"),
    ];
    let sides = text(before).into_iter().zip(text(after));
    let differing = names.into_iter().zip(sides).filter(|(_, (before, after))| before != after);
    differing.map(|((figure, meaning), (before, after))| stated(figure, meaning, before, after, "a setting"))
}

fn card(before: &GpuMemoryNeed, after: &GpuMemoryNeed) -> [StatedRow; 2] {
    let bytes = |need: &GpuMemoryNeed| {
        need.bytes().map_or_else(|| "unsupported".into(), |bytes| crate::report::amount(bytes as f64))
    };
    let both = before.bytes().zip(after.bytes());
    let vram_verdict = match both {
        None => "unsupported",
        Some((before, after)) if before == after => "the same, estimated",
        Some((before, after)) if after < before => "less, estimated",
        Some(_) => "more, estimated",
    };
    let risk = |need: &GpuMemoryNeed| need.risk_words().unwrap_or_else(|| "unsupported".into());
    let change = both
        .filter(|(before, _)| *before > 0)
        .map(|(before, after)| format!("{:+.1} %", 100.0 * (after as f64 / before as f64 - 1.0)));
    let risk_verdict = after.risk_verdict(before).unwrap_or("unsupported");
    [
        StatedRow { change, ..stated("vram", "VRAM", bytes(before), bytes(after), vram_verdict) },
        stated("crash_risk", "crash risk", risk(before), risk(after), risk_verdict),
    ]
}

/// Minimum number of pairs for significance among this many figures: if all pairs agree, that is one choice of signs in
/// 2^n, two-sided.
fn fewest_pairs(figures: usize) -> u32 {
    (1..64).find(|pairs| figures as f64 * 2.0_f64.powi(1 - pairs) <= ALPHA).unwrap_or(64).unsigned_abs()
}

/// Remarks on the rows: pairs needed for a verdict, why there is no GPU memory, the basis of the risk, and that gains
/// cannot be multiplied.
pub(super) fn remarks(compared: &[ComparedFigure], cards: &[GpuMemoryNeed]) -> Vec<String> {
    let card = cards.first().map(|card| {
        card.derivation().unwrap_or_else(|| format!("VRAM and crash risk are unsupported here: {}.", card.basis()))
    });
    let gains = "The gains of the rows are not multiplied: they overlap, and were measured together. The visible \
        reaction is the sum of the stages.";
    let words = "threads / batch: for replies and for prompts. significant alone: not significant after correction for \
        multiple comparisons; more turns may settle it.";
    let fewest = format!(
        "With {}, nothing is significant with fewer than {}.",
        counted(compared.len(), "figure"),
        counted(fewest_pairs(compared.len()), "pair")
    );
    let frames = compared.iter().any(|one| one.figure == "frames_late").then(|| {
        "late frames: the share of the render-like load's frames during these turns that were late; the change is in \
         percentage points, paired by turn."
            .to_owned()
    });
    [words.to_owned(), fewest].into_iter().chain(card).chain([gains.to_owned()]).chain(frames).collect()
}

#[cfg(test)]
mod tests {
    use super::super::compared::compare;
    use super::super::planted::{STAGES_US, plan, samples_of, turn};
    use super::*;
    use crate::advise::MemoryBudget;
    use crate::stats::FrameCounts;

    /// Eight turns per side: the reply takes half as long after, and late frames fall from 10 to 1 %.
    fn turns() -> TurnsBySide {
        let samples = |reply_us: u64, late: u64| {
            let stages_us = STAGES_US.map(|length_us| if length_us == 300_000 { reply_us } else { length_us });
            let mut samples = samples_of((0..8).map(|number| turn(number, &stages_us)).collect());
            samples.frames = vec![FrameCounts::apart(100, late); 8];
            samples
        };
        let mut turns = TurnsBySide::default();
        *turns.of_mut(PipelineSide::Before) = samples(300_000, 10);
        *turns.of_mut(PipelineSide::After) = samples(150_000, 1);
        turns
    }

    #[test]
    fn rows_follow_the_founding_documents_order() {
        let (plan, turns) = (plan("--after app,n_threads=2"), turns());
        let rows = rows(&plan, &turns, &compare(&turns), &[]);
        let names: Vec<&str> = rows.iter().map(BeforeAfterRow::figure).collect();
        let felt = ["tokens_per_s", "reaction", "commands_per_s", "n_threads", "n_gpu_layers", "memory_growth"];
        let others = ["ttft", "visible", "ttlt", "frames_late", "first_token", "reply", "received", "applied"];
        assert_eq!(names, [&felt[..], &others[..]].concat());
        let row = |name: &str| rows.iter().find(|row| row.figure() == name).unwrap();
        let BeforeAfterRow::Measured(reply) = row("reply") else { panic!("{:?}", row("reply")) };
        assert_eq!((reply.before, reply.after, reply.pairs, reply.meaning.as_str()), (300.0, 150.0, 8, "stage reply"));
        let RowChange::Ratio(ratio) = reply.change else { panic!("{reply:?}") };
        assert!((ratio - 0.5).abs() < 1e-9, "{reply:?}");
        let BeforeAfterRow::Measured(late) = row("frames_late") else { panic!("{:?}", row("frames_late")) };
        assert_eq!((late.before, late.after, late.unit.as_str()), (10.0, 1.0, "%"));
        assert_eq!((late.change, late.interval, late.pairs), (RowChange::Difference(-9.0), Some((-9.0, -9.0)), 8));
        let BeforeAfterRow::Stated(threads) = row("n_threads") else { panic!("{:?}", row("n_threads")) };
        assert!(threads.before.starts_with("6 / ") && threads.after.starts_with("2 / "), "{threads:?}");
        assert!(remarks(&compare(&turns), &[]).last().unwrap().starts_with("late frames: "));
    }

    #[test]
    fn engine_settings_that_differ_are_rows() {
        let (plan, turns) = (plan("--after app,priority=low,flash_attn=on,use_mmap=false"), turns());
        let rows = rows(&plan, &turns, &compare(&turns), &[]);
        let stated = rows.iter().filter_map(|row| match row {
            BeforeAfterRow::Stated(row) => Some((row.figure.as_str(), row.before.as_str(), row.after.as_str())),
            BeforeAfterRow::Measured(_) => None,
        });
        let settings: Vec<_> = stated.filter(|(figure, ..)| *figure != "n_threads").skip(1).take(3).collect();
        assert_eq!(
            settings,
            [("flash_attn", "off", "on"), ("priority", "normal", "low"), ("use_mmap", "mapped", "read")]
        );
    }

    #[test]
    fn memory_of_a_gpu_is_stated_with_its_change_and_risk() {
        const GIB: u64 = 1 << 30;
        let budget = MemoryBudget { total_bytes: 6 * GIB, free_bytes: 6 * GIB, reserve_bytes: 2 * GIB };
        let need = |gib: u64| GpuMemoryNeed::Known { bytes: gib * GIB, basis: "projected", budget };
        let [vram, risk] = card(&need(5), &need(4));
        assert_eq!((vram.before.as_str(), vram.change.as_deref()), ("5.000 GiB", Some("-20.0 %")));
        assert_eq!((vram.verdict.as_str(), risk.verdict.as_str()), ("less, estimated", "improved"));
        let unknown = GpuMemoryNeed::Unknown { reason: "no GPU".into() };
        let [vram, risk] = card(&unknown, &need(4));
        assert_eq!((vram.before.as_str(), vram.change), ("unsupported", None));
        assert_eq!((vram.verdict.as_str(), risk.verdict.as_str()), ("unsupported", "unsupported"));
    }

    #[test]
    fn more_figures_need_more_pairs() {
        // One figure: 2/32 is too large, 2/64 is not; twelve figures: 12 × 2/256 is too large, 12 × 2/512 is not.
        assert_eq!((fewest_pairs(1), fewest_pairs(12)), (6, 9));
    }
}
