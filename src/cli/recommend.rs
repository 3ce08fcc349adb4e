//! `workly-perf recommend`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::root::Format;
use crate::bridge::Target;
use crate::llm::ModelRef;

/// Recommends settings for this machine and model, and says what speaks for each.
///
/// Starts from saved runs of this machine in results/local, or from those after --from. With --quick or --thorough it first
/// measures what is missing among them. What was not measured is projected by llama.cpp or follows a rule, and says so.
/// The recommendation is saved as a record; `workly-perf apply` writes it into Workly's configuration.
#[derive(Debug, Args)]
pub struct RecommendArgs {
    /// Measure what is missing, in less than a minute with a small model.
    #[arg(long, conflicts_with_all = ["thorough", "from"])]
    pub quick: bool,
    /// Measure what is missing, for up to a quarter of an hour: every thread count, with and without a load beside it.
    #[arg(long, conflicts_with = "from")]
    pub thorough: bool,
    /// Only these saved runs: folders of records. May be repeated.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// Write the recommendation into this configuration, without a question. The change is shown and a backup kept.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "data/config.json")]
    pub write: Option<PathBuf>,
    /// What the settings should be good for.
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Responsive, value_name = "OBJECTIVE")]
    pub objective: ObjectiveArg,
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration: what you have now. Default: that of --write, else data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The bridge to measure: HOST:PORT, or `embedded[:KEY=VALUE,…]`. Default: as for `workly-perf ipc`.
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<Target>,
    /// Recommend for a graphics card with so many GiB of memory, all of it free; 0 for none. Default: the card of this machine.
    #[arg(long, value_name = "GIB", value_parser = parse_gib)]
    pub vram: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-recommend`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What a recommendation is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveArg {
    /// First token within 1 s and commands applied within 50 ms beside the avatar, then tokens a second.
    Responsive,
    /// Tokens a second before all else, with nothing but the model on the machine.
    Fast,
    /// Cores and video memory are left to games and others, as long as four fifths of the speed remain.
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
    fn gibibytes_are_read() {
        assert_eq!(parse_gib("6"), Ok(6 << 30));
        assert_eq!(parse_gib("7.5"), Ok(15 << 29));
        assert_eq!(parse_gib("0"), Ok(0));
        for text in ["", "six", "-1", "NaN", "inf", "2000"] {
            assert!(parse_gib(text).is_err(), "{text}");
        }
    }
}
