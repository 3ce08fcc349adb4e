//! How many layers go on a GPU: the most that fit next to the reserve, according to projections of each placement.

use serde::{Deserialize, Serialize};

use crate::plural::{counted, verb_for};
use crate::text::gib;

/// One placement and its memory use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementOption {
    /// Layers on the GPU, the output layer counted.
    pub n_gpu_layers: u32,
    /// Context in tokens.
    pub n_ctx: u32,
    /// Storage type of keys and values: `f16`, `q8_0`.
    pub kv_type: String,
    /// Bits per value, in tenths: a higher number is more precise.
    pub kv_bits_x10: u32,
    /// Memory on the GPU, in bytes.
    pub device_bytes: u64,
    /// Memory in RAM, in bytes.
    pub host_bytes: u64,
}

/// The available memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryBudget {
    /// Memory of the GPU, in bytes.
    pub total_bytes: u64,
    /// The free part of that, in bytes. All of it for a GPU that is not present.
    pub free_bytes: u64,
    /// Memory to keep free for Unity, the desktop and the driver, in bytes.
    pub reserve_bytes: u64,
}

impl MemoryBudget {
    /// Memory available to a model: GPU memory without the reserve, and never more than is free.
    #[must_use]
    pub fn available_bytes(&self) -> u64 {
        self.free_bytes.min(self.total_bytes.saturating_sub(self.reserve_bytes))
    }
}

/// A chosen placement, and what it was preferred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementPick {
    /// The placement.
    pub chosen: PlacementOption,
    /// The next best one that fits.
    pub runner_up: Option<PlacementOption>,
    /// The smallest of those with more layers, which do not fit.
    pub next_up: Option<PlacementOption>,
    /// The memory that it was chosen for.
    pub budget: MemoryBudget,
}

impl PlacementPick {
    /// Memory that remains free besides the reserve, in bytes.
    #[must_use]
    pub fn spare_bytes(&self) -> u64 {
        self.budget.available_bytes().saturating_sub(self.chosen.device_bytes)
    }

    /// Why this one, as a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        let available = self.budget.available_bytes();
        let fits = format!(
            "{} with a context of {} and a KV cache of {} {} {} of the {} available",
            counted(self.chosen.n_gpu_layers, "layer"),
            self.chosen.n_ctx,
            self.chosen.kv_type,
            verb_for(&self.chosen.n_gpu_layers, "takes", "take"),
            gib(self.chosen.device_bytes),
            gib(available)
        );
        match &self.next_up {
            None => format!("{fits}: no placement has more layers."),
            Some(next) => format!(
                "{fits}; {} would take at least {}, {} too much.",
                counted(next.n_gpu_layers, "layer"),
                gib(next.device_bytes),
                gib(next.device_bytes.saturating_sub(available))
            ),
        }
    }

    /// Why not the runner-up, as a sentence.
    #[must_use]
    pub fn why_not_runner_up(&self) -> Option<String> {
        let (first, second) = (&self.chosen, self.runner_up.as_ref()?);
        let lacks = if second.n_gpu_layers < first.n_gpu_layers {
            "fewer layers"
        } else if second.n_ctx < first.n_ctx {
            "a shorter context"
        } else {
            "a more quantised KV cache"
        };
        Some(format!(
            "Runner-up: {}, context {}, KV cache {}, {}: it also fits, with {lacks}.",
            counted(second.n_gpu_layers, "layer"),
            second.n_ctx,
            second.kv_type,
            gib(second.device_bytes)
        ))
    }
}

/// Chooses a placement within a budget: the most layers that fit, then the longest context, then the most precise KV
/// cache. `None` if nothing fits.
#[must_use]
pub fn pick(options: &[PlacementOption], budget: &MemoryBudget) -> Option<PlacementPick> {
    let available = budget.available_bytes();
    let mut fitting: Vec<&PlacementOption> = options.iter().filter(|option| option.device_bytes <= available).collect();
    fitting.sort_by_key(|option| std::cmp::Reverse((option.n_gpu_layers, option.n_ctx, option.kv_bits_x10)));
    let chosen = (*fitting.first()?).clone();
    let above = options.iter().filter(|option| option.n_gpu_layers > chosen.n_gpu_layers);
    Some(PlacementPick {
        next_up: above.min_by_key(|option| (option.n_gpu_layers, option.device_bytes)).cloned(),
        runner_up: fitting.get(1).map(|&option| option.clone()),
        chosen,
        budget: *budget,
    })
}

/// Placements after which speed fell although more layers were on the GPU: a GPU whose driver moved memory to RAM.
/// `speeds` are layers and tokens per second; a fall counts if it exceeds `noise`, a share.
#[must_use]
pub fn cliffs(speeds: &[(u32, f64)], noise: f64) -> Vec<(u32, u32, f64)> {
    let mut sorted = speeds.to_vec();
    sorted.sort_by_key(|(layers, _)| *layers);
    let falls = |pair: &[(u32, f64)]| {
        let (from, to) = (pair[0], pair[1]);
        let change = to.1 / from.1 - 1.0;
        (from.1 > 0.0 && change < -noise).then_some((from.0, to.0, change))
    };
    sorted.windows(2).filter_map(falls).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A model with 8 layers of half a GiB; 4096 tokens take an eighth of a GiB per layer in 16 bits.
    fn options() -> Vec<PlacementOption> {
        let mut options = Vec::new();
        for n_gpu_layers in 0..=8 {
            for n_ctx in [2048, 4096] {
                for (kv_type, kv_bits_x10) in [("f16", 160), ("q8_0", 85)] {
                    let cache =
                        u64::from(n_gpu_layers) * u64::from(n_ctx) * u64::from(kv_bits_x10) * GIB / (4096 * 160 * 8);
                    options.push(PlacementOption {
                        n_gpu_layers,
                        n_ctx,
                        kv_type: kv_type.into(),
                        kv_bits_x10,
                        device_bytes: u64::from(n_gpu_layers) * GIB / 2 + cache,
                        host_bytes: 0,
                    });
                }
            }
        }
        options
    }

    fn budget(total_gib: u64) -> MemoryBudget {
        MemoryBudget { total_bytes: total_gib * GIB, free_bytes: total_gib * GIB, reserve_bytes: GIB }
    }

    fn picked(budget: &MemoryBudget) -> (u32, u32, String) {
        let chosen = pick(&options(), budget).unwrap().chosen;
        (chosen.n_gpu_layers, chosen.n_ctx, chosen.kv_type)
    }

    #[test]
    fn layers_take_precedence_over_context_and_cache() {
        // All 8 layers with the long f16 cache take 5 GiB.
        assert_eq!(picked(&budget(6)), (8, 4096, "f16".into()));
        // 4.53 GiB: all layers with the long q8_0 cache.
        let tight = MemoryBudget { free_bytes: 5 * GIB - GIB * 46 / 100, ..budget(6) };
        assert_eq!(picked(&tight), (8, 4096, "q8_0".into()));
        // 3 GiB: 5 layers take 2.5 GiB and their cache at most 0.625 GiB.
        assert_eq!(picked(&budget(4)), (5, 4096, "q8_0".into()));
        assert_eq!(picked(&budget(1)), (0, 4096, "f16".into()));
    }

    #[test]
    fn pick_states_its_reason_and_runner_up() {
        let pick = pick(&options(), &budget(4)).unwrap();
        assert_eq!(pick.spare_bytes(), 3 * GIB - pick.chosen.device_bytes);
        let why = pick.why();
        assert!(
            why.starts_with("5 layers with a context of 4096 and a KV cache of q8_0 take 2.83 GiB of the 3.00 GiB")
        );
        assert!(why.contains("6 layers would take at least 3.20 GiB, 0.20 GiB too much"), "{why}");
        let runner_up = pick.why_not_runner_up().unwrap();
        assert!(runner_up.contains("5 layers, context 2048, KV cache f16, 2.81 GiB"), "{runner_up}");
        assert!(runner_up.ends_with("with a shorter context."), "{runner_up}");
    }

    #[test]
    fn free_memory_bounds_the_pick() {
        let busy = MemoryBudget { free_bytes: GIB, ..budget(24) };
        assert_eq!(pick(&options(), &busy).unwrap().chosen.n_gpu_layers, 1);
        let least = options().into_iter().filter(|option| option.n_gpu_layers > 0).collect::<Vec<_>>();
        assert_eq!(pick(&least, &MemoryBudget { free_bytes: 0, ..budget(24) }), None);
        let all = pick(&options(), &budget(24)).unwrap();
        assert_eq!((all.next_up.clone(), all.why().ends_with("no placement has more layers.")), (None, true));
    }

    #[test]
    fn drop_beyond_the_noise_is_a_cliff() {
        let speeds = [(0, 10.0), (20, 30.0), (10, 20.0), (33, 12.0), (25, 29.5)];
        let found = cliffs(&speeds, 0.05);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, found[0].1), (25, 33));
        assert!(cliffs(&[(0, 0.0), (1, 5.0)], 0.05).is_empty());
    }
}
