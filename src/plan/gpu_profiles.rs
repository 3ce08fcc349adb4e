//! The plan of `gpu-profiles`: placements, contexts, repetitions. Part of the record.

use serde::Serialize;

use super::cpus::usable_counts;
use super::threads::RoundLimit;
use crate::cli::{GpuProfilesArgs, LayerItem, MemorySize, Reserve};
use crate::llm::engine::{ContextSpec, FlashAttention, KvType};
use crate::record::Topology;

/// The reserve: GPU memory to keep free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuReserve {
    /// This many bytes.
    Bytes(u64),
    /// As much as other programs use now.
    Measured,
}

/// Name of an absent GPU: its size, as on the command line.
#[must_use]
pub fn card_name(memory_bytes: u64) -> String {
    MemorySize { bytes: memory_bytes }.to_string()
}

/// How far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepDepth {
    /// Projection only; nothing is loaded.
    Project,
    /// Placements are measured.
    Measure,
}

/// The plan of a `gpu-profiles` run.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::struct_excessive_bools)] // Independent settings.
pub struct GpuProfilesPlan {
    /// Whether placements are measured or only projected.
    pub depth: SweepDepth,
    /// Memory of absent GPUs, in bytes.
    pub cards_bytes: Vec<u64>,
    /// The requested placements.
    #[serde(skip)]
    pub layers: Vec<LayerItem>,
    /// The reserve.
    pub reserve: GpuReserve,
    /// Whether a GPU is required.
    pub require_gpu: bool,
    /// Whether placements are measured even if they are projected not to fit.
    pub try_all: bool,
    /// Context sizes in tokens; the first is measured.
    pub contexts: Vec<u32>,
    /// Types of the KV cache; the first is measured.
    #[serde(skip)]
    pub cache_types: Vec<KvType>,
    /// Type of the K cache that is measured.
    pub type_k: &'static str,
    /// Type of the V cache that is measured.
    pub type_v: &'static str,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Flash attention.
    pub flash_attn: &'static str,
    /// Number of threads.
    pub n_threads: u32,
    /// `null`, since each case has its own.
    pub n_gpu_layers: Option<u32>,
    /// Whether the model file is memory-mapped.
    pub use_mmap: bool,
    /// Whether the weights on the CPU are locked in memory.
    pub use_mlock: bool,
    /// When the rounds end.
    pub rounds: RoundLimit,
    /// Prompt length in tokens.
    pub n_prompt: u32,
    /// Tokens to generate.
    pub n_gen: u32,
    /// Time limit per measurement, in seconds.
    pub timeout_s: f64,
    /// Seed of the order.
    pub seed: u64,
}

impl GpuProfilesPlan {
    /// Resolves the arguments for a machine.
    #[must_use]
    pub fn resolve(args: &GpuProfilesArgs, topology: &Topology, fresh_seed: u64) -> Self {
        let (cores, _) = usable_counts(topology);
        let kv = args.cache_type.first().map_or("f16", |kind| kind.name());
        let needed = args.prompt_tokens.max(args.gen_tokens) + 1;
        Self {
            depth: if args.project || !args.vram.is_empty() { SweepDepth::Project } else { SweepDepth::Measure },
            cards_bytes: args.vram.iter().map(|size| size.bytes).collect(),
            layers: args.layers.clone(),
            reserve: match args.reserve {
                Reserve::Size(size) => GpuReserve::Bytes(size.bytes),
                Reserve::Measured => GpuReserve::Measured,
            },
            require_gpu: args.require_gpu,
            try_all: args.try_all,
            contexts: args.ctx_size.iter().map(|&tokens| tokens.max(needed)).collect(),
            cache_types: args.cache_type.clone(),
            type_k: kv,
            type_v: kv,
            n_batch: args.batch_size,
            n_ubatch: args.ubatch_size.min(args.batch_size),
            flash_attn: args.flash_attn.name(),
            n_threads: args.threads.unwrap_or(cores),
            n_gpu_layers: None,
            use_mmap: true,
            use_mlock: args.mlock,
            rounds: match args.budget {
                Some(budget) => RoundLimit::BudgetS(budget.as_secs_f64()),
                None => RoundLimit::Repetitions(args.repetitions),
            },
            n_prompt: args.prompt_tokens,
            n_gen: args.gen_tokens,
            timeout_s: args.timeout.as_secs_f64(),
            seed: args.seed.unwrap_or(fresh_seed),
        }
    }

    /// The context with this size and type of KV cache.
    #[must_use]
    pub fn context(&self, n_ctx: u32, kv: KvType) -> ContextSpec {
        ContextSpec {
            n_ctx,
            n_batch: self.n_batch,
            n_ubatch: self.n_ubatch,
            n_threads: self.n_threads,
            n_threads_batch: self.n_threads,
            type_k: kv,
            type_v: kv,
            flash_attention: self.flash_attn.parse().unwrap_or(FlashAttention::Auto),
        }
    }

    /// The context that is measured and listed.
    #[must_use]
    pub fn first_context(&self) -> ContextSpec {
        let n_ctx = self.contexts.first().copied().unwrap_or(4096);
        self.context(n_ctx, self.cache_types.first().copied().unwrap_or(KvType::F16))
    }

    /// The placements to measure for a model with `offloadable` layers, ascending; `auto` is the recommended one.
    #[must_use]
    pub fn placements(&self, offloadable: u32, auto: u32) -> Vec<u32> {
        let resolve = |item: &LayerItem| match item {
            LayerItem::Count(count) => (*count).min(offloadable),
            LayerItem::All => offloadable,
            LayerItem::Auto => auto,
        };
        let mut layers: Vec<u32> = self.layers.iter().map(resolve).collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    /// Whether the request cannot be fulfilled without a GPU.
    #[must_use]
    pub fn demands_gpu(&self) -> bool {
        let on_cpu = |item: &LayerItem| matches!(item, LayerItem::Auto | LayerItem::Count(0));
        self.require_gpu || !self.layers.iter().any(on_cpu)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::cpus::tests::topology;
    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> GpuProfilesPlan {
        within(line, None)
    }

    fn within(line: &str, quota: Option<f64>) -> GpuProfilesPlan {
        let words = ["workly-perf", "gpu-profiles"].into_iter().chain(line.split_whitespace());
        let Command::GpuProfiles(args) = Cli::try_parse_from(words).unwrap().command else { panic!("{line}") };
        GpuProfilesPlan::resolve(&args, &topology(4, 8, quota), 7)
    }

    #[test]
    fn placements_are_limited_to_the_model_and_unique() {
        let usual = plan("");
        assert_eq!((usual.placements(33, 27), usual.n_threads, usual.seed), (vec![0, 10, 20, 27, 30], 4, 7));
        assert_eq!(usual.placements(13, 13), [0, 10, 13]);
        assert_eq!(plan("--layers all,0").placements(33, 5), [0, 33]);
        assert_eq!((usual.first_context().n_ctx, usual.depth, usual.demands_gpu()), (4096, SweepDepth::Measure, false));
    }

    #[test]
    fn default_threads_respect_the_quota() {
        assert_eq!(within("", Some(1.5)).n_threads, 1);
        assert_eq!(within("--threads 6", Some(1.5)).n_threads, 6);
    }

    #[test]
    fn gpu_is_required_by_flag_or_by_layers() {
        assert!(plan("--require-gpu").demands_gpu());
        assert!(plan("--layers 10,all").demands_gpu());
        assert!(!plan("--layers 10,0").demands_gpu());
        assert!(!plan("--layers auto").demands_gpu());
    }

    #[test]
    fn absent_gpus_are_projected_and_the_context_fits_the_test() {
        let cards = plan("--vram 4GiB,6GiB --reserve measured --ctx-size 64 --prompt-tokens 128 --cache-type q8_0");
        assert_eq!(cards.depth, SweepDepth::Project);
        assert_eq!(cards.cards_bytes, [4 << 30, 6 << 30]);
        assert_eq!((cards.reserve, cards.type_k, cards.contexts[0]), (GpuReserve::Measured, "q8_0", 129));
    }
}
