//! GPU memory needed with the settings of one side, and the resulting risk.

use serde_json::{Value, json};

use crate::advise::MemoryBudget;
use crate::record::{Direction, Metric, MetricStatus};
use crate::report::amount;

/// GPU memory of a model with its context.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(feature = "llama"), allow(dead_code))] // Stand-ins, all that such a build has, are on no card.
pub(super) enum GpuMemoryNeed {
    /// Unknown.
    Unknown {
        /// The reason.
        reason: String,
    },
    /// Known.
    Known {
        /// Size in bytes.
        bytes: u64,
        /// Basis of the figure.
        basis: &'static str,
        /// The GPU.
        budget: MemoryBudget,
    },
}

/// Risk that Unity or the model runs out of GPU memory; higher is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MemoryRisk {
    Low,
    Raised,
    High,
}

impl GpuMemoryNeed {
    /// As a metric: bytes of GPU memory.
    pub(super) fn metric(&self) -> Metric {
        match self {
            Self::Unknown { .. } => Metric::absent("vram", "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
            Self::Known { bytes, .. } => Metric::plain("vram", "bytes", *bytes as f64, 1, Direction::Lower),
        }
    }

    /// As conditions of the case.
    pub(super) fn conditions(&self) -> Value {
        match self {
            Self::Unknown { reason } => json!({ "unsupported": reason }),
            Self::Known { bytes, basis, budget } => json!({ "bytes": bytes, "basis": basis, "budget": budget }),
        }
    }

    /// Bytes of GPU memory.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Unknown { .. } => None,
            Self::Known { bytes, .. } => Some(*bytes),
        }
    }

    /// Basis of the figure, or why it is unknown.
    pub(super) fn basis(&self) -> &str {
        match self {
            Self::Unknown { reason } => reason,
            Self::Known { basis, .. } => basis,
        }
    }

    fn risk(&self) -> Option<(MemoryRisk, String)> {
        let Self::Known { bytes, budget, .. } = self else { return None };
        let (room, free) = (budget.available_bytes(), budget.free_bytes);
        let of = |bytes: u64| amount(bytes as f64);
        Some(if *bytes <= room {
            (MemoryRisk::Low, format!("low: {} to spare", of(room - bytes)))
        } else if *bytes <= free {
            (MemoryRisk::Raised, format!("raised: {} of what Unity needs", of(bytes - room)))
        } else {
            (MemoryRisk::High, format!("high: {} too much for the GPU", of(bytes - free)))
        })
    }

    /// The risk, as text.
    pub(super) fn risk_words(&self) -> Option<String> {
        self.risk().map(|risk| risk.1)
    }

    /// How the risk changes from `before`.
    pub(super) fn risk_verdict(&self, before: &Self) -> Option<&'static str> {
        let (before, after) = (before.risk()?.0, self.risk()?.0);
        Some(match after.cmp(&before) {
            std::cmp::Ordering::Less => "improved",
            std::cmp::Ordering::Equal => "the same",
            std::cmp::Ordering::Greater => "worse",
        })
    }

    /// How the risk was derived, as a sentence.
    pub(super) fn derivation(&self) -> Option<String> {
        let Self::Known { basis, budget, .. } = self else { return None };
        Some(format!(
            "VRAM: {basis}. Crash risk is derived from it, not measured: a GPU with {}, {} of it free, {} reserved for \
             Unity, the desktop and the driver.",
            amount(budget.total_bytes as f64),
            amount(budget.free_bytes as f64),
            amount(budget.reserve_bytes as f64)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn need(gib: u64) -> GpuMemoryNeed {
        let budget = MemoryBudget { total_bytes: 6 * GIB, free_bytes: 6 * GIB, reserve_bytes: 2 * GIB };
        GpuMemoryNeed::Known { bytes: gib * GIB, basis: "projected", budget }
    }

    #[test]
    fn risk_follows_from_remaining_gpu_memory() {
        assert_eq!(need(3).risk_words().unwrap(), "low: 1.000 GiB to spare");
        assert_eq!(need(5).risk_words().unwrap(), "raised: 1.000 GiB of what Unity needs");
        assert_eq!(need(7).risk_words().unwrap(), "high: 1.000 GiB too much for the GPU");
        assert_eq!(need(4).risk().unwrap().0, MemoryRisk::Low, "exactly the reserve stays free");
        assert_eq!(need(3).risk_verdict(&need(7)), Some("improved"));
        assert_eq!(need(5).risk_verdict(&need(4)), Some("worse"));
        let unknown = GpuMemoryNeed::Unknown { reason: "no card".into() };
        assert_eq!((unknown.risk_words(), need(3).risk_verdict(&unknown)), (None, None));
        assert_eq!(unknown.metric().status, MetricStatus::Unsupported);
    }
}
