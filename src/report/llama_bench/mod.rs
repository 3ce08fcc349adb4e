//! A run of `threads` as llama-bench prints one: its Markdown table and its CSV, for tools that read them.
//!
//! The columns, their order and their formats are those of llama-bench (`tools/llama-bench` of llama.cpp, build with
//! `load_mode` and `fit_target`). What a run of `threads` never changes is printed as llama-bench prints its defaults.
//!
//! Two things are told apart nowhere in these columns. Under which load a row was measured: therefore only the rows under
//! `idle` are printed, and those under `render` only where the run has no others. And whether the model's weights were
//! synthetic. [`llama_bench_left_out`] says both in words, for a place outside the table.

mod csv;
mod markdown;
mod placements;
mod read;
mod row;
#[cfg(test)]
mod sample;

pub use csv::llama_bench_csv;
pub use markdown::llama_bench_markdown;
pub use row::llama_bench_left_out;
