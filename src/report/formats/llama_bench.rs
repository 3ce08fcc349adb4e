//! The two formats of llama-bench, for runs that measure tokens.

use super::super::error::ReportError;
use super::super::llama_bench::{llama_bench_csv, llama_bench_left_out, llama_bench_markdown};
use super::{Exporter, Format, RunPage};

/// As llama-bench's table.
pub(super) struct LlamaBench;

impl Exporter<RunPage<'_>> for LlamaBench {
    fn format(&self) -> Format {
        Format::LlamaBench
    }

    fn help(&self) -> &'static str {
        "The table format of llama-bench, for runs that measure tokens"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        llama_bench_markdown(page.run)
    }

    fn left_out(&self, page: &RunPage<'_>) -> Vec<String> {
        llama_bench_left_out(page.run)
    }
}

/// As llama-bench's CSV.
pub(super) struct LlamaBenchCsv;

impl Exporter<RunPage<'_>> for LlamaBenchCsv {
    fn format(&self) -> Format {
        Format::LlamaBenchCsv
    }

    fn help(&self) -> &'static str {
        "The CSV format of llama-bench, for runs that measure tokens"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        llama_bench_csv(page.run)
    }

    fn left_out(&self, page: &RunPage<'_>) -> Vec<String> {
        llama_bench_left_out(page.run)
    }
}
