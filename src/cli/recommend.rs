//! `workly-perf recommend`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::format::{DEFAULT, run_formats};
use crate::bridge::Target;
use crate::llm::ModelRef;
use crate::report::Format;

/// Recommend settings for this machine and model, with the evidence for each.
///
/// Uses saved runs of this machine in results/local, and measures what these lack: about a minute, or three with a model of 1 GiB or
/// more. --no-measure and --from use saved runs alone. Settings that were not measured are projected by llama.cpp or follow a rule, and
/// are marked as such. The recommendation is saved as a record; `workly-perf apply` writes it to Workly's configuration.
#[derive(Debug, Args)]
pub struct RecommendArgs {
    /// Measure what is missing within about a minute, or three with a model of 1 GiB or more. This is the default.
    #[arg(long, conflicts_with_all = ["thorough", "from", "no_measure"])]
    pub quick: bool,
    /// Measure what is missing more thoroughly: every thread count, with and without a competing load. Takes up to 15 minutes.
    #[arg(long, conflicts_with = "from")]
    pub thorough: bool,
    /// Measure nothing: use saved runs, and rules where they say nothing.
    #[arg(long, conflicts_with = "thorough")]
    pub no_measure: bool,
    /// Use only these saved runs (record folders). May be repeated. A run of `launch --measure` tells what the application runs with
    /// and how long its prompts are.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// Write the recommendation to this configuration without asking. The change is shown and a backup is kept.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "data/config.json")]
    pub write: Option<PathBuf>,
    /// What to optimise for.
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Responsive, value_name = "OBJECTIVE")]
    pub objective: ObjectiveArg,
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration, with the current settings. Default: the file of --write, otherwise data/config.json if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The bridge to measure: HOST:PORT, or `embedded[:KEY=VALUE,…]`. Default: as for `workly-perf ipc`.
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<Target>,
    /// Recommend for a GPU with this much memory in GiB, all of it free; 0 means no GPU. Default: the GPU of this machine.
    #[arg(long, value_name = "GIB", value_parser = parse_gib)]
    pub vram: Option<u64>,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-recommend`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
}

/// The objectives of a recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveArg {
    /// First token within 1 s and commands applied within 50 ms while the avatar runs, then tokens per second.
    Responsive,
    /// Maximum tokens per second, with nothing else running on the machine.
    Fast,
    /// Leave cores and GPU memory to games and other programs, while keeping at least 80 % of the speed.
    Light,
}

/// Gibibytes, as bytes.
fn parse_gib(text: &str) -> Result<u64, String> {
    let number: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of GiB such as 6 or 7.5"))?;
    if !(0.0..=1024.0).contains(&number) {
        return Err(format!("{text} GiB is outside of 0 to 1024"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Within 0 to 1024 GiB.
    Ok((number * f64::from(1_u32 << 30)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gibibytes_parse() {
        assert_eq!(parse_gib("6"), Ok(6 << 30));
        assert_eq!(parse_gib("7.5"), Ok(15 << 29));
        assert_eq!(parse_gib("0"), Ok(0));
        for text in ["", "six", "-1", "NaN", "inf", "2000"] {
            assert!(parse_gib(text).is_err(), "{text}");
        }
    }
}
