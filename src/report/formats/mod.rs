//! The output formats. Each is one file, which exports what can be shown in it: a run, a comparison, a history. A new
//! format is its own file and its lines in this one; the command line, its help and the commands read these lists.

mod bencher;
mod benchmark;
mod csv;
mod exporter;
mod github;
mod history;
mod html;
mod hyperfine;
mod json;
mod junit;
mod llama_bench;
mod markdown;
mod openmetrics;
mod table;
mod trace;

use exporter::formats;
pub use exporter::{
    ComparisonExporter, ComparisonFile, ComparisonPage, Exporter, FileExporter, HistoryExporter, HistoryPage,
    RunExporter, RunPage, exporter_of,
};

formats! {
    Table = "table",
    Md = "md",
    Csv = "csv",
    Json = "json",
    LlamaBench = "llama-bench",
    LlamaBenchCsv = "llama-bench-csv",
    Html = "html",
    Trace = "trace",
    OpenMetrics = "openmetrics",
    Hyperfine = "hyperfine",
    Github = "github",
    Junit = "junit",
    BenchmarkSmaller = "benchmark-smaller",
    BenchmarkBigger = "benchmark-bigger",
    Bencher = "bencher",
    History = "history",
}

/// A run, in the formats of all measuring commands.
pub static RUN_FORMATS: [&RunExporter; 4] = [&table::Table, &markdown::Markdown, &csv::Csv, &json::Json];

/// A run, in the further formats of commands that measure tokens.
pub static TOKEN_FORMATS: [&RunExporter; 2] = [&llama_bench::LlamaBench, &llama_bench::LlamaBenchCsv];

/// A saved run, in the further formats of `report`.
pub static SAVED_FORMATS: [&RunExporter; 4] =
    [&html::Html, &trace::Trace, &openmetrics::OpenMetrics, &hyperfine::Hyperfine];

/// A comparison, on standard output.
pub static COMPARISON_FORMATS: [&ComparisonExporter; 5] =
    [&table::Table, &markdown::Markdown, &json::Json, &html::Html, &github::Github];

/// A comparison, in a file.
pub static FILE_FORMATS: [&FileExporter; 8] = [
    &markdown::Comment,
    &json::Json,
    &html::Html,
    &junit::Junit,
    &benchmark::Smaller,
    &benchmark::Bigger,
    &bencher::Bencher,
    &history::HistoryRow,
];

/// A history of runs.
pub static HISTORY_FORMATS: [&HistoryExporter; 5] =
    [&table::Table, &markdown::Markdown, &csv::Csv, &json::Json, &html::Html];
