//! The plan of `threads`: which counts, which loads, how many rounds. Part of the record.

use serde::Serialize;

use super::cpus::usable_counts;
use crate::advise::threads::{BASELINE, founding_rule, later_rule};
use crate::cli::{SweepItem, ThreadsArgs, UnderLoad};
use crate::measure::RenderSpec;
use crate::record::Topology;

/// The founding document's counts.
const COUNTS: [u32; 7] = [1, 2, 4, 6, 8, 12, 16];

/// What competes with the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Competition {
    /// Nothing of ours.
    Idle,
    /// What a Unity scene takes.
    Render,
}

impl Competition {
    /// Its word in paths and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Render => "render",
        }
    }
}

/// A thread count and why it is in the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Threads.
    pub threads: u32,
    /// More than the CPUs that this process may use.
    pub oversubscribed: bool,
}

/// What a documented way to choose would choose here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Its thread count on this machine.
    pub threads: u32,
}

/// When the rounds end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounds {
    /// After so many.
    Repetitions(u32),
    /// When every figure is known well enough, or at the latest after so many seconds.
    BudgetS(f64),
}

/// Everything that `threads` will do.
#[derive(Debug, Clone, Serialize)]
pub struct ThreadsPlan {
    /// The counts, ascending.
    pub counts: Vec<Count>,
    /// What the documents would choose, to compare with.
    pub rules: Vec<Rule>,
    /// Under which loads.
    pub loads: Vec<Competition>,
    /// The render-like load.
    pub render: RenderSpec,
    /// When the rounds end.
    pub rounds: Rounds,
    /// Tokens of the prompt.
    pub n_prompt: u32,
    /// Tokens to generate.
    pub n_gen: u32,
    /// Tokens handed over at once.
    pub n_batch: u32,
    /// Tokens computed at once.
    pub n_ubatch: u32,
    /// Type of the K cache.
    pub type_k: &'static str,
    /// Type of the V cache.
    pub type_v: &'static str,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Flash attention: auto.
    pub flash_attn: &'static str,
    /// Whether the file is mapped.
    pub use_mmap: bool,
    /// Seed of the order.
    pub seed: u64,
}

impl ThreadsPlan {
    /// Resolves the arguments for a machine.
    #[must_use]
    pub fn resolve(args: &ThreadsArgs, topology: &Topology, fresh_seed: u64) -> Self {
        let (physical, logical) = usable_counts(topology);
        let rules = vec![
            Rule { name: "fixed, as the app shipped", threads: BASELINE },
            Rule { name: "founding rule", threads: founding_rule(physical, logical) },
            Rule { name: "later rule", threads: later_rule(physical, logical) },
        ];
        let mut threads: Vec<u32> = Vec::new();
        let trimmed = || COUNTS.into_iter().filter(move |&count| count <= 2 * logical);
        let sweep = if args.sweep.is_empty() { None } else { Some(&args.sweep) };
        for item in sweep.into_iter().flatten() {
            match item {
                SweepItem::Count(count) => threads.push(*count),
                SweepItem::Auto => {
                    threads.extend(trimmed());
                    threads.extend(rules.iter().skip(1).map(|rule| rule.threads));
                    threads.extend([physical, logical]);
                    let fast = topology.performance_cores.value().and_then(|&cores| u32::try_from(cores).ok());
                    threads.extend(fast.map(|cores| cores.clamp(1, logical)));
                }
            }
        }
        if sweep.is_none() {
            threads.extend(trimmed());
        }
        threads.sort_unstable();
        threads.dedup();
        Self {
            counts: threads.into_iter().map(|threads| Count { threads, oversubscribed: threads > logical }).collect(),
            rules,
            loads: match args.under_load {
                UnderLoad::None => vec![Competition::Idle],
                UnderLoad::Render => vec![Competition::Render],
                UnderLoad::Both => vec![Competition::Idle, Competition::Render],
            },
            render: args.render,
            rounds: match args.budget {
                Some(budget) => Rounds::BudgetS(budget.as_secs_f64()),
                None => Rounds::Repetitions(args.repetitions),
            },
            n_prompt: args.prompt_tokens,
            n_gen: args.gen_tokens,
            n_batch: 2048,
            n_ubatch: 512,
            type_k: "f16",
            type_v: "f16",
            n_gpu_layers: args.gpu_layers,
            flash_attn: "auto",
            use_mmap: true,
            seed: args.seed.unwrap_or(fresh_seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::cpus::tests::topology;
    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str, cores: (u64, u64)) -> ThreadsPlan {
        within(line, cores, None)
    }

    fn within(line: &str, (physical, logical): (u64, u64), quota: Option<f64>) -> ThreadsPlan {
        let cli = Cli::try_parse_from(["workly-perf", "threads"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Threads(args) = cli.command else { panic!("{line} is threads") };
        ThreadsPlan::resolve(&args, &topology(physical, logical, quota), 7)
    }

    fn counts(plan: &ThreadsPlan) -> Vec<u32> {
        plan.counts.iter().map(|count| count.threads).collect()
    }

    #[test]
    fn counts_are_trimmed_to_the_machine_unless_they_were_asked_for() {
        assert_eq!(counts(&plan("", (2, 2))), [1, 2, 4]);
        assert_eq!(counts(&plan("", (4, 8))), [1, 2, 4, 6, 8, 12, 16]);
        let asked = plan("--sweep 16,2,2", (2, 2));
        assert_eq!(counts(&asked), [2, 16]);
        assert_eq!(asked.counts.iter().map(|count| count.oversubscribed).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_quota_trims_the_counts_and_the_rules() {
        let limited = within("", (8, 16), Some(2.0));
        assert_eq!(counts(&limited), [1, 2, 4]);
        assert_eq!(limited.counts.iter().map(|count| count.oversubscribed).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(limited.rules.iter().map(|rule| rule.threads).collect::<Vec<_>>(), [6, 2, 2]);
    }

    #[test]
    fn auto_adds_the_rules_and_the_cores() {
        // 5 cores with 10 logical CPUs: the founding rule says 5, the later one 4.
        let auto = plan("--sweep auto,3", (5, 10));
        assert_eq!(counts(&auto), [1, 2, 3, 4, 5, 6, 8, 10, 12, 16]);
        assert_eq!(auto.rules.iter().map(|rule| rule.threads).collect::<Vec<_>>(), [6, 5, 4]);
    }

    #[test]
    fn rounds_and_loads_are_as_asked() {
        let founding = plan("", (2, 2));
        assert_eq!((founding.rounds, founding.seed), (Rounds::Repetitions(10), 7));
        assert_eq!(founding.loads, [Competition::Idle, Competition::Render]);
        let other = plan("--budget 2s --under-load render --seed 3", (2, 2));
        assert_eq!((other.rounds, other.seed), (Rounds::BudgetS(2.0), 3));
        assert_eq!(other.loads, [Competition::Render]);
    }
}
