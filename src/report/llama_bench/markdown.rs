//! llama-bench's Markdown table: a setting only has a column if it is not the default.

use super::super::error::ReportError;
use super::read::{BenchPlan, BenchSubject};
use super::row::{BenchRow, rows};
use crate::record::Run;

const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

/// Backend names that llama-bench counts as running on the CPU.
const CPU_BACKENDS: [&str; 3] = ["CPU", "BLAS", "ZenDNN"];

/// A column: its heading, its minimum width in bytes (as in C's `printf`), and whether its cells are left-aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BenchColumn {
    heading: &'static str,
    width: usize,
    left: bool,
    field: BenchField,
}

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BenchField {
    Model,
    Size,
    Params,
    Backend,
    GpuLayers,
    Threads,
    Batch,
    Ubatch,
    TypeK,
    TypeV,
    FlashAttn,
    LoadMode,
    Prio,
    Test,
    TokensPerSecond,
}

impl BenchField {
    fn column(self) -> BenchColumn {
        let (heading, width, left) = match self {
            Self::Model => ("model", 30, true),
            Self::Size => ("size", 10, false),
            Self::Params => ("params", 10, false),
            Self::Backend => ("backend", 10, true),
            Self::GpuLayers => ("ngl", 3, false),
            Self::Threads => ("threads", 7, false),
            Self::Batch => ("n_batch", 7, false),
            Self::Ubatch => ("n_ubatch", 8, false),
            Self::TypeK => ("type_k", 6, false),
            Self::TypeV => ("type_v", 6, false),
            Self::FlashAttn => ("fa", 3, false),
            Self::LoadMode => ("lm", 10, false),
            Self::Prio => ("prio", 4, false),
            Self::Test => ("test", 15, false),
            Self::TokensPerSecond => ("t/s", 20, false),
        };
        BenchColumn { heading, width, left, field: self }
    }
}

/// `run` as llama-bench's Markdown table with its build line, ending in a newline. Only the `idle` rows, unless the run
/// has none: no column names the load.
///
/// With a GPU backend, the thread count has a column if there are several or if it differs from the machine's number of
/// physical cores, llama-bench's default on most machines. Errors name the key that the run lacks.
pub(crate) fn llama_bench_markdown(run: &Run) -> Result<String, ReportError> {
    let (subject, rows) = (BenchSubject::of(run)?, rows(run)?);
    let columns: Vec<BenchColumn> = fields(run, &subject, &rows).into_iter().map(BenchField::column).collect();
    let mut text = line(columns.iter().map(|column| padded(column.heading, column.width, column.left)));
    text += &line(columns.iter().map(|column| {
        let end = if column.left { '-' } else { ':' };
        format!("{}{end}", "-".repeat(column.width - 1))
    }));
    for row in &rows {
        text += &line(columns.iter().map(|column| {
            // The sign between mean and deviation is one character of two bytes.
            let width = column.width + usize::from(column.field == BenchField::TokensPerSecond);
            padded(&cell(column.field, &subject, row), width, column.left)
        }));
    }
    Ok(format!("{text}\nbuild: {} ({})\n", subject.build_commit, subject.build_number))
}

/// The columns that llama-bench would print, in its order.
fn fields(run: &Run, subject: &BenchSubject, rows: &[BenchRow]) -> Vec<BenchField> {
    let on_cpu = CPU_BACKENDS.iter().any(|name| subject.backends.contains(name));
    let first_count = rows.first().map(|row| row.conditions.n_threads);
    let first_layers = rows.first().and_then(|row| row.conditions.n_gpu_layers);
    let several_layers = rows.iter().any(|row| row.conditions.n_gpu_layers != first_layers);
    let several_counts = rows.iter().any(|row| Some(row.conditions.n_threads) != first_count);
    let default_count = first_count == run.machine.physical_cores.value().copied();
    let defaults = BenchPlan::of_defaults();
    let differs = |from_default: &dyn Fn(&BenchPlan) -> bool| rows.iter().any(|row| from_default(&row.plan));
    let optional = [
        (BenchField::GpuLayers, !on_cpu || several_layers),
        (BenchField::Threads, on_cpu || several_counts || !default_count),
        (BenchField::Batch, differs(&|plan| plan.n_batch != defaults.n_batch)),
        (BenchField::Ubatch, differs(&|plan| plan.n_ubatch != defaults.n_ubatch)),
        (BenchField::TypeK, differs(&|plan| plan.type_k != defaults.type_k)),
        (BenchField::TypeV, differs(&|plan| plan.type_v != defaults.type_v)),
        (BenchField::FlashAttn, differs(&|plan| plan.flash_attn != defaults.flash_attn)),
        (BenchField::LoadMode, differs(&|plan| plan.load_mode != defaults.load_mode)),
        (BenchField::Prio, rows.iter().any(|row| row.conditions.prio != 0)),
    ];
    let mut fields = vec![BenchField::Model, BenchField::Size, BenchField::Params, BenchField::Backend];
    fields.extend(optional.into_iter().filter(|(_, shown)| *shown).map(|(field, _)| field));
    fields.extend([BenchField::Test, BenchField::TokensPerSecond]);
    fields
}

fn cell(field: BenchField, subject: &BenchSubject, row: &BenchRow) -> String {
    let plan = &row.plan;
    match field {
        BenchField::Model => subject.model_type.clone(),
        BenchField::Size => match subject.model_size_bytes as f64 {
            bytes if bytes < GIB => format!("{:.2} MiB", bytes / MIB),
            bytes => format!("{:.2} GiB", bytes / GIB),
        },
        BenchField::Params => match subject.model_n_params as f64 {
            params if params < 1e9 => format!("{:.2} M", params / 1e6),
            params => format!("{:.2} B", params / 1e9),
        },
        BenchField::Backend => subject.backends.clone(),
        BenchField::GpuLayers => row.conditions.n_gpu_layers.unwrap_or(plan.n_gpu_layers).to_string(),
        BenchField::Threads => row.conditions.n_threads.to_string(),
        BenchField::Batch => plan.n_batch.to_string(),
        BenchField::Ubatch => plan.n_ubatch.to_string(),
        BenchField::TypeK => plan.type_k.clone(),
        BenchField::TypeV => plan.type_v.clone(),
        BenchField::FlashAttn => plan.flash_attn.to_string(),
        BenchField::LoadMode => plan.load_mode.into(),
        BenchField::Prio => row.conditions.prio.to_string(),
        BenchField::Test => test(row),
        BenchField::TokensPerSecond => format!("{:.2} ± {:.2}", row.avg_ts, row.stddev_ts),
    }
}

/// `pp128`, `tg64`, and with a depth `tg64 @ d512`.
fn test(row: &BenchRow) -> String {
    let conditions = &row.conditions;
    let name = conditions.test.word();
    let depth = if conditions.n_depth > 0 { format!(" @ d{}", conditions.n_depth) } else { String::new() };
    format!("{name}{}{depth}", conditions.n_tokens)
}

fn padded(text: &str, width: usize, left: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.len()));
    if left { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::{case, run};
    use super::*;
    use crate::record::Fact;

    /// llama-bench's output; a checkout may have converted its line endings.
    fn golden(text: &str) -> String {
        text.replace("\r\n", "\n")
    }

    fn header(run: &Run) -> String {
        let table = llama_bench_markdown(run).unwrap();
        let headings: Vec<&str> = table.lines().next().unwrap().split('|').map(str::trim).collect();
        headings.join(" ").trim().to_owned()
    }

    #[test]
    fn markdown_equals_llama_benchs() {
        let mut run = run();
        run.cases = vec![
            case("idle", "pp", 1, &[261_800, 142_362, 121_972]),
            case("idle", "tg", 1, &[168_321, 142_092, 137_335]),
            case("idle", "pp", 2, &[20_175_712, 213_579, 139_358]),
            case("idle", "tg", 2, &[400_477, 385_094, 385_434]),
        ];
        assert_eq!(llama_bench_markdown(&run).unwrap(), golden(include_str!("golden.md")));
    }

    #[test]
    fn markdown_equals_llama_benchs_with_other_settings() {
        let mut run = run();
        run.subject["model_size"] = json!(142_543_872);
        run.subject["model_n_params"] = json!(134_105_856);
        run.plan = json!({
            "n_batch": 256, "n_ubatch": 64, "type_k": "q8_0", "type_v": "q8_0", "n_gpu_layers": 3, "flash_attn": true,
            "use_mmap": true,
        });
        run.cases = vec![
            case("idle", "pp", 2, &[259_945_085, 843_796_557]),
            case("idle", "tg", 2, &[2_859_915_360, 1_150_144_387]),
        ];
        for case in &mut run.cases {
            case.conditions["n_depth"] = json!(4);
        }
        run.cases[1].conditions["n_gen"] = json!(2);
        assert_eq!(llama_bench_markdown(&run).unwrap(), golden(include_str!("golden_wide.md")));
    }

    #[test]
    fn gpu_runs_have_a_layer_column_and_threads_only_if_chosen() {
        let mut run = run();
        run.subject["backends"] = json!("CUDA");
        run.machine.physical_cores = Fact::Value(1);
        assert_eq!(header(&run), "model size params backend ngl test t/s");
        run.machine.physical_cores = Fact::Unsupported;
        assert_eq!(header(&run), "model size params backend ngl threads test t/s");
        run.machine.physical_cores = Fact::Value(1);
        run.cases.push(case("idle", "tg", 2, &[5]));
        assert_eq!(header(&run), "model size params backend ngl threads test t/s");
        run.subject["backends"] = json!("CUDA,BLAS");
        assert_eq!(header(&run), "model size params backend threads test t/s");
    }

    #[test]
    fn lowered_priority_has_its_own_column() {
        let mut run = run();
        run.cases[0].conditions["prio"] = json!(-1);
        assert_eq!(header(&run), "model size params backend threads prio test t/s");
    }

    #[test]
    fn large_models_are_written_in_large_units() {
        let mut run = run();
        run.subject["model_size"] = json!(5_130_000_000_u64);
        run.subject["model_n_params"] = json!(7_240_000_000_u64);
        let table = llama_bench_markdown(&run).unwrap();
        assert!(table.contains("|   4.78 GiB |     7.24 B |"), "{table}");
    }
}
