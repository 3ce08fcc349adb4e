//! llama-bench's CSV: a bare header, then every cell in quotes.

use super::super::error::ReportError;
use super::placements;
use super::read::BenchSubject;
use super::row::{BenchRow, rows};
use crate::record::{Run, TokenTest};

/// `run` as llama-bench's CSV, ending in a newline. Only the `idle` rows, unless the run has none: no column names the load.
/// Runs of placements have extra columns after llama-bench's own, and a row without figures for each placement that has none; runs
/// that lowered priorities or set what waiting threads do have `prio` and `wait` there, for which llama-bench has options and no
/// columns.
///
/// `stddev_ns` is the sample standard deviation; llama-bench computes it in 64-bit integers, which is off by
/// nanoseconds, and by more if the squares overflow. Errors name the key that the run lacks.
pub(crate) fn llama_bench_csv(run: &Run) -> Result<String, ReportError> {
    let subject = BenchSubject::of(run)?;
    let rows = rows(run)?;
    let has_placements = placements::are_there(run);
    let threading = threading(&rows);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = cells(&subject, row);
        if at == 0 {
            let more: &[&str] = if has_placements { &placements::COLUMNS } else { &[] };
            let own = threading.iter().map(|(name, _)| *name);
            text +=
                &line(cells.iter().map(|(name, _)| *name).chain(own).chain(more.iter().copied()).map(str::to_owned));
        }
        let mut more = if has_placements { placements::cells(run, row) } else { Vec::new() };
        more.splice(0..0, threading.iter().map(|(_, of)| of(row)));
        text += &line(cells.iter().map(|(_, value)| value).chain(&more).map(|value| quoted(value)));
    }
    for (row, more) in placements::without_figures(run, &rows)? {
        let blank = |(name, value)| if placements::is_figure(name) { String::new() } else { value };
        let cells: Vec<String> = cells(&subject, &row).into_iter().map(blank).collect();
        text += &line(cells.iter().chain(&more).map(|value| quoted(value)));
    }
    Ok(text)
}

/// A column, and what a row has in it.
type NamedCell = (&'static str, fn(&BenchRow) -> String);

/// The columns of settings of threads that some row has and llama-bench's columns lack.
fn threading(rows: &[BenchRow]) -> Vec<NamedCell> {
    let mut columns: Vec<NamedCell> = Vec::new();
    if rows.iter().any(|row| row.conditions.prio != 0) {
        columns.push(("prio", |row| row.conditions.prio.to_string()));
    }
    if rows.iter().any(|row| row.conditions.wait.is_some()) {
        columns.push(("wait", |row| row.conditions.wait.clone().unwrap_or_default()));
    }
    columns
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\n"
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// Every column with its value, in llama-bench's order. Literals are its defaults.
fn cells(subject: &BenchSubject, row: &BenchRow) -> Vec<(&'static str, String)> {
    let plan = &row.plan;
    let conditions = &row.conditions;
    let (n_prompt, n_gen) = match conditions.test {
        TokenTest::Prompt => (conditions.n_tokens, 0),
        TokenTest::Generation => (0, conditions.n_tokens),
    };
    vec![
        ("build_commit", subject.build_commit.clone()),
        ("build_number", subject.build_number.to_string()),
        ("cpu_info", subject.cpu_info.clone()),
        ("gpu_info", subject.gpu_info.clone()),
        ("backends", subject.backends.clone()),
        ("model_filename", subject.model_filename.clone()),
        ("model_type", subject.model_type.clone()),
        ("model_size", subject.model_size_bytes.to_string()),
        ("model_n_params", subject.model_n_params.to_string()),
        ("n_batch", plan.n_batch.to_string()),
        ("n_ubatch", plan.n_ubatch.to_string()),
        ("n_threads", conditions.n_threads.to_string()),
        ("cpu_mask", "0x0".into()),
        ("cpu_strict", "0".into()),
        ("poll", "50".into()),
        ("type_k", plan.type_k.clone()),
        ("type_v", plan.type_v.clone()),
        ("n_gpu_layers", conditions.n_gpu_layers.unwrap_or(plan.n_gpu_layers).to_string()),
        ("n_cpu_moe", "0".into()),
        ("split_mode", "layer".into()),
        ("main_gpu", "0".into()),
        ("no_kv_offload", "0".into()),
        ("flash_attn", plan.flash_attn.to_string()),
        ("devices", "auto".into()),
        ("tensor_split", "0.00".into()),
        ("tensor_buft_overrides", "none".into()),
        ("load_mode", plan.load_mode.into()),
        ("lazy_mode", "auto".into()),
        ("embeddings", "0".into()),
        ("no_op_offload", "0".into()),
        ("no_host", "0".into()),
        ("repack", "1".into()),
        ("fit_target", "0".into()),
        ("fit_min_ctx", "0".into()),
        ("n_prompt", n_prompt.to_string()),
        ("n_gen", n_gen.to_string()),
        ("n_depth", conditions.n_depth.to_string()),
        ("test_time", conditions.test_time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("avg_ns", row.avg_ns.to_string()),
        ("stddev_ns", row.stddev_ns.to_string()),
        ("avg_ts", format!("{:.6}", row.avg_ts)),
        ("stddev_ts", format!("{:.6}", row.stddev_ts)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample::{case, run};
    use super::*;

    /// llama-bench's output for the same repetitions.
    const PRINTED: &str = include_str!("golden.csv");

    #[test]
    fn csv_equals_llama_benchs() {
        let mut run = run();
        run.cases = vec![
            case("idle", "pp", 1, &[193_288, 135_512, 124_806]),
            case("idle", "tg", 1, &[196_272, 145_246, 136_784]),
            case("idle", "pp", 2, &[299_998_884, 315_987_402, 225_944_984]),
            case("idle", "tg", 2, &[874_070_812, 431_193, 414_308]),
        ];
        let text = llama_bench_csv(&run).unwrap();
        assert_eq!(text.lines().next(), PRINTED.lines().next());
        for (ours, theirs) in text.lines().zip(PRINTED.lines()) {
            let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
            for (at, (ours, theirs)) in cells(ours).into_iter().zip(cells(theirs)).enumerate() {
                // The standard deviation in nanoseconds, which llama-bench computes in integers.
                if at == 39 && ours.starts_with('"') {
                    let number = |cell: &str| cell.trim_matches('"').parse::<f64>().unwrap();
                    assert!((number(&ours) - number(&theirs)).abs() <= 1.0 + 1e-4 * number(&theirs), "{ours} {theirs}");
                } else {
                    assert_eq!(ours, theirs, "column {at}");
                }
            }
        }
        assert_eq!(text.lines().count(), PRINTED.lines().count());
        assert!(text.ends_with("\"\n"));
    }

    #[test]
    fn lowered_priorities_and_wait_policies_have_columns_after_llama_bench_s_own() {
        let mut run = run();
        run.cases = vec![case("idle", "tg", 1, &[5]), case("idle", "tg", 2, &[5])];
        run.cases[1].conditions["prio"] = serde_json::json!(-1);
        let text = llama_bench_csv(&run).unwrap();
        let own = PRINTED.lines().next().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("{own},prio"));
        assert!(lines[1].ends_with(r#","0""#) && lines[2].ends_with(r#","-1""#), "{text}");
        run.cases[0].conditions["wait"] = serde_json::json!("passive");
        run.cases[1].conditions["prio"] = serde_json::json!(0);
        let text = llama_bench_csv(&run).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("{own},wait"));
        assert!(lines[1].ends_with(r#","passive""#) && lines[2].ends_with(r#","""#), "{text}");
    }

    #[test]
    fn quotes_are_doubled_and_line_ends_are_blanks() {
        let mut run = run();
        run.subject["model_filename"] = "a \"b\",\nc.gguf".into();
        assert!(llama_bench_csv(&run).unwrap().contains(r#","a ""b"", c.gguf","#));
    }
}
