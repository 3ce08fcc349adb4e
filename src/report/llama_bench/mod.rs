//! A `threads` run in the formats of llama-bench: its Markdown table and its CSV, for tools that read them.
//!
//! The columns, their order and their formats are those of llama-bench (`tools/llama-bench` of llama.cpp, build with
//! `load_mode` and `fit_target`). Settings that `threads` never changes have llama-bench's defaults.
//!
//! Two facts have no column. The load: therefore only the `idle` rows are printed, and those under `render` only if the
//! run has no others. And whether the model's weights were synthetic. [`llama_bench_left_out`] states both in words,
//! for output outside the table.

mod csv;
mod markdown;
mod placements;
mod read;
mod row;
#[cfg(test)]
mod sample;

pub(super) use csv::llama_bench_csv;
pub(super) use markdown::llama_bench_markdown;
pub(super) use row::llama_bench_left_out;
