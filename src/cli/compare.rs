//! `workly-perf compare`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::{parse_fail_on, parse_share};

/// Says whether new runs are slower than old ones.
///
/// BASE and NEW are summary.csv files, run folders, or folders of runs: the CSV alone is enough. The unit is a run, so that
/// a verdict needs several on each side: 4 and 4, or 6 pairs. Verdicts are regressed, improved, pass (surely the same) and
/// inconclusive. What is missing, unreadable or from elsewhere never passes.
///
/// On a machine that others use too, --ab is the surest way: it runs both variants itself, in turns and in random order,
/// and stops as soon as the answer is clear.
#[derive(Debug, Args)]
#[command(after_help = OUTCOMES)]
#[allow(clippy::struct_excessive_bools)] // Flags, as they are typed.
pub struct CompareArgs {
    /// The runs to compare with: a CSV file, a run's folder, or a folder of them.
    #[arg(value_name = "BASE", required_unless_present_any = ["ab", "self_test"], conflicts_with_all = ["ab", "self_test"])]
    pub base: Option<PathBuf>,
    /// The runs in question.
    #[arg(value_name = "NEW", required_unless_present_any = ["ab", "self_test"], conflicts_with_all = ["ab", "self_test"])]
    pub new: Option<PathBuf>,
    /// Run two variants in interleaved pairs and compare them: the arguments of a measuring command for each, such as
    /// "ipc --bridge embedded" "ipc --bridge embedded:fps=30".
    #[arg(long, num_args = 2, value_names = ["ARGS_A", "ARGS_B"], allow_hyphen_values = true)]
    pub ab: Vec<String>,
    /// Pairs of runs, at most: fewer are run if the answer is clear before.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(6..=200))]
    pub pairs: u32,
    /// Pairs of A with itself among them, for the noise floor. Default: half of the pairs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=200))]
    pub aa_pairs: Option<u32>,
    /// The program that runs variant A. Default: this one.
    #[arg(long, value_name = "FILE", requires = "ab")]
    pub bin_a: Option<PathBuf>,
    /// The program that runs variant B. Default: this one.
    #[arg(long, value_name = "FILE", requires = "ab")]
    pub bin_b: Option<PathBuf>,
    /// Compare the embedded bridge with one that is slower by 20 %, on this machine: it must be caught, or the exit code is 4.
    #[arg(long, conflicts_with = "ab")]
    pub self_test: bool,
    /// Seed of the order of the runs. Default: another one each time; the result keeps it.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the runs of --ab; must be new or empty. Default: `results/local/<time>-compare`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What is judged: the name of a built-in gate (default, companion, founding), or a TOML file.
    #[arg(long, default_value = "default", value_name = "GATE")]
    pub gate: String,
    /// Compare these figures instead of the gate's: METRIC or CASE:METRIC, with * for any text. Each must be there.
    #[arg(long, value_name = "METRICS", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// The smallest change that matters. Default: what the gate says, 5%.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub min_effect: Option<f64>,
    /// Which regressions end with exit code 1: `any`, those of at least so many percent (`10%`), or `never`.
    #[arg(long, default_value = "any", value_name = "WHAT", value_parser = parse_fail_on)]
    pub fail_on: FailOn,
    /// End with exit code 4 when the runs cannot tell. Without it, that is a warning and exit code 0.
    #[arg(long)]
    pub strict: bool,
    /// Compare although machine, build or subject differ, or are not known.
    #[arg(long)]
    pub allow_different: bool,
    /// Take the runs of BASE and NEW as pairs, in the order of their starts: for runs that were interleaved.
    #[arg(long)]
    pub paired: bool,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = CompareFormat::Table)]
    pub format: CompareFormat,
    /// Write the result to a file as well: KIND=FILE, with the kinds md, json, junit, benchmark-smaller, benchmark-bigger
    /// (github-action-benchmark), bencher, and history (appends a row). May be repeated.
    #[arg(long, value_name = "KIND=FILE", value_parser = parse_output)]
    pub write: Vec<Output>,
    /// Revision of what was measured, for the history. Default: `GITHUB_SHA` or `CI_COMMIT_SHA`, else that of workly-perf.
    #[arg(long, value_name = "REVISION")]
    pub commit: Option<String>,
    /// Branch of what was measured, for the history. Default: `GITHUB_REF_NAME` or `CI_COMMIT_REF_NAME`.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
}

const OUTCOMES: &str = "Exit codes: 0 pass, or inconclusive with a warning · 1 regressed, or a budget exceeded · 2 usage · \
4 something is missing, must not be compared or cannot be judged; with --strict also inconclusive · 5 a file is unreadable, \
corrupt or too new";

/// Which regressions count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FailOn {
    /// Those of at least this share.
    From(f64),
    /// None: verdicts are reported only.
    Never,
}

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For eyes.
    Table,
    /// Markdown, for a pull request or a job's summary.
    Md,
    /// Everything, for programs.
    Json,
    /// GitHub's annotations, at most one of each kind; the Markdown goes to the file that `GITHUB_STEP_SUMMARY` names.
    Github,
}

/// A file of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its shape.
    pub kind: OutputKind,
    /// Where.
    pub path: PathBuf,
}

/// The shapes of a comparison's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputKind {
    /// Markdown.
    Md,
    /// Everything.
    Json,
    /// `JUnit` XML.
    Junit,
    /// github-action-benchmark, `customSmallerIsBetter`.
    BenchmarkSmaller,
    /// github-action-benchmark, `customBiggerIsBetter`.
    BenchmarkBigger,
    /// Bencher Metric Format.
    Bencher,
    /// A row of the wide history CSV.
    History,
}

fn parse_output(text: &str) -> Result<Output, String> {
    let (kind, path) = text.split_once('=').ok_or_else(|| format!("'{text}' is not KIND=FILE"))?;
    let kind = OutputKind::from_str(kind, false).map_err(|_| {
        let known: Vec<String> = OutputKind::value_variants()
            .iter()
            .filter_map(|kind| Some(kind.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("there is no kind '{kind}'; there are: {}", known.join(", "))
    })?;
    if path.is_empty() { Err(format!("'{text}' names no file")) } else { Ok(Output { kind, path: path.into() }) }
}
