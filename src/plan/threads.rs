//! The plan of `threads`: thread counts, loads, rounds. Part of the record.

use serde::Serialize;

use super::app_profile::EngineDefaults;
use super::cpus::usable_counts;
use crate::advise::threads::{BASELINE, founding_rule, later_rule};
use crate::cli::{EngineConventions, PriorityArg, SweepItem, SwitchArg, ThreadsArgs, UnderLoadArg, WaitArg};
use crate::llm::GpuProfile;
use crate::llm::engine::{FlashAttention, KvType};
use crate::measure::{EngineSettings, RenderSpec, WaitPolicy};
use crate::record::{Priority, Topology};

/// The default counts, as documented for Workly.
const COUNTS: [u32; 7] = [1, 2, 4, 6, 8, 12, 16];

/// Approximate tokens of the application's 10 exchanges with its system prompt.
const APP_DEPTH: u32 = 1024;

/// How much a setting may raise the share of late frames over that of the scene alone.
const ABOVE_ALONE: f64 = 0.005;

/// What competes with the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CompetingLoad {
    /// Nothing started by this program.
    Idle,
    /// A render-like load.
    Render,
}

impl CompetingLoad {
    /// Name in paths and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Render => "render",
        }
    }
}

/// A thread count of the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreadCount {
    /// Threads.
    pub threads: u32,
    /// Whether it exceeds the CPUs that this process may use.
    pub oversubscribed: bool,
}

/// The thread count of a documented rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreadRule {
    /// Name of the rule.
    pub name: &'static str,
    /// Its thread count on this machine.
    pub threads: u32,
}

/// The word for the application's sampler.
pub(super) const APP_SAMPLER: &str = "app";

/// Maximum share of late frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LateLimit {
    /// The limit, from 0 to 1.
    pub share: f64,
    /// If more frames are late without the model, the limit is this much above that share.
    pub above_alone: f64,
}

impl LateLimit {
    /// The limit next to a scene with this share of late frames alone.
    #[must_use]
    pub fn beside(self, alone: f64) -> f64 {
        self.share.max(alone + self.above_alone)
    }
}

/// When the rounds end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundLimit {
    /// After this many.
    Repetitions(u32),
    /// When every figure is known well enough, or after this many seconds.
    BudgetS(f64),
}

/// The plan of a `threads` run.
#[derive(Debug, Clone, Serialize)]
pub struct ThreadsPlan {
    /// The counts, ascending.
    pub counts: Vec<ThreadCount>,
    /// Thread counts of documented rules, for comparison.
    pub rules: Vec<ThreadRule>,
    /// Whose defaults apply: `app` or `llama-bench`.
    pub engine: &'static str,
    /// The application's GPU profile that the batch sizes and the lock are those of; `null` with llama-bench's defaults.
    pub profile: Option<&'static str>,
    /// How the next token is chosen: by the application's sampler, or not at all because tokens are fixed.
    pub sampler: &'static str,
    /// Tokens already in the context.
    pub depths: Vec<u32>,
    /// Flash attention.
    pub flash_attention: Vec<FlashAttention>,
    /// Types of the KV cache.
    pub cache_types: Vec<KvType>,
    /// Priorities of the model's threads.
    pub priorities: Vec<Priority>,
    /// Behaviour of waiting threads.
    pub waits: Vec<WaitPolicy>,
    /// Whether the model file is memory-mapped.
    pub mmap: Vec<bool>,
    /// Whether every setting is measured in every round.
    pub exhaustive: bool,
    /// Maximum share of late frames.
    pub late_limit: LateLimit,
    /// The competing loads.
    pub loads: Vec<CompetingLoad>,
    /// The render-like load.
    pub render: RenderSpec,
    /// When the rounds end.
    pub rounds: RoundLimit,
    /// Prompt length in tokens.
    pub n_prompt: u32,
    /// Tokens to generate.
    pub n_gen: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Type of the K cache: the first measured.
    pub type_k: &'static str,
    /// Type of the V cache: the first measured.
    pub type_v: &'static str,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Flash attention: the first measured.
    pub flash_attn: &'static str,
    /// Memory mapping: the first measured.
    pub use_mmap: bool,
    /// Whether the weights are locked in memory.
    pub use_mlock: bool,
    /// Seed of the order.
    pub seed: u64,
}

impl ThreadsPlan {
    /// Resolves the arguments for a machine and the application's profile.
    #[must_use]
    pub fn resolve(args: &ThreadsArgs, topology: &Topology, profile: &'static GpuProfile, fresh_seed: u64) -> Self {
        let (physical, logical) = usable_counts(topology);
        let rules = vec![
            ThreadRule { name: "fixed, as the app shipped", threads: BASELINE },
            ThreadRule { name: "founding rule", threads: founding_rule(physical, logical) },
            ThreadRule { name: "later rule", threads: later_rule(physical, logical) },
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
        let is_app = args.engine == EngineConventions::App;
        let flash_attention =
            distinct(&args.flash_attn, if is_app { FlashAttention::Off } else { FlashAttention::Auto });
        let cache_types = distinct(&args.cache_type, KvType::F16);
        let mmap: Vec<bool> = args.mmap.iter().map(|choice| *choice == SwitchArg::On).collect();
        let mmap = distinct(&mmap, true);
        let defaults = EngineDefaults::of(args.engine, profile);
        Self {
            engine: if is_app { "app" } else { "llama-bench" },
            profile: defaults.profile,
            sampler: if is_app { APP_SAMPLER } else { "none" },
            depths: distinct(&args.depth, if is_app { APP_DEPTH } else { 0 }),
            priorities: distinct(&args.priority.iter().map(|arg| priority(*arg)).collect::<Vec<_>>(), Priority::Normal),
            waits: distinct(&args.wait.iter().map(|arg| wait(*arg)).collect::<Vec<_>>(), WaitPolicy::Unset),
            exhaustive: args.exhaustive,
            late_limit: LateLimit { share: args.late_frames / 100.0, above_alone: ABOVE_ALONE },
            counts: threads
                .into_iter()
                .map(|threads| ThreadCount { threads, oversubscribed: threads > logical })
                .collect(),
            rules,
            loads: match args.under_load {
                UnderLoadArg::None => vec![CompetingLoad::Idle],
                UnderLoadArg::Render => vec![CompetingLoad::Render],
                UnderLoadArg::Both => vec![CompetingLoad::Idle, CompetingLoad::Render],
            },
            render: args.render,
            rounds: match args.budget {
                Some(budget) => RoundLimit::BudgetS(budget.as_secs_f64()),
                None => RoundLimit::Repetitions(args.repetitions),
            },
            n_prompt: args.prompt_tokens,
            n_gen: args.gen_tokens,
            n_batch: defaults.n_batch,
            n_ubatch: defaults.n_ubatch,
            type_k: cache_types[0].name(),
            type_v: cache_types[0].name(),
            n_gpu_layers: args.gpu_layers,
            flash_attn: flash_attention[0].name(),
            use_mmap: mmap[0],
            use_mlock: defaults.use_mlock,
            flash_attention,
            cache_types,
            mmap,
            seed: args.seed.unwrap_or(fresh_seed),
        }
    }
}

impl ThreadsPlan {
    /// Whether generated tokens are drawn by the application's sampler.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampler == APP_SAMPLER
    }

    /// Whether the application runs with these settings by itself: the gain of others is relative to them.
    #[must_use]
    pub fn is_the_applications(&self, settings: EngineSettings) -> bool {
        let has_its_threads = |name| u64::from(settings.threads) == GpuProfile::of_app(Some(name)).n_threads;
        settings.changes() == 0 && self.profile.is_some_and(has_its_threads)
    }

    /// All combinations of engine settings to measure, in reading order. A quantised V cache requires flash attention,
    /// so that combinations without it are left out.
    #[must_use]
    pub fn settings(&self) -> Vec<EngineSettings> {
        let mut settings = Vec::new();
        for &use_mmap in &self.mmap {
            for &cache_type in &self.cache_types {
                for &flash_attention in &self.flash_attention {
                    if cache_type.is_quantised() && flash_attention == FlashAttention::Off {
                        continue;
                    }
                    for &wait in &self.waits {
                        for &priority in &self.priorities {
                            settings.extend(self.counts.iter().map(|count| EngineSettings {
                                threads: count.threads,
                                flash_attention,
                                cache_type,
                                priority,
                                wait,
                                use_mmap,
                            }));
                        }
                    }
                }
            }
        }
        settings
    }
}

/// The requested values without duplicates, in their order; the default if there are none.
fn distinct<T: Copy + PartialEq>(asked: &[T], default: T) -> Vec<T> {
    let mut kept = Vec::new();
    for &value in asked {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    if kept.is_empty() { vec![default] } else { kept }
}

fn priority(arg: PriorityArg) -> Priority {
    match arg {
        PriorityArg::Normal => Priority::Normal,
        PriorityArg::Low => Priority::Low,
        PriorityArg::Idle => Priority::Idle,
    }
}

fn wait(arg: WaitArg) -> WaitPolicy {
    match arg {
        WaitArg::Active => WaitPolicy::Active,
        WaitArg::Passive => WaitPolicy::Passive,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::super::cpus::tests::topology;
    use super::*;
    use crate::cli::{Cli, Command};

    /// The plan of a command line, on a machine with these numbers of cores and CPUs.
    pub(crate) fn plan(line: &str, cores: (u64, u64)) -> ThreadsPlan {
        within(line, cores, None)
    }

    fn within(line: &str, (physical, logical): (u64, u64), quota: Option<f64>) -> ThreadsPlan {
        let cli = Cli::try_parse_from(["workly-perf", "threads"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Threads(args) = cli.command else { panic!("{line} is threads") };
        ThreadsPlan::resolve(&args, &topology(physical, logical, quota), &GpuProfile::built_in()[1], 7)
    }

    fn counts(plan: &ThreadsPlan) -> Vec<u32> {
        plan.counts.iter().map(|count| count.threads).collect()
    }

    #[test]
    fn default_counts_are_limited_to_the_machine() {
        assert_eq!(counts(&plan("", (2, 2))), [1, 2, 4]);
        assert_eq!(counts(&plan("", (4, 8))), [1, 2, 4, 6, 8, 12, 16]);
        let asked = plan("--sweep 16,2,2", (2, 2));
        assert_eq!(counts(&asked), [2, 16]);
        assert_eq!(asked.counts.iter().map(|count| count.oversubscribed).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn quota_limits_counts_and_rules() {
        let limited = within("", (8, 16), Some(2.0));
        assert_eq!(counts(&limited), [1, 2, 4]);
        assert_eq!(limited.counts.iter().map(|count| count.oversubscribed).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(limited.rules.iter().map(|rule| rule.threads).collect::<Vec<_>>(), [6, 2, 2]);
    }

    #[test]
    fn auto_adds_rules_and_cores() {
        // 5 cores with 10 logical CPUs: the founding rule gives 5, the later one 4.
        let auto = plan("--sweep auto,3", (5, 10));
        assert_eq!(counts(&auto), [1, 2, 3, 4, 5, 6, 8, 10, 12, 16]);
        assert_eq!(auto.rules.iter().map(|rule| rule.threads).collect::<Vec<_>>(), [6, 5, 4]);
    }

    #[test]
    fn rounds_and_loads_follow_the_arguments() {
        let founding = plan("", (2, 2));
        assert_eq!((founding.rounds, founding.seed), (RoundLimit::Repetitions(10), 7));
        assert_eq!(founding.loads, [CompetingLoad::Idle, CompetingLoad::Render]);
        assert_eq!((founding.engine, founding.depths.as_slice(), founding.flash_attn), ("app", &[1024][..], "off"));
        let bench = plan("--engine llama-bench", (2, 2));
        assert_eq!((bench.depths.as_slice(), bench.flash_attn, bench.n_batch), (&[0][..], "auto", 2048));
        assert_eq!((founding.sampler, bench.sampler, bench.is_sampled()), ("app", "none", false));
        assert_eq!((founding.profile, founding.n_batch, founding.n_ubatch), (Some("balanced"), 256, 256));
        assert_eq!((bench.profile, founding.use_mlock, bench.use_mlock), (None, true, false));
        let other = plan("--budget 2s --under-load render --seed 3", (2, 2));
        assert_eq!((other.rounds, other.seed), (RoundLimit::BudgetS(2.0), 3));
        assert_eq!(other.loads, [CompetingLoad::Render]);
    }

    #[test]
    fn settings_multiply_and_quantised_cache_needs_flash_attention() {
        let wide = plan("--sweep 1,2 --flash-attn off,on,off --cache-type f16,q8_0 --priority normal,idle", (2, 2));
        let settings = wide.settings();
        assert_eq!(settings.len(), 2 * 2 * 3, "f16 off, f16 on, q8_0 on");
        let quantised = settings.iter().filter(|settings| settings.cache_type == KvType::Q8_0);
        assert!(quantised.clone().all(|settings| settings.flash_attention == FlashAttention::On));
        assert_eq!(quantised.count(), 4);
    }

    #[test]
    fn late_frame_limit_rises_with_the_scenes_own_share() {
        let limit = plan("--late-frames 2", (2, 2)).late_limit;
        assert!((limit.beside(0.0) - 0.02).abs() < 1e-12 && (limit.beside(0.03) - 0.035).abs() < 1e-12);
    }
}
