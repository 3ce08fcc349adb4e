//! The rows of llama-bench's table: which cases have one, their order, and their figures.

use std::collections::BTreeMap;

use super::super::error::ReportError;
use super::read::{BenchConditions, BenchPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Run, TokenTest};
use crate::stats::EQUAL_WITHIN;

/// Loads whose rows are printed: the first that the run has.
const LOADS: [&str; 2] = ["idle", "render"];

/// The figures of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BenchRow {
    pub(super) conditions: BenchConditions,
    pub(super) plan: BenchPlan,
    /// Mean duration of a repetition, truncated to whole nanoseconds.
    pub(super) avg_ns: u64,
    /// Its sample standard deviation, truncated to whole nanoseconds.
    pub(super) stddev_ns: u64,
    /// Mean of the repetitions' tokens per second.
    pub(super) avg_ts: f64,
    /// Its sample standard deviation.
    pub(super) stddev_ts: f64,
}

impl BenchRow {
    pub(super) fn of(conditions: BenchConditions, plan: BenchPlan) -> Self {
        let samples_ns = &conditions.samples_ns;
        let ns: Vec<f64> = samples_ns.iter().map(|ns| *ns as f64).collect();
        let ts: Vec<f64> = ns.iter().map(|ns| 1e9 * conditions.n_tokens as f64 / ns).collect();
        let sum: u128 = samples_ns.iter().map(|ns| u128::from(*ns)).sum();
        Self {
            avg_ns: u64::try_from(sum / samples_ns.len().max(1) as u128).unwrap_or(u64::MAX),
            stddev_ns: whole(mean_and_stddev(&ns).1),
            avg_ts: mean_and_stddev(&ts).0,
            stddev_ts: mean_and_stddev(&ts).1,
            conditions,
            plan,
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(ns: f64) -> u64 {
    ns as u64
}

/// Mean and sample standard deviation, 0 for a single sample as in llama-bench. Computed around the mean: llama-bench's
/// sum of squared nanoseconds can overflow 64 bits for repetitions of several seconds.
fn mean_and_stddev(samples: &[f64]) -> (f64, f64) {
    let n = samples.len().max(1) as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    (mean, if samples.len() < 2 { 0.0 } else { (squares / (n - 1.0)).sqrt() })
}

/// The load of a case: the first element of its path.
fn load(case: &Case) -> Option<&'static str> {
    let first = case.path.split('/').next()?;
    LOADS.into_iter().find(|load| *load == first)
}

/// The load whose rows are printed; `None` if the run has no such case.
fn printed_load(run: &Run) -> Option<&'static str> {
    LOADS.into_iter().find(|printed| run.cases.iter().any(|case| load(case) == Some(*printed)))
}

/// Whether the case has repetitions.
fn is_measured(case: &Case) -> bool {
    let has_any =
        case.conditions.get("samples_ns").is_none_or(|samples| samples.as_array().is_none_or(|s| !s.is_empty()));
    matches!(case.state, CaseState::Ok | CaseState::Interrupted | CaseState::Lossy) && has_any
}

/// The rows of `run` in llama-bench's order: layers, then thread counts as they first appear, and for each the prompt
/// before the generation.
pub(super) fn rows(run: &Run) -> Result<Vec<BenchRow>, ReportError> {
    let printed = printed_load(run);
    let cases = run.cases.iter().filter(|case| load(case).is_some() && load(case) == printed && is_measured(case));
    let mut rows = cases
        .map(|case| Ok(BenchRow::of(BenchConditions::of(case)?, BenchPlan::of_case(run, case)?)))
        .collect::<Result<Vec<_>, ReportError>>()?;
    if rows.is_empty() {
        return Err(ReportError::NoRows { command: run.command.clone() });
    }
    let mut counts: Vec<u64> = Vec::new();
    for row in &rows {
        if !counts.contains(&row.conditions.n_threads) {
            counts.push(row.conditions.n_threads);
        }
    }
    rows.sort_by_key(|row| {
        let conditions = &row.conditions;
        let place = counts.iter().position(|count| *count == conditions.n_threads);
        (conditions.n_gpu_layers, place, conditions.test == TokenTest::Generation)
    });
    Ok(rows)
}

/// Which cases left the race and after how many rounds: their rows rest on these alone.
fn dropped<'a>(cases: impl Iterator<Item = &'a Case>) -> Vec<String> {
    let mut groups: BTreeMap<(u64, &str), Vec<&str>> = BTreeMap::new();
    for case in cases {
        let Some(rounds) = case.conditions["dropped_after_rounds"].as_u64() else { continue };
        let why = match case.conditions["dropped_for"]["speed_at_most_percent_of_leader"].as_f64() {
            None => "too many late frames",
            Some(percent) if percent < 100.0 * (1.0 - EQUAL_WITHIN) => "too slow",
            Some(_) => "not faster than the best one",
        };
        groups.entry((rounds, why)).or_default().push(&case.path);
    }
    let sentence = |((rounds, why), paths): ((u64, &str), Vec<&str>)| {
        format!("Dropped after {} ({why}): {}.", counted(rounds, "round"), paths.join(", "))
    };
    groups.into_iter().map(sentence).collect()
}

/// What of `run` llama-bench's columns cannot say, a sentence each: what was simulated, and the cases that have no row.
/// Meant for a place beside the table, such as stderr.
#[must_use]
pub(crate) fn llama_bench_left_out(run: &Run) -> Vec<String> {
    let printed = printed_load(run);
    let mut sentences: Vec<String> =
        run.simulated.iter().map(|part| format!("SIMULATED: {} ({}).", part.what, part.parameters)).collect();
    let other_loads = run.cases.iter().filter(|case| load(case).is_some() && load(case) != printed).count();
    if other_loads > 0 {
        sentences.push(format!(
            "Omitted: {} under a load, for which llama-bench has no column.",
            counted(other_loads, "case")
        ));
    }
    if printed == Some("render") {
        sentences
            .push("All rows were measured under the render-like load, for which llama-bench has no column.".into());
    }
    sentences.extend(dropped(run.cases.iter().filter(|case| printed.is_some() && load(case) == printed)));
    for case in run.cases.iter().filter(|case| printed.is_some() && load(case) == printed && !is_measured(case)) {
        sentences.push(format!("Omitted: {} (no figures).", case.path));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{case, run};
    use super::*;
    use crate::record::Simulation;

    fn printed(run: &Run) -> Vec<(u64, TokenTest)> {
        rows(run).unwrap().iter().map(|row| (row.conditions.n_threads, row.conditions.test)).collect()
    }

    #[test]
    fn rows_are_sorted_by_thread_count_with_the_prompt_first() {
        let mut run = run();
        run.cases = [("tg", 4), ("pp", 2), ("tg", 2), ("pp", 4)].map(|(test, t)| case("idle", test, t, &[5])).into();
        let order =
            [(4, TokenTest::Prompt), (4, TokenTest::Generation), (2, TokenTest::Prompt), (2, TokenTest::Generation)];
        assert_eq!(printed(&run), order);
    }

    #[test]
    fn each_test_has_its_own_thread_count() {
        let mut run = run();
        run.cases = vec![case("idle", "pp", 1, &[5]), case("idle", "tg", 1, &[5])];
        for case in &mut run.cases {
            case.conditions["n_threads"] = json!(3);
            case.conditions["n_threads_batch"] = json!(7);
        }
        assert_eq!(printed(&run), [(7, TokenTest::Prompt), (3, TokenTest::Generation)]);
    }

    #[test]
    fn placements_are_sorted_by_layers() {
        let mut run = run();
        run.cases = vec![case("idle", "pp", 2, &[5]), case("idle", "pp", 2, &[5]), case("idle", "tg", 2, &[5])];
        for (case, layers) in run.cases.iter_mut().zip([33, 0, 0]) {
            case.conditions["n_gpu_layers"] = json!(layers);
        }
        let layers: Vec<_> = rows(&run).unwrap().iter().map(|row| row.conditions.n_gpu_layers).collect();
        assert_eq!(layers, [Some(0), Some(0), Some(33)]);
        assert_eq!(printed(&run), [(2, TokenTest::Prompt), (2, TokenTest::Generation), (2, TokenTest::Prompt)]);
    }

    #[test]
    fn rows_under_load_are_printed_only_if_there_are_no_others() {
        let mut run = run();
        run.cases = vec![case("render", "tg", 1, &[5]), case("idle", "tg", 2, &[5]), case("model", "tg", 9, &[5])];
        assert_eq!(printed(&run), [(2, TokenTest::Generation)]);
        assert_eq!(llama_bench_left_out(&run), ["Omitted: 1 case under a load, for which llama-bench has no column."]);
        // An idle case without figures does not turn cases under load into idle ones.
        run.cases[1].state = CaseState::Failed;
        assert!(matches!(rows(&run), Err(ReportError::NoRows { .. })));
        run.cases.remove(1);
        assert_eq!(printed(&run), [(1, TokenTest::Generation)]);
        assert!(llama_bench_left_out(&run)[0].starts_with("All rows were measured under"));
    }

    #[test]
    fn dropped_settings_are_named_with_their_rounds() {
        let mut run = run();
        run.cases = [1, 2, 4, 6].map(|threads| case("idle", "tg", threads, &[5])).into();
        for (at, rounds) in [(1, 3), (2, 1), (3, 1)] {
            run.cases[at].conditions["dropped_after_rounds"] = json!(rounds);
            run.cases[at].conditions["dropped_for"] = json!({"speed_at_most_percent_of_leader": 40.0});
        }
        assert_eq!(
            llama_bench_left_out(&run),
            [
                "Dropped after 1 round (too slow): idle/tg8/threads=4, idle/tg8/threads=6.",
                "Dropped after 3 rounds (too slow): idle/tg8/threads=2.",
            ]
        );
    }

    #[test]
    fn case_without_repetitions_is_named_instead_of_a_row() {
        let mut run = run();
        run.cases = vec![case("idle", "tg", 1, &[5]), case("idle", "tg", 2, &[]), case("idle", "tg", 4, &[5])];
        run.cases[2].state = CaseState::Invalid;
        run.simulated = vec![Simulation { what: "synthetic weights".into(), parameters: "tiny".into() }];
        assert_eq!(printed(&run), [(1, TokenTest::Generation)]);
        assert_eq!(
            llama_bench_left_out(&run),
            [
                "SIMULATED: synthetic weights (tiny).",
                "Omitted: idle/tg8/threads=2 (no figures).",
                "Omitted: idle/tg8/threads=4 (no figures).",
            ]
        );
        let ipc = crate::record::sample::run();
        let text = rows(&ipc).unwrap_err().to_string();
        assert_eq!(text, "the run of `ipc` has no measured case for llama-bench's format");
    }

    #[test]
    fn sample_deviation_is_exact_for_any_duration() {
        let (mean, stddev) = mean_and_stddev(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((mean - 5.0).abs() < 1e-12 && (stddev - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(mean_and_stddev(&[3.0]), (3.0, 0.0));
        let mut run = run();
        run.cases = vec![case("idle", "tg", 1, &[60_000_000_000, 60_000_000_003, 60_000_000_000])];
        let rows = rows(&run).unwrap();
        assert_eq!((rows[0].avg_ns, rows[0].stddev_ns), (60_000_000_001, 1));
    }
}
