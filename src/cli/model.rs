//! `workly-perf model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::llm::ModelRef;
use crate::llm::synth::{DEFAULT_SEED, Shape};

/// Looks into model files, and writes synthetic ones.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// The commands on models.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Say what a GGUF file's header tells: shape, quantisation, sizes, and what Workly's GPU profiles come to.
    Inspect(InspectArgs),
    /// Write a model of a real shape with noise for weights: no download, true speed and memory, gibberish for text.
    Synth(SynthArgs),
    /// List the shapes that can be written.
    Shapes(ShapesArgs),
}

/// `workly-perf model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The GGUF file, or `synth:SHAPE[@SEED]` for a synthetic model, which is made and kept in the cache. Only the header is
    /// read, and nothing in it is trusted.
    #[arg(value_name = "FILE")]
    pub model: ModelRef,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = ModelFormat::Table)]
    pub format: ModelFormat,
}

/// `workly-perf model synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// The shape; `workly-perf model shapes` lists them.
    #[arg(value_name = "SHAPE", value_parser = parse_shape)]
    pub shape: &'static Shape,
    /// The file to write. Default: synth-SHAPE-seedN.gguf in the current folder.
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Seed of the noise: the same shape and seed give the same bytes everywhere.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    /// Replace a file that is there already.
    #[arg(long)]
    pub force: bool,
}

/// `workly-perf model-check`: tries one model, for the command that started this process. It reads what to do as one line of
/// JSON from standard input, which stays open as long as anybody wants the answer.
#[derive(Debug, Args)]
pub struct ModelCheckArgs {}

/// `workly-perf model shapes`.
#[derive(Debug, Args)]
pub struct ShapesArgs {
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = ModelFormat::Table)]
    pub format: ModelFormat,
}

/// How facts about models are printed to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelFormat {
    /// For eyes.
    Table,
    /// For programs: sizes in bytes.
    Json,
}

fn parse_shape(name: &str) -> Result<&'static Shape, String> {
    Shape::named(name).map_err(|error| error.to_string())
}
