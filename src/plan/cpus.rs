//! The default number of model threads, and the warning about more threads than CPUs.

use crate::record::Topology;

/// Maximum default.
const MOST_THREADS: u64 = 16;

/// The number of physical cores that this process may use.
pub(super) fn usual_threads(topology: &Topology) -> u32 {
    u32::try_from(topology.usable_cores().min(MOST_THREADS)).unwrap_or(1)
}

/// Usable physical cores and usable logical CPUs, the inputs of documented rules.
#[must_use]
pub fn usable_counts(topology: &Topology) -> (u32, u32) {
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let cores = topology.usable_cores();
    // If one limit cannot be read, the others still apply.
    let cpus = topology.usable_cpus().value().copied().unwrap_or(cores);
    (small(cores.min(cpus)), small(cpus))
}

/// A warning if the largest thread count exceeds the CPUs that this process may use.
#[must_use]
pub fn oversubscribed(most_threads: u32, topology: &Topology) -> Option<String> {
    let usable = topology.usable_cpus().value().copied().filter(|usable| u64::from(most_threads) > *usable)?;
    let limit = match (topology.quota_cpus.value(), topology.affinity_cpus.value(), topology.logical_cpus.value()) {
        (Some(Some(quota)), ..) if quota.floor() <= usable as f64 => format!("its CPU quota is {quota:.2} CPUs"),
        (_, Some(allowed), Some(logical)) if allowed < logical => format!("its affinity allows {allowed} of {logical}"),
        _ => "the machine has no more".into(),
    };
    let cpus = if usable == 1 { "one CPU".into() } else { format!("{usable} CPUs") };
    Some(format!("{most_threads} threads share the {cpus} that this process may use ({limit}), which slows them down"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::Fact;

    /// A machine with `cores` cores and `logical` CPUs, under a CPU quota.
    pub(in super::super) fn topology(cores: u64, logical: u64, quota: Option<f64>) -> Topology {
        Topology {
            physical_cores: Fact::Value(cores),
            logical_cpus: Fact::Value(logical),
            performance_cores: Fact::Unsupported,
            efficiency_cores: Fact::Unsupported,
            smt: Fact::Value(cores < logical),
            affinity_cpus: Fact::Value(logical),
            quota_cpus: Fact::Value(quota),
        }
    }

    #[test]
    fn quota_lowers_the_default_thread_count() {
        assert_eq!(usual_threads(&topology(8, 16, None)), 8);
        assert_eq!(usual_threads(&topology(8, 16, Some(2.0))), 2);
        assert_eq!(usual_threads(&topology(64, 128, None)), 16);
        assert_eq!(usable_counts(&topology(8, 16, None)), (8, 16));
        assert_eq!(usable_counts(&topology(8, 16, Some(2.5))), (2, 2));
    }

    #[test]
    fn oversubscription_warning_names_the_limit() {
        assert_eq!(oversubscribed(8, &topology(8, 16, None)), None);
        let by = |threads, topology: Topology| oversubscribed(threads, &topology).unwrap();
        let quota = by(6, topology(8, 16, Some(1.5)));
        assert!(quota.starts_with("6 threads share the one CPU") && quota.contains("quota is 1.50 CPUs"), "{quota}");
        let pinned = Topology { affinity_cpus: Fact::Value(4), ..topology(8, 16, None) };
        assert!(by(6, pinned).contains("affinity allows 4 of 16"));
        assert!(by(6, topology(2, 2, None)).contains("no more"));
    }
}
