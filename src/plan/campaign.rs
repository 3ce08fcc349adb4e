//! Comparison of two variants by alternating runs: which runs, in which order.

use std::path::PathBuf;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use super::shared::maybe_shown;
use crate::cli::CompareArgs;
use crate::plural::{counted, verb_for};

/// The load that `--self-test` slows down by a fifth: its injected delay far exceeds the cost of a round trip.
const NO_FAULT: &str =
    "ipc --load closed --messages 30 --bridge embedded:fps=unpaced,received-delay=10ms,applied-delay=10ms";
const SLOWED: &str =
    "ipc --load closed --messages 30 --bridge embedded:fps=unpaced,received-delay=12ms,applied-delay=12ms";

/// Why a campaign cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// A quote in the arguments is not closed.
    #[error("the arguments '{text}' have an unclosed quote")]
    OpenQuote {
        /// The arguments.
        text: String,
    },
    /// The arguments contain no command.
    #[error("the arguments '{text}' do not begin with a measuring command such as ipc or threads")]
    NoCommand {
        /// The arguments.
        text: String,
    },
    /// The campaign sets the records' location and the output format itself.
    #[error("the arguments '{text}' must not contain {flag}: each run gets its own folder")]
    Reserved {
        /// The arguments.
        text: String,
        /// The flag.
        flag: &'static str,
    },
    /// More A/A pairs than pairs.
    #[error("{} of A against itself {} not fit into {}", counted(*aa_pairs, "pair"), verb_for(aa_pairs, "does", "do"), counted(*pairs, "pair"))]
    TooManySame {
        /// A/A pairs.
        aa_pairs: u32,
        /// Pairs.
        pairs: u32,
    },
}

/// What a run measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantRole {
    /// Variant A.
    A,
    /// Variant B.
    B,
    /// Variant A again in the same round (A/A pair), to measure noise.
    Again,
}

/// One of the two variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignVariant {
    /// Its program; `None` means this one.
    #[serde(serialize_with = "maybe_shown")]
    pub program: Option<PathBuf>,
    /// The measuring command and its arguments.
    pub args: Vec<String>,
}

/// All runs of a campaign, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignPlan {
    /// The baseline.
    pub a: CampaignVariant,
    /// The variant compared with it.
    pub b: CampaignVariant,
    /// Seed of the order.
    pub seed: u64,
    /// The runs of each pair, in order of execution.
    pub rounds: Vec<Vec<VariantRole>>,
}

impl CampaignPlan {
    /// Plans the campaign; `seed` is used unless the arguments contain one.
    pub fn resolve(args: &CompareArgs, seed: u64) -> Result<Self, CampaignError> {
        let (a, b) = match args.ab.as_slice() {
            [a, b] => (a.as_str(), b.as_str()),
            _ => (NO_FAULT, SLOWED),
        };
        let aa_pairs = args.aa_pairs.unwrap_or(args.pairs / 2);
        if aa_pairs > args.pairs {
            return Err(CampaignError::TooManySame { aa_pairs, pairs: args.pairs });
        }
        let seed = args.seed.unwrap_or(seed);
        Ok(Self {
            a: variant(args.bin_a.as_ref(), a)?,
            b: variant(args.bin_b.as_ref(), b)?,
            seed,
            rounds: rounds(args.pairs, aa_pairs, seed),
        })
    }

    /// The variant of a role.
    #[must_use]
    pub fn variant(&self, role: VariantRole) -> &CampaignVariant {
        if role == VariantRole::B { &self.b } else { &self.a }
    }
}

fn variant(program: Option<&PathBuf>, text: &str) -> Result<CampaignVariant, CampaignError> {
    let args = split(text).ok_or_else(|| CampaignError::OpenQuote { text: text.into() })?;
    if args.first().is_none_or(|command| command.starts_with('-')) {
        return Err(CampaignError::NoCommand { text: text.into() });
    }
    let is_flag = |arg: &str, flag: &str| arg == flag || arg.starts_with(&format!("{flag}="));
    for flag in ["--out", "--format"] {
        if args.iter().any(|arg| is_flag(arg, flag)) {
            return Err(CampaignError::Reserved { text: text.into(), flag });
        }
    }
    Ok(CampaignVariant { program: program.cloned(), args })
}

/// Splits `text` at spaces outside single or double quotes. Backslashes are ordinary characters, since Windows paths
/// contain them. `None` if a quote is not closed.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Each pair in random order; A/A pairs are spread evenly.
fn rounds(pairs: u32, aa_pairs: u32, seed: u64) -> Vec<Vec<VariantRole>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..pairs)
        .map(|round| {
            let mut roles = vec![VariantRole::A, VariantRole::B];
            if (round + 1) * aa_pairs / pairs > round * aa_pairs / pairs {
                roles.push(VariantRole::Again);
            }
            roles.shuffle(&mut rng);
            roles
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn non_unicode_program_path_is_recorded() {
        let path = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"n\xff/workly-perf");
        let variant = variant(Some(&path.into()), "ipc").unwrap();
        assert_eq!(serde_json::to_value(variant).unwrap()["program"], "n\u{fffd}/workly-perf");
    }

    #[test]
    fn arguments_are_split_as_written() {
        let words = |text: &str| split(text).unwrap();
        assert_eq!(words("ipc --bridge  embedded"), ["ipc", "--bridge", "embedded"]);
        assert_eq!(
            words(r#"threads --model "C:\my models\a.gguf" ''"#),
            ["threads", "--model", r"C:\my models\a.gguf", ""]
        );
        assert_eq!(words(" "), Vec::<String>::new());
        assert_eq!(split("ipc \"--bridge"), None);
    }

    #[test]
    fn every_round_has_both_variants_and_some_an_aa_pair() {
        let rounds = rounds(12, 5, 7);
        assert!(rounds.iter().all(|roles| roles.contains(&VariantRole::A) && roles.contains(&VariantRole::B)));
        assert_eq!(rounds.iter().filter(|roles| roles.contains(&VariantRole::Again)).count(), 5);
        assert_eq!(rounds, super::rounds(12, 5, 7));
        let first: std::collections::HashSet<_> = rounds.iter().map(|roles| format!("{:?}", roles[0])).collect();
        assert!(first.len() > 1, "the order is random: {rounds:?}");
    }

    #[test]
    fn invalid_campaigns_are_rejected() {
        for (text, says) in [
            ("", "do not begin with a measuring command"),
            ("--quiet ipc", "do not begin"),
            ("ipc --out x", "must not contain --out"),
            ("ipc --format=csv", "must not contain --format"),
            ("ipc 'x", "an unclosed quote"),
        ] {
            let error = variant(None, text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
