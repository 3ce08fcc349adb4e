//! `workly-perf compare`.

use std::path::PathBuf;

use clap::Args;

use super::format::{DEFAULT, comparison_formats, file_format};
use super::values::{parse_fail_on, parse_share};
use crate::report::Format;

/// Test whether new runs are slower than old ones, for use in CI.
///
/// BASE and NEW are summary.csv files, run folders, or folders of runs. One run counts as one observation, so a verdict needs
/// several runs on each side: at least 4 and 4, or 6 pairs. Verdicts are regressed, improved, pass (equivalent within the
/// smallest change that matters) and inconclusive. Missing or unreadable runs, and runs from another machine, never pass.
///
/// On a shared machine, --ab is the most reliable: it runs both variants itself, interleaved in random order, and stops as
/// soon as the result is clear.
#[derive(Debug, Args)]
#[command(after_help = OUTCOMES)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
pub struct CompareArgs {
    /// Baseline runs: a CSV file, a run folder, or a folder of runs.
    #[arg(value_name = "BASE", required_unless_present_any = ["ab", "self_test"], conflicts_with_all = ["ab", "self_test"])]
    pub base: Option<PathBuf>,
    /// New runs to judge against the baseline.
    #[arg(value_name = "NEW", required_unless_present_any = ["ab", "self_test"], conflicts_with_all = ["ab", "self_test"])]
    pub new: Option<PathBuf>,
    /// Run two variants in interleaved pairs and compare them. Each is the argument list of a measuring command, such as
    /// "ipc --bridge embedded" and "ipc --bridge embedded:fps=30".
    #[arg(long, num_args = 2, value_names = ["ARGS_A", "ARGS_B"], allow_hyphen_values = true)]
    pub ab: Vec<String>,
    /// Maximum number of pairs; stops earlier if the result is clear.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(6..=200))]
    pub pairs: u32,
    /// Number of A/A pairs (A against itself) added to measure the noise floor. Default: half the number of pairs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=200))]
    pub aa_pairs: Option<u32>,
    /// Executable for variant A. Default: this one.
    #[arg(long, value_name = "FILE", requires = "ab")]
    pub bin_a: Option<PathBuf>,
    /// Executable for variant B. Default: this one.
    #[arg(long, value_name = "FILE", requires = "ab")]
    pub bin_b: Option<PathBuf>,
    /// Check whether this machine can detect a slowdown: compare the embedded bridge with one that is 20 % slower. Exit code 4
    /// if it is not detected.
    #[arg(long, conflicts_with = "ab")]
    pub self_test: bool,
    /// Seed for the order of runs. Default: random; saved in the result.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the runs of --ab; must be new or empty. Default: `results/local/<time>-compare`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Metrics and limits to judge: a built-in gate (default, companion, founding) or a TOML file.
    #[arg(long, default_value = "default", value_name = "GATE")]
    pub gate: String,
    /// Compare these metrics instead of the gate's: METRIC or CASE:METRIC, with * as a wildcard. All must be present.
    #[arg(long, value_name = "METRICS", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// The smallest change that matters (equivalence margin). Default: the gate's value, 5% in the default gate.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub min_effect: Option<f64>,
    /// Which regressions cause exit code 1: `any`, those of at least a given size (`10%`), or `never`.
    #[arg(long, default_value = "any", value_name = "WHAT", value_parser = parse_fail_on)]
    pub fail_on: FailOn,
    /// Exit with code 4 if the result is inconclusive. Without this flag, that is a warning and exit code 0.
    #[arg(long)]
    pub strict: bool,
    /// Compare even if machine, build or subject differ or are unknown.
    #[arg(long)]
    pub allow_different: bool,
    /// Treat the runs of BASE and NEW as pairs, in order of start time. Use it for interleaved runs.
    #[arg(long)]
    pub paired: bool,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = comparison_formats(), default_value = DEFAULT)]
    pub format: Format,
    /// Also write the result to a file: KIND=FILE, where KIND is md, json, html, junit, benchmark-smaller, benchmark-bigger
    /// (github-action-benchmark), bencher, or history (appends a row). May be repeated.
    #[arg(long, value_name = "KIND=FILE", value_parser = parse_output)]
    pub write: Vec<OutputFile>,
    /// Revision of the measured program, for the history. Default: `GITHUB_SHA` or `CI_COMMIT_SHA`, otherwise the revision of
    /// workly-perf.
    #[arg(long, value_name = "REVISION")]
    pub commit: Option<String>,
    /// Branch of the measured program, for the history. Default: `GITHUB_REF_NAME` or `CI_COMMIT_REF_NAME`.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
}

const OUTCOMES: &str = "Exit codes: 0 pass, or inconclusive with a warning · 1 regressed, or a budget exceeded · 2 usage error · \
4 data is missing, not comparable or cannot be judged; with --strict also inconclusive · 5 a file is unreadable, corrupt or \
too new";

/// Which regressions count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FailOn {
    /// Those of at least this share.
    From(f64),
    /// None: verdicts are reported only.
    Never,
}

/// A file of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its format.
    pub format: Format,
    /// Where.
    pub path: PathBuf,
}

fn parse_output(text: &str) -> Result<OutputFile, String> {
    let (kind, path) = text.split_once('=').ok_or_else(|| format!("'{text}' is not KIND=FILE"))?;
    let format = file_format(kind)?;
    if path.is_empty() { Err(format!("'{text}' names no file")) } else { Ok(OutputFile { format, path: path.into() }) }
}
